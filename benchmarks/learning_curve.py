"""How good forecasts are by days of history: a backtest for each length, into `docs/learning-curve.md`.

    python -m benchmarks.learning_curve FOLDER --from 2013-01-01 --to 2013-02-01 [--newcomer PLANT]

Everything older than so many days before `--from` is taken away: from every plant, or with `--newcomer` from
that plant alone, which then has neighbours with a long history.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from benchmarks import curve_page
from benchmarks.history import lengths, shortened
from cli.backtest import StageBar
from cli.main import run as run_command
from cli.output import emit, json_option, plain, progress, table
from cli.times import Moment
from producers.folder import Folder
from schemas.errors import InputError

DAYS: Final = (7, 14, 30, 60, 120, 240, 365)
PAGE: Final = Path("docs/learning-curve.md")
_HORIZONS: Final = ("1h", "6h", "24h")
_PERCENT: Final = 100


class _Days(click.ParamType):
    name = "days"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if not isinstance(value, str):
            return value
        try:
            days = tuple(sorted({int(part) for part in value.split(",")}))
        except ValueError:
            self.fail(f"{value!r} are no days: write them as 7,14,30", param, ctx)
        if days[0] < 1:
            self.fail("a history has at least one day", param, ctx)
        return days


@click.command(
    epilog="Example:  python -m benchmarks.learning_curve gefcom2014_wind --from 2013-01-01 --to 2013-02-01"
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "from_ms", type=Moment(), required=True, help="First issue; the history ends here.")
@click.option("--to", "to_ms", type=Moment(), required=True, help="Every issue lies before this time.")
@click.option("--days", type=_Days(), default=",".join(map(str, DAYS)), show_default=True)
@click.option("--newcomer", metavar="PLANT", help="Shorten this plant's history alone; its scores are told.")
@click.option("--fast", is_flag=True, help="Smaller trainings, for a first look; the page says so.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[.gridcast/learning-curve]")
@click.option("--page", "page_file", type=click.Path(path_type=Path), default=PAGE, show_default=True)
@json_option
def command(
    folder: Path,
    from_ms: int,
    to_ms: int,
    days: tuple[int, ...],
    newcomer: str | None,
    fast: bool,
    out: Path | None,
    page_file: Path,
    as_json: bool,
) -> None:
    """Backtest with histories of so many days, and write the table of scores.

    A length that the folder does not have is left out. Curves of other folders and ranges, made before, stay
    on the page.
    """
    from infra import settings
    from producers.folder import read_folder

    if to_ms <= from_ms:
        raise click.UsageError("--to must lie after --from")
    read = read_folder(folder, int(time.time() * 1000))
    if newcomer is not None and newcomer not in read.plant_ids:
        raise click.UsageError(f"{newcomer!r} is no plant of {folder}: {', '.join(read.plant_ids)}")
    able = lengths(read, from_ms, days, newcomer)
    if not able:
        raise InputError(f"{folder}: there are no {days[0]} days of telemetry before --from")
    work = out or settings.load().home / "learning-curve"
    curve: dict[str, Any] = {"folder": folder.name, "from_ms": from_ms, "to_ms": to_ms, "newcomer": newcomer}
    curve |= {"fast": fast, "plants": len(read.plant_ids), "rows": []}
    for length in able:
        with progress(f"{length} days", _PERCENT, as_json) as advance:
            cut = shortened(read, from_ms, length, newcomer)
            row = _point(cut, curve, work / "run", StageBar(advance))
        curve["rows"].append({"days": length, **row})
        # After each length: who stops a long run keeps what it has measured.
        page_file.write_text(curve_page.page(keep(work, curve)), encoding="utf-8")
    emit(curve, as_json, _lines(curve["rows"]))


def _point(folder: Folder, curve: dict[str, Any], out: Path, told: StageBar) -> dict[str, Any]:
    """Scores by horizon, and the coverage over all of them, of one backtest."""
    from cli import backtest_run

    options = backtest_run.Options(curve["from_ms"], curve["to_ms"])
    config = backtest_run.config(fast=curve["fast"], seed=1, blind=False)
    scores = backtest_run.run(folder, options, config, out, told)["scores"]
    own = scores if curve["newcomer"] is None else scores["plants"][curve["newcomer"]]
    horizons = {h: {key: own[h][key] for key in ("nmae", "pinball3")} for h in _HORIZONS if h in own}
    return {"horizons": horizons, "coverage": own["all"]["coverage"]}


def keep(work: Path, curve: dict[str, Any]) -> list[dict[str, Any]]:
    """The curves so far with this one, which replaces an older one of the same name."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / "curves.json"
    found = json.loads(path.read_text()) if path.exists() else []
    by_name = {curve_page.name(one): one for one in [*found, curve]}
    path.write_text(json.dumps(list(by_name.values()), default=plain, indent=1))
    return list(by_name.values())


def _lines(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    shown = [
        {
            "days": row["days"],
            **{f"nmae {h}": one["nmae"] for h, one in row["horizons"].items()},
            **{f"pinball {h}": one["pinball3"] for h, one in row["horizons"].items()},
            "coverage": row["coverage"],
        }
        for row in rows
    ]
    yield from table(shown)


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.learning_curve"))
