"""`make skill`: the public benchmarks, into `.gridcast/skill/results.json` and `docs/skill.md`.

    python -m benchmarks.skill [--only serf-east] [--data DIR]

Each benchmark's result is written when it is done and replaces its older one; those that did not run now keep
theirs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.catalog import BENCHMARKS, Benchmark, named
from benchmarks.data import MissingData, folder_of
from benchmarks.page import page
from cli.backtest import StageBar
from cli.main import run as run_command
from cli.output import emit, json_option, note, plain, progress, table

_PERCENT: Final = 100
PAGE: Final = Path("docs/skill.md")


class _Names(click.ParamType):
    name = "benchmarks"

    def convert(
        self,
        value: str | tuple[Benchmark, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[Benchmark, ...]:
        if not isinstance(value, str):
            return value
        found = [(name, named(name)) for name in value.replace(",", " ").split()]
        strange = [name for name, one in found if one is None]
        if strange or not found:
            known = ", ".join(one.name for one in BENCHMARKS)
            self.fail(f"{' '.join(strange) or 'nothing'} is no benchmark: these are: {known}", param, ctx)
        return tuple(one for _, one in found if one is not None)


@click.command(epilog="Example:  python -m benchmarks.skill --only serf-east,la-haute-borne --data canonical")
@click.option("--only", type=_Names(), help="These benchmarks alone, separated by commas.")
@click.option(
    "--data",
    envvar="GRIDCAST_BENCHMARK_DATA",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of canonical folders; what it lacks comes from wheels.  [env: GRIDCAST_BENCHMARK_DATA]",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="[.gridcast/skill]")
@click.option("--page", "page_file", type=click.Path(path_type=Path), default=PAGE, show_default=True)
@click.option("--fast", is_flag=True, help="Smaller trainings, for a first look; the page says so.")
@click.option(
    "--worth", is_flag=True, help="Run intraday benchmarks without telemetry too, to tell its worth."
)
@json_option
def command(
    only: tuple[Benchmark, ...] | None,
    data: Path | None,
    out: Path | None,
    page_file: Path,
    fast: bool,
    worth: bool,
    as_json: bool,
) -> None:
    """Run the public benchmarks, write results.json and the page.

    A benchmark whose data is nowhere is named as missing; the others run all the same.
    """
    from infra import settings

    work = out or settings.load().home / "skill"
    work.mkdir(parents=True, exist_ok=True)
    for one in only or BENCHMARKS:
        result = _one(one, data, work, fast, worth, as_json)
        results = {**read(work), one.name: result}
        write(work, results)
        page_file.write_text(page(results), encoding="utf-8")
    results = read(work)
    emit(results, as_json, _lines(results, only or BENCHMARKS))


def _one(
    one: Benchmark, data: Path | None, work: Path, fast: bool, worth: bool, quiet: bool
) -> dict[str, Any]:
    try:
        path = folder_of(one.folder, data, work)
    except MissingData as missing:
        note(f"{one.name}: {missing}")
        reference = one.published[0].score if one.published else None
        return {"score": None, "reference": reference, "rows": 0, "seconds": 0.0, "missing": str(missing)}
    from benchmarks import runs

    with progress(one.name, _PERCENT, quiet) as advance:
        result = runs.run(one, path, work / "runs" / one.name, StageBar(advance), fast, worth)
    found: dict[str, Any] = runs.finite(result)
    return found


def read(work: Path) -> dict[str, Any]:
    """The results so far, in the order of the catalogue."""
    path = work / "results.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return {one.name: found[one.name] for one in BENCHMARKS if one.name in found}


def write(work: Path, results: dict[str, Any]) -> None:
    """Replace `results.json` as a whole, so that a run cut short leaves the older one."""
    partial = work / ".results.json.partial"
    partial.write_text(json.dumps(results, default=plain, indent=1))
    partial.replace(work / "results.json")


def _lines(results: dict[str, Any], wanted: Sequence[Benchmark]) -> Iterator[str]:
    rows = [
        {
            "benchmark": one.name,
            **{key: results[one.name][key] for key in ("score", "reference", "rows", "seconds")},
        }
        for one in wanted
    ]
    yield from table(rows)
    yield from (f"{name}: {one['missing']}" for name, one in results.items() if "missing" in one)


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.skill"))
