"""A file of questions: checked row by row, with row and column of what is wrong, whatever it is."""

from __future__ import annotations

import io
import resource
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.predictions.asked import PlaceAsked, PlantAsked
from consumers.predictions.bulk_file import CSV, MOST_ROWS, PARQUET, FaultyFile, questions
from schemas.errors import InputError

HEAD = "latitude,longitude,kind,capacity_kw,hours"


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def test_places_and_plants_of_either_format() -> None:
    text = f"plant_id,{HEAD}\n,48.45,5.6,wind,8200,24\nla-haute-borne,,,,,6\n,-33,18.5,solar,1e3,\n"
    asked = questions(CSV, text.encode())
    assert asked == [
        PlaceAsked(latitude=48.45, longitude=5.6, kind="wind", capacity_kw=8200.0, hours=24),
        PlantAsked(plant_id="la-haute-borne", hours=6),
        PlaceAsked(latitude=-33.0, longitude=18.5, kind="solar", capacity_kw=1000.0),
    ]
    rows: list[dict[str, object]] = [one.model_dump(exclude_none=True, exclude={"levels"}) for one in asked]
    assert (
        questions(PARQUET, parquet([{**dict.fromkeys(rows[0]), "plant_id": None, **row} for row in rows]))
        == asked
    )
    assert questions(CSV, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == asked, (
        "as a spreadsheet writes"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("48,5,wind,0,24", "row 3, capacity_kw"),
        ("91,5,wind,1,24", "row 3, latitude"),
        ("48,5,hydro,1,24", "row 3, kind"),
        ("48,five,wind,1,24", "row 3, longitude: 'five' is no number"),
        ("48,5,wind,1,24.5", "row 3, hours"),
        ("48,5,wind,nan,24", "row 3, capacity_kw"),
        ("48,,wind,1,24", "row 3, longitude: it is missing"),
        ("48,5,wind,1", "row 3, row: 4 cells where the head has 5"),
    ],
)
def test_a_wrong_row_is_named_with_its_column(row: str, said: str) -> None:
    with pytest.raises(FaultyFile) as raised:
        questions(CSV, f"{HEAD}\n48,5,wind,1,24\n{row}\n".encode())
    assert str(raised.value.faults[0]).startswith(said), raised.value.faults


def test_every_wrong_row_is_named_up_to_a_limit() -> None:
    with pytest.raises(FaultyFile) as raised:
        questions(CSV, (f"{HEAD}\n" + "48,5,wind,0,24\n" * 3).encode())
    assert [one.row for one in raised.value.faults] == [2, 3, 4]
    with pytest.raises(FaultyFile, match="there may be more"):
        questions(CSV, (f"{HEAD}\n" + "48,5,wind,0,24\n" * 900).encode())


@pytest.mark.parametrize(
    ("media", "content", "said"),
    [
        (CSV, b"", "the file is empty"),
        (CSV, HEAD.encode(), "the file has no rows"),
        (CSV, b"a,b\n1,2", "there is no column 'a'"),
        (CSV, b"latitude,latitude\n1,2", "stands there twice"),
        (CSV, b"\xff\xfe\x00", "no UTF-8"),
        (CSV, (f"{HEAD}\n" + "48,5,wind,1,1\n" * (MOST_ROWS + 1)).encode(), "2000 rows"),
        (CSV, (f"{HEAD}\n" + "48,5,wind,1,384\n" * 200).encode(), "48000 hours in all"),
        (PARQUET, b"PAR1 nothing PAR1", "no Parquet"),
        (PARQUET, parquet([{"latitude": 1.0}] * (MOST_ROWS + 1)), "has 2001"),
        (PARQUET, parquet([{"secret": 1.0}]), "there is no column 'secret'"),
    ],
    ids=str,
)
def test_what_is_no_such_file_is_refused_in_one_line(media: str, content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        questions(media, content)
    assert "\n" not in str(raised.value)


def _packed(column: str, values: pa.Array, groups: int = 1, **how: Any) -> bytes:
    """A file that has these values many times over."""
    sink, table = io.BytesIO(), pa.table({column: values})
    with pq.ParquetWriter(sink, table.schema, **how) as writer:
        for _ in range(groups):
            writer.write_table(table)
    return sink.getvalue()


_NAMED = pa.DictionaryArray.from_arrays(pa.array([0] * MOST_ROWS, pa.int32()), pa.array(["x" * 500_000]))
_TEXTS = pa.array(["y" * 500_000] * 50)
_PACKED: dict[str, Any] = {"use_dictionary": False, "compression": "zstd"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_packed("latitude", pa.array([[1.0] * 1_000_000])), "neither text nor number"),
        (_packed("plant_id", _NAMED), "a text has 500000 bytes"),
        (_packed("plant_id", _TEXTS, 40, **_PACKED), "more than"),
        (
            _packed("plant_id", _TEXTS, 40, **_PACKED, column_encoding={"plant_id": "DELTA_BYTE_ARRAY"}),
            "more than",
        ),
    ],
    ids=["one list", "one text, named often", "equal texts, packed", "equal texts, each by its start"],
)
def test_a_small_file_that_unpacks_to_gigabytes_takes_nothing_of_this_process(
    content: bytes, said: str
) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=said):
        questions(PARQUET, content)
    assert len(content) < 1 << 20, "as large as a body may be"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from([CSV, PARQUET]),
    st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    st.booleans(),
)
def test_whatever_is_sent_is_questions_or_a_plain_refusal(media: str, noise: bytes, headed: bool) -> None:
    try:
        questions(media, (HEAD + "\n").encode() + noise if headed else noise)
    except InputError as refused:
        assert str(refused)
