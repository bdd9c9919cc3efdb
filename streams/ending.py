"""How a worker ends when it must not go on: one plain line, then at once, so that nothing more is acked."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from schemas.errors import GridcastError

#: Another start may cure it: a crash, a stall, Kafka away for too long. A supervisor starts again.
EXIT_CRASHED = 70
#: A person has to decide or mend something; another start would end the same way.
EXIT_REFUSED = 1


def end_process(reason: str, code: int = EXIT_CRASHED) -> NoReturn:
    """Say why on standard error and end without running any handler.

    Unwinding would leave the agents' loop bodies, and leaving one acks its batch; so no exception, no
    `sys.exit`, and not Faust's `app.crash` either, which is known to hang.
    """
    sys.stderr.write(f"error: {' '.join(reason.split())}\n")
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(code)


def end_on(error: BaseException, doing: str, logs: Path) -> NoReturn:
    """End on an exception that nobody expected, or that a person must look at (code 1: by its class)."""
    if isinstance(error, GridcastError):
        end_process(f"{doing}: {error}", EXIT_CRASHED if error.retriable else EXIT_REFUSED)
    trace = logs / f"worker-{os.getpid()}.trace"
    logs.mkdir(parents=True, exist_ok=True)
    trace.write_text("".join(traceback.format_exception(error)))
    end_process(f"{doing}: {type(error).__name__}: {error} (where: {trace})")
