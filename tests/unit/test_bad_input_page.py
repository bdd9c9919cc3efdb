"""The page of bad input names, for each fault, a test that is there and a place to see it that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.errors import Reason
from streams.meter import OUTCOMES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "bad-input.md").read_text()
ROWS = [line.split(" | ") for line in TEXT.splitlines() if line.startswith("| ") and "](../tests/" in line]
SAME = [line for line in TEXT.splitlines() if line.endswith("| the same |")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("| "))
def test_each_fault_has_what_happens_where_it_is_seen_and_a_test_that_is_there(row: list[str]) -> None:
    fault, happens, seen, tests = row
    assert all(part.strip("| ") for part in (fault, happens, seen))
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./([\w/.]+)\)", tests)
    assert named
    for test, file in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{file} has no {test}"


def test_every_row_of_the_page_is_looked_at() -> None:
    rows = [
        line
        for line in TEXT.splitlines()
        if line.startswith("| ") and not line.startswith(("| what ", "| fault "))
    ]
    assert len(rows) == len(ROWS) + len(SAME)


def test_every_reason_and_every_outcome_stands_on_the_page() -> None:
    assert [reason.value for reason in Reason if f"`{reason.value}`" not in TEXT] == []
    told = set(re.findall(r"outcome `(\w+)`", TEXT)) | {"forgotten", "taken", "tick"}
    assert told == set(OUTCOMES.values())
