"""The page about `gridcast check` shows what is really printed."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from cli.main import run
from tests.unit.producers.strangers import ROOT, canonical, foreign, german_csv, same_files

PAGE = ROOT / "docs" / "check.md"
BLOCK = re.compile(r"```console\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def test_the_page_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known, mine = canonical(tmp_path / "known"), tmp_path / "mine"
    mine.mkdir()
    shutil.copy(known / "plants.csv", mine)
    german_csv(foreign(known), mine / "telemetry.csv")
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    monkeypatch.chdir(tmp_path)
    for commands, shown in BLOCK.findall(PAGE.read_text()):
        for line in commands.splitlines():
            run(shlex.split(line)[1:])
        printed = capsys.readouterr().out
        if shown:
            assert printed == shown
    for name in ("units.csv.gz", "weather.csv.gz"):
        (known / name).unlink()
    same_files(known, tmp_path / "canonical")
