"""What a worker and a sink must not import: it would be there for nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder


class _Hidden(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is hidden", name=fullname)


@contextmanager
def without_pandas() -> Iterator[None]:
    """Import meanwhile what takes pandas where it finds it and works without, 60 MB and half a second.

    pyarrow looks for it once, when the first list becomes an array; that is over at the end, too.
    """
    import pyarrow

    hidden = _Hidden()
    sys.meta_path.insert(0, hidden)
    try:
        pyarrow.array([0])
        yield
    finally:
        sys.meta_path.remove(hidden)
