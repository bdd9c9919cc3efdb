"""A plant's JSON messages: what is read, and that what cannot be read is refused and never guessed at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.live.json_scan import read_scan, unmapped_members
from producers.live.mapping import MqttPlant
from producers.live.scan import Unit
from schemas.codec import Codec
from schemas.errors import RecordRefused

KNOWN_AT_MS = 1_700_000_000_000
CODEC = Codec()


def plant(**more: Any) -> MqttPlant:
    given_values = {"plant_id": "a", "topic": "t", "time": "at", "power": "m.p"}
    return MqttPlant.model_validate({**given_values, **more})


def message(**more: Any) -> bytes:
    return json.dumps({"at": "2024-05-01T12:00:00Z", "m": {"p": 1.5}, **more}).encode()


def refused(payload: bytes, **more: Any) -> str:
    with pytest.raises(RecordRefused) as caught:
        read_scan(plant(**more), payload, KNOWN_AT_MS)
    return str(caught.value)


def test_a_message_becomes_a_scan_in_kilowatts_at_the_end_of_its_interval() -> None:
    mapped = plant(
        power_unit="MW", stamp="start", interval_s=600, sensors={"wind_speed_ms": "w", "dew_c": "d"}
    )
    scan = read_scan(mapped, message(w=7, d=None), KNOWN_AT_MS)
    assert (scan.power_kw, scan.event_time_ms, scan.known_at_ms) == (1500.0, 1_714_565_400_000, KNOWN_AT_MS)
    assert scan.sensors == {"wind_speed_ms": 7.0, "dew_c": None}
    assert CODEC.decode(CODEC.encode("Telemetry", [scan.to_avro()])[0])[1]["wind_speed_ms"] == 7.0


def test_zero_is_a_value_null_is_missing_and_an_absent_power_is_a_fault_of_the_mapping() -> None:
    assert read_scan(plant(), message(m={"p": 0}), 0).power_kw == 0.0
    assert read_scan(plant(), message(m={"p": None}), 0).power_kw is None
    assert "no member m.p" in refused(message(m={}))


@pytest.mark.parametrize(
    "units",
    [
        [{"id": "T1", "p": 10, "s": "run"}, {"id": 2, "p": None}],
        {"T1": {"p": 10, "s": "run"}, "2": {"p": None}},
    ],
)
def test_units_come_as_a_list_or_by_name(units: Any) -> None:
    mapped = plant(units={"member": "u", "power": "p", "power_unit": "W", "status": "s"})
    assert read_scan(mapped, message(u=units), 0).units == (Unit("T1", 0.01, None, "run"), Unit("2"))


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b"\xff", "unreadable: the message is no UTF-8"),
        (b"{", "unreadable: the message is no JSON"),
        (b"[1]", "unreadable: the message is no JSON object but a list"),
        (b"[" * 100_000, "unreadable: the message is no JSON"),
        (b'{"at": 5, "m": {"p": NaN}}', "not_finite: the message holds NaN"),
        (b'{"at": "2024-05-01T12:00:00Z", "m": {"p": 1e999}}', "not_finite: m.p is not finite"),
        (b'{"m": {"p": 1}}', "no_time: the message has no member at"),
        (message(at="yesterday"), "no_time: time 'yesterday' is not of the form 'iso'"),
        (message(at="2024-05-01T12:00:00"), "no_time: time 2024-05-01 12:00:00 says no zone"),
        (message(at=12), "no_time: time 12 is no text"),
        (message(m={"p": "1.5"}), "unreadable: m.p is '1.5': send a number"),
        (message(m={"p": True}), "unreadable: m.p is True: send a number"),
        (message(m={"p": 10**400}), "not_finite: m.p is not finite"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(payload: bytes, line: str) -> None:
    assert refused(payload).startswith(line)


@pytest.mark.parametrize(
    ("units", "line"),
    [
        (3, "holds no units"),
        ([{"p": 1}], "has no id, which is its name"),
        ([{"id": "x"}, {"id": "x"}], "names a unit twice"),
        ({"x": 1}, "is no object"),
        ({"x": {"p": "on"}}, "send a number"),
        ({"\ud800": {"p": 1}}, "half a character"),
    ],
)
def test_units_that_cannot_be_told_apart_are_refused(units: Any, line: str) -> None:
    assert line in refused(message(u=units), units={"member": "u", "power": "p"})


def test_local_times_are_read_in_their_zone_and_refused_where_the_clock_is_changed() -> None:
    zone = {"timezone": "Europe/Paris", "time_format": "%d.%m.%Y %H:%M"}
    assert read_scan(plant(**zone), message(at="01.07.2024 14:00"), 0).event_time_ms == 1_719_835_200_000
    assert "stands twice in Europe/Paris" in refused(message(at="27.10.2024 02:30"), **zone)
    assert "does not exist in Europe/Paris" in refused(message(at="31.03.2024 02:30"), **zone)


def test_members_that_no_one_mapped_are_named() -> None:
    mapped = plant(sensors={"wind_speed_ms": "met.ws"}, status="s")
    assert unmapped_members(mapped, message(met={"ws": 1, "t": 2}, s="on", q=1)) == ["q"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.dictionaries(st.sampled_from(["at", "m", "m.p", "w", "s", "u"]), JSON, max_size=6)


@given(MEMBERS.map(lambda m: json.dumps(m).encode()) | st.binary(max_size=40))
def test_whatever_comes_is_a_record_that_can_be_written_or_is_refused(payload: bytes) -> None:
    for time_format in ("iso", "unix_ms"):
        mapped = plant(
            time_format=time_format,
            sensors={"wind_speed_ms": "w"},
            status="s",
            units={"member": "u", "power": "p", "status": "s"},
        )
        try:
            scan = read_scan(mapped, payload, KNOWN_AT_MS)
        except RecordRefused:
            continue
        CODEC.encode("Telemetry", [scan.to_avro()])
