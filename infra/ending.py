"""How a process ends when it must not go on: one plain line, then at once, without any handler."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

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
