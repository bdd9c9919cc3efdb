"""A process that runs jobs and fires schedules, to be killed: `running_jobs.py FOLDER`.

A job of the kind `slow` writes down that it was begun, by whom, and ends once there is a file `go` in FOLDER.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consumers.jobs import schedules
from consumers.jobs.runner import Runner
from consumers.jobs.work import Work
from infra import settings
from infra.postgres import transaction


def slow(work: Work) -> Mapping[str, Any]:
    work.say(f"begun by {os.getpid()}")
    while not (Path(sys.argv[1]) / "go").exists():
        work.check()
        time.sleep(0.05)
    return {"ended_by": os.getpid()}


if __name__ == "__main__":
    found = settings.load()
    Runner(found, {"slow": slow, "train": slow}).start()
    while True:
        with transaction(found) as cursor:
            schedules.fire(cursor, datetime.now(UTC))
        time.sleep(0.1)
