"""`gridcast backtest`: a past range of a folder, issued as the live worker would have."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from cli.numbers import SEED
from cli.output import emit, iso, json_option, note, plain, progress, table
from cli.times import Duration, Moment, Period

_LEVELS: Final = "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9"
_RESOLUTIONS_S: Final = (300, 600, 900, 1800, 3600)
_PERCENT: Final = 100
_MOST_ISSUES: Final = 1_000_000  # 28 years at 15 minutes


class _Levels(click.ParamType):
    name = "levels"

    def convert(
        self, value: str | tuple[float, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if not isinstance(value, str):
            return value
        try:
            levels = tuple(sorted({float(level) for level in value.split(",")}))
        except ValueError:
            self.fail(f"{value!r} are no levels: write them as 0.1,0.5,0.9", param, ctx)
        if not {0.1, 0.5, 0.9} <= set(levels) or not all(0 < level < 1 for level in levels):
            self.fail("levels lie between 0 and 1, with 0.1, 0.5 and 0.9 among them", param, ctx)
        return levels


class _Retrain(click.ParamType):
    name = "period"

    def convert(
        self, value: str | Period, param: click.Parameter | None, ctx: click.Context | None
    ) -> Period | None:
        if isinstance(value, Period) or value == "never":
            return value if isinstance(value, Period) else None
        found = Duration(months=True).convert(value, param, ctx)
        assert isinstance(found, Period)
        return found


@click.command(
    epilog="Example:  gridcast backtest samples/la_haute_borne --from 2014-12-01 --to 2014-12-15 --out bt",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--from", "from_ms", type=Moment(), required=True, help="First issue; trained on what is before."
)
@click.option("--to", "to_ms", type=Moment(), required=True, help="Every issue lies before this time.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
@click.option("--issue-every", "issue_s", type=Duration(), default="1h", show_default=True)
@click.option(
    "--resolution", "step_s", type=Duration(), default="1h", show_default=True, help="Length of a step."
)
@click.option(
    "--horizon", "horizon_s", type=Duration(), default="24h", show_default=True, help="Last step's end."
)
@click.option("--levels", type=_Levels(), default=_LEVELS, show_default=True, help="Quantile levels.")
@click.option(
    "--retrain-every",
    "retrain",
    type=_Retrain(),
    default="never",
    show_default=True,
    help="Train again on the past after each period (as 1mo), or never.",
)
@click.option("--blind", is_flag=True, help="No actual after the last training reaches a forecast.")
@click.option("--fast", is_flag=True, help="A smaller training, for a first look.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the trainings.")
@json_option
def command(
    folder: Path,
    from_ms: int,
    to_ms: int,
    out: Path,
    issue_s: int,
    step_s: int,
    horizon_s: int,
    levels: tuple[float, ...],
    retrain: Period | None,
    blind: bool,
    fast: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Issue a past range of a canonical folder again, trained on its past alone.

    Writes OUT/forecasts.parquet and OUT/scores.json. Nothing that became known after an issue time changes
    that issue's forecast.
    """
    _check(from_ms, to_ms, step_s, horizon_s)
    _check_count((to_ms - from_ms) // (issue_s * 1000))
    from cli import backtest_run
    from producers.folder import read_folder

    began = time.monotonic()
    read = read_folder(folder, int(time.time() * 1000))
    for line in read.notes:
        note(line)
    options = backtest_run.Options(from_ms, to_ms, issue_s, step_s, horizon_s, levels, retrain, blind)
    with progress("backtest", _PERCENT, quiet=as_json) as advance:
        told = StageBar(advance)
        done = backtest_run.run(read, options, backtest_run.config(fast, seed, blind), out, told)
    (out / "scores.json").write_text(json.dumps(done["scores"], default=plain, indent=1))
    seconds = round(time.monotonic() - began, 1)
    document = {
        "folder": folder,
        "from": iso(from_ms),
        "to": iso(to_ms),
        **done,
        "out": out,
        "seconds": seconds,
    }
    emit(document, as_json, _lines(document))


class StageBar:
    """Turns stages and parts into steps of one bar, which starts anew with each stage."""

    def __init__(self, advance: Any) -> None:
        self._advance = advance
        self._stage = ""
        self._shown = 0

    def __call__(self, stage: str, part: float) -> None:
        if stage != self._stage:
            self._advance(-self._shown, stage)
            self._stage, self._shown = stage, 0
        done = min(_PERCENT, max(0, round(part * _PERCENT)))
        self._advance(done - self._shown, stage)
        self._shown = done


def _check(from_ms: int, to_ms: int, step_s: int, horizon_s: int) -> None:
    if to_ms <= from_ms:
        raise click.UsageError("--to must lie after --from")
    if step_s not in _RESOLUTIONS_S:
        raise click.UsageError("--resolution is one of 5min, 10min, 15min, 30min, 1h")
    if horizon_s % step_s or horizon_s > 172_800:
        raise click.UsageError("--horizon is a whole number of steps, at most 48h")


def _check_count(issues: int) -> None:
    if issues > _MOST_ISSUES:
        raise click.UsageError(
            f"--from to --to holds {issues:,} issues of a plant, over {_MOST_ISSUES:,}: give a shorter range"
        )


def _lines(document: dict[str, Any]) -> Iterator[str]:
    scores = document["scores"]
    horizons = [{"horizon": name, **numbers} for name, numbers in scores.items() if name != "plants"]
    yield from table(horizons, ["horizon", "n", "nmae", "pinball", "coverage", "skill", "mape", "r2"])
    yield "nmae, pinball in % of capacity; skill: gain over the better of last value and same hour yesterday"
    yield "mape: sum of absolute errors over sum of actuals in %, by day where the plant is solar, as r2"
    issued, trained = document["forecasts"], document["trainings"]
    yield f"{issued} forecasts from {trained} training(s) in {document['seconds']} s: {document['out']}"
