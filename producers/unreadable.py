"""Why a file is no CSV text: the line at which reading fails, and what to do about it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final

_GZIP: Final = b"\x1f\x8b"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def fault_of_file(path: Path) -> tuple[int | None, str] | None:
    """(line, what is wrong) of a file that cannot be text; None where nothing is found.

    Reads the whole file, so it is for files that have failed to be read.
    """
    if path.is_dir():
        return None, "is a folder: a file is needed"
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            if content and not content.startswith(_GZIP):
                return None, "is not gzip, whatever its name says: call it .csv, or compress it"
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        return None, f"cannot be read ({error}): is the file whole?"
    return _fault_of_text(content, packed=path.suffix == ".gz")


def _fault_of_text(content: bytes, packed: bool) -> tuple[int | None, str] | None:
    if content.startswith(_GZIP) and not packed:
        return None, "is gzip, whatever its name says: call it .csv.gz"
    if content.startswith(_UTF16):
        return None, "is UTF-16: save it as UTF-8"
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return line, f"has a byte that is no UTF-8 (0x{content[error.start]:02x}): save the file as UTF-8"
    return None
