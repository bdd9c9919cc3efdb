"""`make bench`: how fast, how late, how heavy; into `.gridcast/bench/results.json`.

    python -m benchmarks.run [--only ingest,ceiling] [--runs 3] [--records 2000000] [--home DIR]

Each figure's result is written when it is done and replaces its older one; those that did not run now keep
theirs. A loaded Kafka stays under the home folder, so that the next run need not load it again.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from benchmarks.speed import jobs, machine
from benchmarks.speed.results import Results
from cli.main import run as run_command
from cli.output import note

RUNS = 3


class _Names(click.ParamType):
    name = "figures"

    def convert(
        self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        if not isinstance(value, str):
            return value
        names = value.replace(",", " ").split()
        strange = [name for name in names if name not in jobs.JOBS]
        if strange or not names:
            self.fail(
                f"{' '.join(strange) or 'nothing'} is no figure: these are: {', '.join(jobs.JOBS)}",
                param,
                ctx,
            )
        return names


@click.command(epilog="Example:  python -m benchmarks.run --only ingest,plain_loop --runs 1 --records 500000")
@click.option("--only", type=_Names(), help="These figures alone, separated by commas.")
@click.option(
    "--runs", type=click.IntRange(1), default=RUNS, show_default=True, help="Of each; the median counts."
)
@click.option(
    "--records", type=click.IntRange(10_000), help="Telemetry of each data set  [2,000,000 without units]"
)
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="[.gridcast/bench]")
def command(only: list[str] | None, runs: int, records: int | None, home: Path | None) -> None:
    """Measure, and write results.json."""
    from infra import settings

    work = (home or settings.load().home / "bench").absolute()
    work.mkdir(parents=True, exist_ok=True)
    results = Results(work / "results.json")
    plan = jobs.Plan(work, runs, records, note)
    asked = {"--only": ",".join(only or ()), "--runs": runs, "--records": records}
    results.begin([f"{name} {value}" for name, value in asked.items() if value])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that children end with it
    with machine.everything_else():
        for name in only or list(jobs.JOBS):
            before = machine.load_1min()
            found = jobs.JOBS[name](plan)
            results.add(name, found, before, runs)
            note(f"{name}: {found}")


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.run"))
