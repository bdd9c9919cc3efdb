"""`docs/benchmarks.md` from `results.json`: `python -m benchmarks.bench_page`; part of `make bench`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from benchmarks.speed.page import page
from cli.main import run as run_command


@click.command(epilog="Example:  python -m benchmarks.bench_page")
@click.option(
    "--results",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    default=Path(".gridcast/bench/results.json"),
    show_default=True,
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/benchmarks.md"), show_default=True)
def command(results: Path, out: Path) -> None:
    """Write the page."""
    out.write_text(page(json.loads(results.read_text())), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.bench_page"))
