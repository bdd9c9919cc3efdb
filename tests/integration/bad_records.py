"""Every bad record that a producer can send, with what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.kafka import Outgoing
from infra.topics import JOURNAL, PLANTS, RELEASES, WEATHER_RUNS
from tests import output_records as made
from tests.integration.workers import CODEC, HOUR_MS, START_MS

PLANT = "plant-0"
DAY_MS = 24 * HOUR_MS
FAR_MS = 1 << 62


@dataclass(frozen=True)
class Case:
    """One bad record: what is wrong in words, where it is sent, and what is said of it.

    `origin` is the topic that the rejected record names: what a public topic's record means is only known in
    the journal that it was forwarded to. `copies`: a release stands in every partition's journal.
    """

    what: str
    record: Outgoing
    reason: str
    detail: str
    plant_id: str | None
    origin: str = JOURNAL
    copies: int = 1


def scan(power_kw: float | None, minute: int, **fields: Any) -> bytes:
    """A scan of the plant as bytes; `minute` after the start makes its bytes its own."""
    at_ms = START_MS + minute * 60_000
    record = made.scan(PLANT, power_kw=power_kw, event_time=at_ms, known_at=at_ms)
    return CODEC.encode("Telemetry", [record | fields])[0]


def _run(**fields: Any) -> bytes:
    at_ms = START_MS - HOUR_MS
    hours = [at_ms + hour * HOUR_MS for hour in range(3)]
    record = made.run(PLANT, published_at=at_ms, known_at=at_ms, journaled=False, valid_at=hours)
    return CODEC.encode("WeatherRun", [record | fields])[0]


def _plant(**fields: Any) -> bytes:
    return CODEC.encode("PlantVersion", [made.plant(PLANT) | fields])[0]


def _sent(value: bytes | None, key: bytes | None = PLANT.encode()) -> Outgoing:
    return Outgoing(JOURNAL, key, value)


def _cannot_be_read() -> list[Case]:
    good = scan(100.0, 1)
    no_schema, no_id = b"\0\0\0\0\7" + good[5:], b"\0" + b"\xff" * 4 + good[5:]
    return [
        Case("a record cut short", _sent(good[:-3]), "truncated", "", None),
        Case("a header cut short", _sent(good[:3]), "truncated", "3 bytes, less than a header", None),
        Case("no bytes at all", _sent(b""), "truncated", "0 bytes, less than a header", None),
        Case("a null value", _sent(None), "not_avro", "null value", None),
        Case("trailing bytes", _sent(good + b"\0"), "trailing_bytes", "", None),
        Case("JSON", _sent(b'{"power_kw": 1}'), "not_avro", "begins with byte 123", None),
        Case("an Avro file", _sent(b"Obj\1" + good), "not_avro", "begins with byte 79", None),
        Case("a schema that nobody knows", _sent(no_schema), "unknown_schema", "7", None),
        Case("an id that is none", _sent(no_id), "unknown_schema", "4294967295", None),
        Case("somebody else's key", _sent(scan(1.0, 2), b"other"), "key_mismatch", "b'other'", PLANT),
        Case("no key", _sent(scan(1.0, 3), None), "key_mismatch", "no key", PLANT),
        Case(
            "a record of another topic",
            _sent(CODEC.encode("Score", [made.score(PLANT)])[0]),
            "wrong_topic",
            "Score has no place in a journal",
            None,
        ),
    ]


def _cannot_be_true() -> list[Case]:
    nobody = made.scan("nobody", event_time=START_MS, known_at=START_MS)
    ahead, far = START_MS + DAY_MS, {"event_time": FAR_MS, "known_at": FAR_MS}
    return [
        Case("NaN", _sent(scan(float("nan"), 11)), "not_finite", "power_kw is nan: send null", PLANT),
        Case("infinite power", _sent(scan(float("inf"), 12)), "not_finite", "power_kw is inf", PLANT),
        Case("10 times capacity", _sent(scan(10_000.0, 13)), "out_of_range", "check the meter", PLANT),
        Case("-50 % of capacity", _sent(scan(-500.0, 14)), "out_of_range", "power_kw -500 is out", PLANT),
        Case("W for kW", _sent(scan(640_000.0, 15)), "out_of_range", "is it in W?", PLANT),
        Case("time in 1970", _sent(scan(1.0, 16, event_time=0)), "clock_past", "1970-01-01", PLANT),
        Case("a day ahead", _sent(scan(1.0, 17, event_time=ahead)), "clock_ahead", "10 minutes", PLANT),
        Case("the end of 64 bits", _sent(scan(1.0, 18, **far)), "clock_ahead", "after 2100", PLANT),
        Case(
            "an unknown plant",
            _sent(CODEC.encode("Telemetry", [nobody])[0], b"nobody"),
            "unknown_plant",
            "plant nobody is not registered: add it with `gridcast plants add`",
            "nobody",
        ),
        Case(
            "a plant with a NUL in its name",
            _sent(CODEC.encode("Telemetry", [nobody | {"plant_id": "a\0b"}])[0], b"a\0b"),
            "unknown_plant",
            "plant a?b is not registered",
            "a?b",
        ),
    ]


def _from_public_topics() -> list[Case]:
    own = PLANT.encode()
    far = [START_MS, START_MS + 900 * DAY_MS, START_MS + 1800 * DAY_MS]
    uneven = [{"name": "wind_speed_100m_ms", "values": [1.0]}]
    empty = [{"name": "wind_speed_100m_ms", "values": [-9999.0, float("inf"), None]}]
    unknown = CODEC.encode("WeatherRun", [made.run("nobody", journaled=False)])[0]
    release = CODEC.encode("Release", [made.release("broken", START_MS)])[0]

    def weather(value: bytes) -> Outgoing:
        return Outgoing(WEATHER_RUNS, own, value)

    def plant(value: bytes) -> Outgoing:
        return Outgoing(PLANTS, b"plant-0|1970", value)

    return [
        Case("weather that is no Avro", weather(b"GRIB"), "not_avro", "71", None, WEATHER_RUNS),
        Case("telemetry as weather", weather(scan(1.0, 31)), "wrong_topic", "Telemetry", None, WEATHER_RUNS),
        Case(
            "uneven weather", weather(_run(columns=uneven)), "bad_run", "1 values for 3", None, WEATHER_RUNS
        ),
        Case("weather without a value", weather(_run(columns=empty)), "bad_run", "no value at all", PLANT),
        Case("weather for years", weather(_run(valid_at=far)), "bad_run", "further than 160 days", PLANT),
        Case(
            "weather for nobody",
            Outgoing(WEATHER_RUNS, b"nobody", unknown),
            "unknown_plant",
            "plant nobody is not registered",
            "nobody",
        ),
        Case("a plant in JSON", Outgoing(PLANTS, b"y", b"{}"), "not_avro", "123", None, PLANTS),
        Case("a plant of -5 kW", plant(_plant(capacity_kw=-5.0)), "bad_plant", "capacity_kw is -5", PLANT),
        Case("a plant in no place", plant(_plant(latitude=95.0)), "bad_plant", "latitude is 95", PLANT),
        Case(
            "a release in pieces", Outgoing(RELEASES, b"x", b"\0\0"), "truncated", "2 bytes", None, RELEASES
        ),
        Case(
            "a release without its artifact",
            Outgoing(RELEASES, b"broken|2023", release),
            "bad_release",
            "0 of 0 chunks are there",
            None,
            copies=4,
        ),
    ]


CASES = [*_cannot_be_read(), *_cannot_be_true(), *_from_public_topics()]
