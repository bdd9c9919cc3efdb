"""A browser for the tests is there, or they are red: nothing is skipped and nothing else is run instead."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import cramjam
import pytest

from tests.browser import chromium
from tests.browser.chromium import NoBrowser, fetched


def test_a_named_browser_that_cannot_be_run_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRIDCAST_TEST_CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(NoBrowser, match="cannot be run"):
        chromium.chromium()


def test_a_package_that_is_another_one_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def packed(command: list[object], cwd: Path, **_more: object) -> object:
        (cwd / "x.tgz").write_bytes(b"something else")
        return type("Done", (), {"returncode": 0, "stderr": "", "stdout": ""})()

    monkeypatch.setattr(chromium.subprocess, "run", packed)
    with pytest.raises(NoBrowser, match="its hash differs"):
        fetched(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_unpacked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as archive:
        for name, content in (
            ("chromium", b"#!"),
            ("al2023.tar", _tar("lib/a.so")),
            ("fonts.tar", _tar("fonts/b")),
        ):
            packed = bytes(cramjam.brotli.compress(content))
            member = tarfile.TarInfo(f"package/bin/{name}.br")
            member.size = len(packed)
            archive.addfile(member, io.BytesIO(packed))
    monkeypatch.setattr(chromium, "_package", lambda _room: body.getvalue())
    found = fetched(tmp_path)
    assert os.access(found.path, os.X_OK) and found.path.read_bytes() == b"#!"
    assert (found.path.parent / "lib" / "a.so").exists()
    monkeypatch.setattr(chromium, "_package", lambda _room: pytest.fail("it is there"))
    assert fetched(tmp_path) == found


def _tar(name: str) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return body.getvalue()
