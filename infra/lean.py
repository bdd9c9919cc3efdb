"""What a process that serves must not import: it would be there for nothing."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


class _LeftOut(MetaPathFinder):
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is left out of this process", name=fullname)


def leave_out(*names: str) -> None:
    """From now on these packages look as if they were not installed.

    pyarrow imports pandas, where it finds it, when the first list becomes an array: 60 MB and half a second.
    """
    sys.meta_path.insert(0, _LeftOut(names))
