"""The page of the guarantee, the table of its mechanisms and the tests it names belong together."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.taken_out.table import PAGE, ROOT, Mechanism, mechanisms, sentences

TABLE = mechanisms()


def names_in(path: Path) -> set[str]:
    found = ast.walk(ast.parse(path.read_text())) if path.exists() else ()
    return {one.name for one in found if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_sentence_has_a_mechanism_and_every_mechanism_a_sentence() -> None:
    assert list(sentences()) == [f"G{number}" for number in range(1, len(sentences()) + 1)]
    assert {one.sentence for one in TABLE} == set(sentences())


@pytest.mark.parametrize("sentence", sentences())
def test_a_sentence_names_the_tests_that_notice_and_no_other(sentence: str) -> None:
    named = sentences()[sentence]
    assert named, f"{sentence} names no test"
    assert set(named) == {test for one in TABLE if one.sentence == sentence for test in one.tests}


@pytest.mark.parametrize("mechanism", TABLE, ids=lambda one: f"{one.sentence}: {one.without}")
def test_a_mechanism_stands_where_the_table_says_and_can_be_taken_out(mechanism: Mechanism) -> None:
    assert mechanism.occurrences() == 1, (
        f"its lines stand {mechanism.occurrences()} times in {mechanism.file}"
    )
    without = (ROOT / mechanism.file).read_text().replace(mechanism.old, mechanism.new)
    compile(without, mechanism.file, "exec")
    for test in mechanism.tests:
        file, _, name = test.partition("::")
        assert name in names_in(ROOT / file), f"there is no {test}"


def test_every_sentence_that_the_page_speaks_of_is_there() -> None:
    assert set(re.findall(r"\bG\d+\b", PAGE.read_text())) <= set(sentences())
