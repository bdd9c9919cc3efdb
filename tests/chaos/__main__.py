"""`python -m tests.chaos --kills 100 --seed 7`: exit 0 when every promise was kept, 1 when one was not."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from schemas.errors import GridcastError
from tests.chaos.faults import DECK
from tests.chaos.run import play, write


@click.command()
@click.option("--kills", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--seed", type=int, default=None, help="Repeats the order of a run; without it a new one.")
@click.option("--only", type=click.Choice(list(DECK)), multiple=True, help="Some faults alone.")
@click.option("--home", type=click.Path(path_type=Path), default=Path(".gridcast"), show_default=True)
def main(kills: int, seed: int | None, only: tuple[str, ...], home: Path) -> None:
    """Break everything KILLS times while load runs, then compare."""
    began_s = time.monotonic()
    seed = seed if seed is not None else time.time_ns() % 1_000_000
    base = home.absolute()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began_s:7.1f}s  {line}", flush=True)

    say(f"chaos: {kills} faults, seed {seed}")
    try:
        results = play(base, kills, seed, say, only)
    except GridcastError as error:
        sys.exit(f"error: {error}")
    path = write(base, results)
    for line in results["broken"]:
        say(line)
    for ending, times in results["endings"].items():
        say(f"ended by itself, {times} times: {ending}")
    kept = not results["broken"]
    counts = ", ".join(
        f"{results[name]} {name}" for name in ("lost", "doubled", "differing", "rejected_differing")
    )
    say(f"{'every promise was kept' if kept else 'PROMISES WERE BROKEN'}: {counts} ({path})")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
