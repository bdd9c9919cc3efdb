"""What a process that serves must not import: it would be there for nothing."""

from __future__ import annotations

import sys


def leave_out(*names: str) -> None:
    """From now on these packages look as if they were not installed, also to who asks before importing.

    pyarrow imports pandas, where it finds it, when the first list becomes an array: 60 MB and half a second.
    """
    for name in names:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python's own way to say: not there
