"""An artifact tried in a process of its own before a worker loads it.

Its trees are read by a library in C++ that ends the process, or never ends, on some texts that are no trees:
40 of 150 with a few letters changed. What breaks here is refused; in a worker it would break every life.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from schemas.errors import ReleaseRefused, ServiceUnavailable

#: Raise it where what is tried changes, or what reads an artifact: what was kept is then tried again.
VERSION: Final = 2
REFUSED: Final = 3
CPU_S: Final = 30  # of a processor, not of a clock: a busy machine refuses no other releases
CPU_S_PER_MB: Final = 1  # measured: 0.3 s
PATIENCE_S: Final = 900.0
#: Ends that the artifact itself brings about. Any other may be the machine's fault, and another try may help.
BROKEN: Final = frozenset({"SIGABRT", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGXCPU"})
_ROOT: Final = Path(__file__).parents[1]
_began_s: list[float] = []


def expect_to_load(path: Path, cpu_s: int | None = None) -> None:
    """Return when the artifact in a file was read and its probe computed elsewhere.

    Raises:
        ReleaseRefused: it must not be used, or whatever reads it dies or does not end.
        ServiceUnavailable: the trial itself could not be run.
    """
    told = {name: value for name, value in os.environ.items() if not name.startswith("GRIDCAST_")}
    if cpu_s is None:
        cpu_s = CPU_S + CPU_S_PER_MB * (path.stat().st_size // 1_000_000)
    told["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), told.get("PYTHONPATH"))))
    _began_s.append(time.monotonic())
    try:
        done = subprocess.run(
            [sys.executable, "-m", "streams.trial", str(path), str(cpu_s)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            env=told,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceUnavailable(f"an artifact could not be tried: {error}") from error
    finally:
        _began_s.pop()
    _judge(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def under_way_s() -> float:
    """For how long a trial has been under way, 0 where there is none. It ends by itself: it is no stall."""
    began_s = next(iter(_began_s), None)
    return 0.0 if began_s is None else time.monotonic() - began_s


def _judge(code: int, said: str, errors: str) -> None:
    if code == REFUSED:
        raise ReleaseRefused(said)
    ended_by = signal.Signals(-code).name if code < 0 else ""
    if ended_by in BROKEN:
        raise ReleaseRefused(f"the artifact breaks whoever reads it ({ended_by})")
    if code != 0:
        last = (errors.strip().splitlines() or ["nothing"])[-1]
        raise ServiceUnavailable(
            f"an artifact could not be tried: the trial ended with {code} and said {last}"
        )


def main(path: str, cpu_s: int) -> int:
    """Load the artifact in a file: 0, or `REFUSED` with the reason on standard output."""
    from models import release_file

    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        release_file.load(Path(path).read_bytes())
    except ReleaseRefused as why:
        sys.stdout.write(str(why))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
