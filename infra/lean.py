"""What a sink must not import: it would be there for nothing. LightGBM and pvlib bring it into a worker."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _Hidden(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


def leave_out_pandas() -> None:
    """Let pyarrow look for pandas while there is none: it looks once, when the first list becomes an array.

    Otherwise it imports what it finds, 60 MB and half a second, and never uses it here.
    """
    import pyarrow

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pyarrow.array([0])
    finally:
        sys.meta_path.remove(hidden)
