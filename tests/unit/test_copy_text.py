"""Values in the text format of COPY, as PostgreSQL documents it."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from infra.postgres import copy_text, timestamp


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, r"\N"),
        (True, "t"),
        (7, "7"),
        (0.1, "0.1"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ("a\tb\\c\nd", r"a\tb\\c\nd"),
        ("nul\x00", "nul"),
        (b"\x00\xff", r"\\x00ff"),
        ([1.5, None, float("nan")], "{1.5,NULL,NaN}"),
        ([[1, 2], [3, 4]], "{{1,2},{3,4}}"),
        (['say "hi"', "a\\b"], r'{"say \\"hi\\"","a\\\\b"}'),
        ({"a": 1}, '{"a": 1}'),
        (np.array([1.0, 2.0]), "{1.0,2.0}"),
        (np.float32(0.5), "0.5"),
        (datetime(2020, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2020-01-01T00:00:00+00:00"),
    ],
)
def test_a_value_has_its_form(value: object, text: str) -> None:
    assert copy_text(value) == text


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no form"):
        copy_text(object())


def test_times_are_utc() -> None:
    assert str(timestamp(1_412_121_600_000)) == "2014-10-01 00:00:00+00:00"
    assert timestamp(None) is None
