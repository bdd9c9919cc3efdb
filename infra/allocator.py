"""How glibc treats memory that is free again: a batch works on arrays of some megabytes, which by default go
back to the system after each step and are faulted in again at the next. At an issue that took as long as the
arithmetic (26 faults a forecast).
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
KEPT = 64 << 20  # free bytes at the end of an arena that stay with the process
MAPPED_FROM = 32 << 20  # arrays from this size on have pages of their own; glibc takes no higher bound


def keep_freed() -> None:
    """Keep what this process frees for its next step; without effect where the C library is another one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM)
        mallopt(_M_TRIM_THRESHOLD, KEPT)
