"""How glibc treats memory that is free again: a batch works on arrays of some megabytes, which by default go
back to the system after each step and are faulted in again at the next. At an issue that took as long as the
arithmetic (26 faults a forecast).

All threads share one arena. By default each takes its own, and what one has freed is no use to the others: of
the 650 MB of a worker with 1,000 plants 150 were such holes, and its 22 threads ran no faster for them.

Arrow takes its memory from there too. The allocator that it brings lets go of it after each batch, and takes
it again in pages of 2 MB, each of which Linux fills with zeros first: a tenth of a worker's CPU.
"""

from __future__ import annotations

import ctypes
import os

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
KEPT = 8 << 20  # free bytes at the end of the heap that stay with the process; more only grew it
MAPPED_FROM = 32 << 20  # arrays from this size on have pages of their own; glibc takes no higher bound


def keep_freed() -> None:
    """Keep what this process frees for its next step; without effect where the C library is another one.

    To be called before anything imports Arrow.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)
        mallopt(_M_TRIM_THRESHOLD, KEPT)
        mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Let go of free pages, wherever they lie: after something large that does not come again."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
