"""Values of nodes, bookmarks: null where the status or the type is no use, and a damaged file is said."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import OpcuaPlant
from producers.live.opcua_values import fault_of, is_nothing_yet, ran_over, scaled, source_ms
from producers.live.scans import POWER, STATUS, Place, places
from schemas.errors import InputError

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
PLANT = OpcuaPlant.model_validate(
    {
        "plant_id": "a",
        "power": "p",
        "power_unit": "MW",
        "status": "s",
        "sensors": {"temperature_c": {"from": "t", "factor": 0.1, "offset": -1}},
        "units": {"T1": {"power": "t1", "power_unit": "W", "wind_speed_ms": "w1"}},
    }
)


def value(of: Any, status: int = 0) -> ua.DataValue:
    return ua.DataValue(ua.Variant(of), StatusCode=ua.StatusCode(status), SourceTimestamp=AT)


@pytest.mark.parametrize(
    ("of", "status", "place", "fault"),
    [
        (1.5, 0, POWER, None),
        (0, 0, POWER, None),
        (1.5, 0x40000000, POWER, None),
        (1.5, 0x80310000, POWER, "bad_status"),
        (None, 0, POWER, "bad_status"),
        ("1.5", 0, POWER, "not_a_number"),
        (True, 0, POWER, "not_a_number"),
        (math.nan, 0, POWER, "not_a_number"),
        ([1.0, 2.0], 0, POWER, "not_a_number"),
        ("run", 0, STATUS, None),
    ],
)
def test_only_sound_numbers_count(of: Any, status: int, place: Place, fault: str | None) -> None:
    assert fault_of(value(of, status), place) == fault


def test_values_come_in_the_unit_of_their_field() -> None:
    assert set(places(PLANT).values()) == {"p", "s", "t", "t1", "w1"}
    assert scaled(PLANT, POWER, value(2)) == 2000.0
    assert scaled(PLANT, ("sensor", "temperature_c"), value(110)) == pytest.approx(10.0)
    assert scaled(PLANT, ("unit", "T1", "power_kw"), value(500)) == 0.5
    assert scaled(PLANT, ("unit", "T1", "wind_speed_ms"), value(7)) == 7.0
    assert scaled(PLANT, STATUS, value(3)) == "3"


def test_the_source_s_stamp_is_the_time_and_the_server_s_where_there_is_none() -> None:
    assert source_ms(value(1)) == 1_714_564_800_000
    assert (
        source_ms(ua.DataValue(ua.Variant(1), ServerTimestamp=AT.replace(tzinfo=None))) == 1_714_564_800_000
    )
    assert source_ms(ua.DataValue(ua.Variant(1))) is None


def test_what_the_server_says_beside_a_value_is_heard() -> None:
    assert ran_over(value(1, 0x480)) and not ran_over(value(1, 0x400))
    assert is_nothing_yet(value(None, 0x80320000)) and not is_nothing_yet(value(None, 0x80310000))


def test_a_bookmark_is_kept_by_server_and_plant_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    one, other = (LiveBookmark.of(tmp_path, "opc.tcp://a", plant) for plant in "xy")
    assert one.read() is None
    one.write(5)
    assert (LiveBookmark.of(tmp_path, "opc.tcp://a", "x").read(), other.read()) == (5, None)
    (file,) = (tmp_path / "telemetry").iterdir()
    file.write_text("{")
    with pytest.raises(InputError, match="is damaged: delete it to read the history again"):
        one.read()
