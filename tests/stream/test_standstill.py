"""Outage, curtailment, night, through the engine: nothing is learned of them, and nothing of them stays."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pytest

from models import unclean
from models.engine import Engine
from models.release import Release
from models.steps import EngineSettings
from schemas.journal import Control, JournalBatch, TelemetryColumns
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole
from tests import forecast_world as world
from tests.forecast_world import HOUR_MS, SOLAR, START_MS, WIND

RECORD = ReleaseRecord("small", "1", 0, 0, ReleaseRole.CHAMPION, "00", 1)
FIRST, LAST = 68.0, 144.0
Hours = tuple[float, float]
NEVER: Hours = (0.0, 0.0)
STILL: Hours = (98.0, 128.0)  # it blows at 8 to 13 m/s for most of it, and at its end
LIMITED: Hours = (96.0, 108.0)  # 9 to 13 m/s


@dataclass
class Told:
    """What an engine said and knew, by the hour of the story."""

    median_kw: dict[float, np.ndarray] = field(default_factory=dict)  # of the steps of each issue
    bands: dict[float, np.ndarray] = field(default_factory=dict)  # factors and counts after each record
    opened: dict[str, float] = field(default_factory=dict)  # hour at which an event was first told

    def learned_between(self, first: float, last: float) -> bool:
        return not np.array_equal(self.bands[first], self.bands[last])


def release_of(kind: str) -> Release:
    made = world.small_release()
    return replace(made, correction=None) if kind == "closed form" else made


@cache
def story(
    plant: PlantVersion = WIND,
    kind: str = "net",
    still: Hours = NEVER,
    limited: Hours = NEVER,
    sensed: bool = True,
    looks_past: bool = True,
) -> Told:
    """Some days of a plant, half-hourly. `still`: no power; `limited`: a setpoint of a fifth of capacity;
    `sensed`: the plant has a wind sensor.
    """
    rows = world.telemetry(plant, int(LAST / 24))
    hour = (rows.event_time_ms - START_MS) / HOUR_MS
    stands, held = ((hour > a) & (hour <= b) for a, b in (still, limited))
    limit_kw = 0.2 * plant.capacity_kw
    power = np.where(stands, 0.0, np.where(held, np.minimum(rows.power_kw, limit_kw), rows.power_kw))
    wind = np.repeat(world.weather(int(LAST / 24))["wind_speed_100m_ms"], 2)
    dark = (plant.kind == "solar") & ((hour % 24 > 20) | (hour % 24 <= 3.5))
    controls: list[tuple[int, Control]] = list(enumerate([plant, RECORD, *world.runs(plant, int(LAST / 24))]))
    rows = replace(
        rows,
        offset=rows.offset + len(controls),
        power_kw=np.where(dark, -0.5, power),  # what a solar plant takes at night
        setpoint_kw=np.where(held, limit_kw, plant.capacity_kw),
        wind_speed_ms=wind if sensed else np.full(len(rows), np.nan),
    )
    release, told = release_of(kind), Told()
    machine = Engine(EngineSettings(), lambda _: release)
    machine.apply(_batch(TelemetryColumns.empty(), controls))
    for at in np.flatnonzero(hour >= FIRST):
        out = machine.apply(_batch(rows.take(np.array([at])), []))
        for block in out.forecasts:
            issued = float((block.issued_at_ms[0] - START_MS) / HOUR_MS)
            told.median_kw[issued] = block.power_kw[0, :, EngineSettings().level(0.5)]
        for event in out.anomalies:
            told.opened.setdefault(event["detector"], float(hour[at]))
        state = machine.fleet.state
        told.bands[float(hour[at])] = np.stack([state[f"band_{x}"][0] for x in ("low", "high", "matured")])
    return told


def _batch(rows: TelemetryColumns, controls: list[tuple[int, Control]]) -> JournalBatch:
    last = int(rows.offset[-1]) if len(rows) else len(controls) - 1
    return JournalBatch("plant.telemetry", 0, rows, controls, [], last, -1, len(rows) + len(controls))


def apart_pct(one: Told, other: Told, hour: float) -> float:
    """How far two medians of an issue lie apart to 24 h, in % of capacity, in the mean."""
    return float(100 * np.abs(one.median_kw[hour] - other.median_kw[hour])[:30].mean() / WIND.capacity_kw)


@pytest.mark.parametrize("kind", ["net", "closed form"])
def test_after_an_outage_the_correction_follows_the_plant_at_once(kind: str) -> None:
    """Half an hour after 30 hours of standstill the forecast is that of a plant that never stood still, but
    for what one good interval tells less than a day of them; 6 hours later it is that.
    """
    never, stood = story(kind=kind), story(kind=kind, still=STILL)
    assert apart_pct(never, stood, STILL[1]) > 4, "while it lasts, it is what goes on"
    assert apart_pct(never, stood, STILL[1] + 0.5) < 1.2
    assert apart_pct(never, stood, STILL[1] + 6.0) < 0.3


def test_after_a_curtailment_too() -> None:
    never, held = story(), story(limited=LIMITED)
    assert apart_pct(never, held, LIMITED[1]) > 4
    assert apart_pct(never, held, LIMITED[1] + 0.5) < 1.2


def test_without_looking_past_the_outage_the_forecast_would_bear_a_grudge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the tests above are worth."""
    monkeypatch.setattr(unclean, "looked_past", lambda _fleet, _slots, _issued, trailing: trailing)
    assert apart_pct(story(), story(still=STILL, looks_past=False), STILL[1] + 0.5) > 3


def test_a_plant_that_stands_is_forecast_far_lower() -> None:
    told, never = story(still=STILL), story()
    for hour in (106.0, 122.0, 127.0):
        assert told.median_kw[hour][0] < 0.5 * never.median_kw[hour][0]


@pytest.mark.parametrize(
    ("still", "limited", "detector", "sensed"),
    [
        (STILL, NEVER, "outage", True),
        (STILL, NEVER, "outage", False),
        (NEVER, LIMITED, "curtailment", True),
    ],
)
def test_bands_learn_neither_in_outage_nor_in_curtailment(
    still: Hours, limited: Hours, detector: str, sensed: bool
) -> None:
    told, never = story(still=still, limited=limited, sensed=sensed), story(sensed=sensed)
    first, last = max(still, limited)
    opened = told.opened[detector]
    assert first < opened <= first + (1.0 if sensed else 5.0)
    assert not told.learned_between(opened, last)
    assert never.learned_between(opened, last)
    assert told.learned_between(last + 2, LAST)


def test_where_a_sensor_tells_at_once_the_event_has_taught_nothing() -> None:
    """An actual counts an hour later: the detector is faster."""
    told, never = story(still=STILL), story()
    np.testing.assert_array_equal(told.bands[STILL[1]], never.bands[told.opened["outage"]])


def test_bands_learn_nothing_at_solar_night() -> None:
    """Not even of the plant's own consumption, which no band of a dark night holds."""
    told = story(SOLAR, sensed=False)
    for day in (3, 4):
        assert not told.learned_between(day * 24 + 21.5, day * 24 + 27.5)
        assert told.learned_between(day * 24 + 8.0, day * 24 + 16.0)
