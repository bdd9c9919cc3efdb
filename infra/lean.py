"""What a process that serves must not import: it would be there for nothing."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _Hidden(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


def leave_out_pandas() -> None:
    """From now on pandas looks as if it were not installed: 60 MB and half a second that nothing here needs.

    pyarrow imports it when the first list becomes an array, LightGBM at once. Of the ways to look for it
    pyarrow's heeds only an exception, and looks once; the others heed what stands in `sys.modules`.
    """
    import pyarrow

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pyarrow.array([0])
    finally:
        sys.meta_path.remove(hidden)
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]  # Python's own way to say: not there
