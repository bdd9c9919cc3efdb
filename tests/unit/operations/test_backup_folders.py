"""Folders of backups: for their owner alone, named by the time, and the old ones gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from cli.backup import command
from cli.backup.folder import NewFolder, dated, remove_older

NOW = datetime(2026, 11, 22, 1, 20, tzinfo=UTC)


def test_a_backup_is_for_its_owner_alone(tmp_path: Path) -> None:
    assert NewFolder(tmp_path / "new").path.stat().st_mode & 0o777 == 0o700


def test_old_dated_folders_go_and_nothing_else_does(tmp_path: Path) -> None:
    ages = {days: dated(tmp_path, NOW - timedelta(days=days)) for days in (0, 13, 15, 40)}
    others = [tmp_path / "2020-01-01", tmp_path / "keep-me", tmp_path / "weekly"]
    for path in (*ages.values(), *others):
        path.mkdir()
        (path / "backup.json").write_text("{}")
    assert remove_older(tmp_path, NOW - timedelta(days=14)) == [ages[40], ages[15]]
    assert {*tmp_path.iterdir()} == {ages[0], ages[13], *others}


def test_two_backups_of_one_night_do_not_meet(tmp_path: Path) -> None:
    assert dated(tmp_path, NOW) != dated(tmp_path, NOW + timedelta(seconds=1))
    assert dated(tmp_path, NOW).name == "2026-11-22T012000Z"


def test_what_was_named_by_hand_is_never_removed(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "one"), "--keep-days", "3"])
    assert done.exit_code == 2 and "--keep-days goes with --dated" in done.output
