"""The samples of the demo, played into servers of their own as if both plants lived in one year.

Every value is as it was measured; the stamps are moved, so that the wind farm's storm of December 2014 and
an October day of the solar array's meet at one moment: `MOMENT`. The sun stands where it stood: the solar
array is moved by whole years.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cli.demo.children import Children
from cli.demo.moved import Cast, moved
from infra import local

#: The time that the pictures show.
MOMENT: Final = datetime(2026, 10, 12, 20, tzinfo=UTC)
_TRAINED: Final = MOMENT - timedelta(days=9)


CAST: Final = (
    Cast("la_haute_borne", "la-haute-borne", datetime(2014, 12, 28, 6, tzinfo=UTC)),
    Cast("serf_east", "serf-east", datetime(2016, 10, 12, 20, tzinfo=UTC)),
)


@contextmanager
def playing(home: Path) -> Iterator[tuple[str, str]]:
    """Servers, filled to the moment, while the block runs: the addresses of Kafka and PostgreSQL."""
    environment = {**os.environ, "GRIDCAST_HOME": str(home), "GRIDCAST_API_PORT": "0"}
    found = {server.name: server.address for server in local.up(home)}
    environment |= {"GRIDCAST_KAFKA": found["kafka"], "GRIDCAST_POSTGRES": found["postgres"]}
    children = Children(home, environment)
    try:
        _command(environment, "up")
        children.start("worker")
        children.start("sink")
        children.start("alerts")
        folders = [moved(cast, MOMENT, home / "folders") for cast in CAST]
        for folder in folders:
            _command(environment, "publish", str(folder), "--speed", "0", "--to", _TRAINED.isoformat())
        _command(environment, "lag", "--wait")
        _command(environment, "train", "--fast", "--hindsight", "--until", _TRAINED.isoformat())
        for folder in folders:
            _command(
                environment, "publish", str(folder), "--speed", "0",
                "--from", _TRAINED.isoformat(), "--to", MOMENT.isoformat(),
            )  # fmt: skip
        _command(environment, "lag", "--wait")
        children.end_all()  # a worker would go on to tell the time to plants whose samples end here
        yield found["kafka"], found["postgres"]
    finally:
        children.end_all()
        local.down(home)


def _command(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"gridcast {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
