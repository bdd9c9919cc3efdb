"""How a worker ends when it must not go on: one plain line, then at once, so that nothing more is acked."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import NoReturn

from infra.ending import EXIT_CRASHED, EXIT_REFUSED, end_process
from schemas.errors import GridcastError


def end_on(error: BaseException, doing: str, logs: Path) -> NoReturn:
    """End on an exception that nobody expected, or that a person must look at (code 1: by its class)."""
    if isinstance(error, GridcastError):
        end_process(f"{doing}: {error}", EXIT_CRASHED if error.retriable else EXIT_REFUSED)
    trace = logs / f"worker-{os.getpid()}.trace"
    logs.mkdir(parents=True, exist_ok=True)
    trace.write_text("".join(traceback.format_exception(error)))
    end_process(f"{doing}: {type(error).__name__}: {error} (where: {trace})")
