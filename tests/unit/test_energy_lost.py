"""Energy lost is counted once, in the hours in which it was lost, and to the most specific cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.energy_lost import CAUSES, Course, Event, Loss, Told, losses
from models.forecast.base import HOUR_MS

NAN = float("nan")
HOURS = 240
T0 = 1_400_000_400_000 // HOUR_MS * HOUR_MS
END = T0 + HOURS * HOUR_MS


def course(expected_kw: float = 500.0, actual_kw: float = 0.0, price: float = NAN, units: int = 1) -> Course:
    end_ms = T0 + (np.arange(HOURS, dtype=np.int64) + 1) * HOUR_MS
    full = np.ones(HOURS)
    return Course(end_ms, HOUR_MS, full * actual_kw, full * expected_kw, full * price, units)


def event(
    detector: str,
    start_h: int,
    hours: int,
    kw: float = 500.0,
    unit_id: str = "",
    closed: bool = True,
) -> Event:
    """An event with a record an hour whose shortfall is the same all along."""
    start = T0 + start_h * HOUR_MS
    told = [Told(start + h * HOUR_MS, kw, 0.0, kw * h) for h in range(hours + 1)]
    return Event(unit_id, detector, start, start + hours * HOUR_MS if closed else None, told)


def energy(found: list[Loss]) -> dict[tuple[str, str], float]:
    return {(one.unit_id, one.cause): one.energy_kwh for one in found}


def test_an_outage_costs_what_its_records_say() -> None:
    (one,) = losses([event("outage", 10, 6)], course(price=50.0), T0, END)
    assert (one.cause, one.unit_id, one.events, one.hours) == ("outage", "", 1, 6.0)
    assert one.energy_kwh == pytest.approx(3000)
    assert one.eur == pytest.approx(150)


def test_without_prices_there_is_no_money() -> None:
    (one,) = losses([event("outage", 10, 6)], course(), T0, END)
    assert one.eur is None


def test_energy_before_the_event_opened_is_laid_before_it() -> None:
    start = T0 + 10 * HOUR_MS
    opened_late = Event("", "outage", start, None, [Told(start, 500.0, 0.0, 1000.0)])
    prices = course()
    prices = replace(prices, price_eur_mwh=np.where(prices.end_ms <= start, 100.0, 0.0))
    (one,) = losses([opened_late], prices, T0, END)
    assert one.energy_kwh == pytest.approx(1000) and one.eur == pytest.approx(100)
    assert losses([opened_late], course(), start, END)[0].energy_kwh == 0


@given(cut=st.integers(11, 15))
def test_two_ranges_that_meet_have_the_energy_of_the_whole(cut: int) -> None:
    at_ms = T0 + cut * HOUR_MS
    one, two = (
        losses([event("outage", 10, 6)], course(), *part)[0].energy_kwh
        for part in ((T0, at_ms), (at_ms, END))
    )
    assert one + two == pytest.approx(3000) and one == pytest.approx(500 * (cut - 10))


def test_rare_records_put_the_energy_where_the_plant_should_have_run() -> None:
    """A solar outage is told before and after the night; none of it was lost at night."""
    sun = course()
    hour = np.arange(HOURS) % 24
    sun = replace(sun, expected_kw=np.where((hour >= 6) & (hour < 18), 500.0, 0.0))
    start = T0 + 12 * HOUR_MS
    told = [Told(start, 500.0, 0.0, 0.0), Told(T0 + 36 * HOUR_MS, 500.0, 0.0, 6000.0)]
    night = replace(sun, price_eur_mwh=np.where(sun.expected_kw > 0, 0.0, 1000.0))
    (one,) = losses([Event("", "outage", start, None, told)], night, T0, END)
    assert one.energy_kwh == pytest.approx(6000) and one.eur == 0


def test_a_units_outage_is_not_counted_again_in_the_plants() -> None:
    found = energy(
        losses([event("outage", 10, 6), event("unit_outage", 12, 2, 100.0, "t1")], course(units=5), T0, END)
    )
    assert found[("t1", "outage")] == pytest.approx(200)
    assert found[("", "outage")] == pytest.approx(2800)


def test_a_weak_unit_that_stands_is_out_not_weak() -> None:
    weak = event("unit_underperformance", 0, 24, 30.0, "t1")
    out = event("unit_outage", 6, 6, 100.0, "t1")
    found = energy(losses([weak, out], course(), T0, END))
    assert found[("t1", "outage")] == pytest.approx(600)
    assert found[("t1", "under-performance")] == pytest.approx(18 * 30)
    of_two = energy(losses([weak, replace(out, unit_id="t2")], course(), T0, END))
    assert of_two[("t1", "under-performance")] == pytest.approx(24 * 30)


def test_curtailment_during_an_outage_is_the_outages() -> None:
    found = energy(losses([event("curtailment", 10, 6, 300.0), event("outage", 8, 4)], course(), T0, END))
    assert found[("", "outage")] == pytest.approx(2000)
    assert found[("", "curtailment")] == pytest.approx(4 * 300)


def test_a_silent_feed_hides_what_was_expected_and_only_where_nothing_came() -> None:
    silent = course()
    actual_kw = np.full(HOURS, 400.0)
    actual_kw[9:14] = NAN  # it was noticed an hour late, and what came later fills the rest
    start = T0 + 10 * HOUR_MS
    told = [Told(start, 500.0, NAN, 0.0)]
    (one,) = losses(
        [Event("", "feed_silent", start, T0 + 16 * HOUR_MS, told)],
        replace(silent, actual_kw=actual_kw),
        T0,
        END,
    )
    assert (one.cause, one.energy_kwh) == ("feed", pytest.approx(2500))


def test_without_an_expectation_of_its_own_an_event_takes_the_forecasts() -> None:
    told = [Told(T0 + 10 * HOUR_MS, NAN, 0.0, 0.0)]
    plain = Event("", "outage", T0 + 10 * HOUR_MS, T0 + 14 * HOUR_MS, told)
    (one,) = losses([plain], course(), T0, END)
    assert one.energy_kwh == pytest.approx(2000) and one.unvalued_h == 0
    (unit,) = losses([replace(plain, detector="unit_outage", unit_id="t1")], course(units=4), T0, END)
    assert unit.energy_kwh == pytest.approx(500)
    (nothing,) = losses([plain], course(expected_kw=NAN), T0, END)
    assert nothing.energy_kwh == 0 and nothing.unvalued_h == 4


def test_events_that_cost_nothing_are_not_asked() -> None:
    assert losses([event("stuck_sensor", 10, 6), event("outage", 300, 5)], course(), T0, END) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(CAUSES)),
            st.integers(0, 200),
            st.integers(1, 30),
            st.floats(1.0, 500.0),
            st.sampled_from(["t1", "t2"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=80, deadline=None)
def test_no_hour_is_counted_twice(drawn: list[tuple[str, int, int, float, str]]) -> None:
    """Never more than units and plant were short of at most, and never less than the largest event."""
    events = [
        event(detector, start, hours, kw, unit if detector.startswith("unit") else "")
        for detector, start, hours, kw, unit in drawn
    ]
    found = losses(events, course(), T0, END)
    total = sum(one.energy_kwh for one in found)
    counted = [one for one in events if one.detector != "feed_silent"]
    hourly = np.zeros((3, HOURS))
    for one in counted:
        place = {"t1": 0, "t2": 1, "": 2}[one.unit_id]
        first = (one.started_ms - T0) // HOUR_MS
        rows = slice(first, first + len(one.told) - 1)
        hourly[place, rows] = np.maximum(hourly[place, rows], one.told[0].expected_kw)
    most = np.maximum(hourly[0] + hourly[1], hourly[2]).sum()
    assert total == pytest.approx(most, rel=1e-9, abs=1e-6)
    assert all(one.energy_kwh >= 0 for one in found)


def test_hours_that_nothing_can_value_are_said_to_be_such() -> None:
    """An event that its detector valued needs no forecast; a silence does, where nothing came later."""
    dark = course(expected_kw=NAN)
    assert losses([event("outage", 10, 6)], dark, T0, END)[0].unvalued_h == 0
    actual_kw = np.full(HOURS, 400.0)
    actual_kw[10:13] = NAN
    silent = Event(
        "", "feed_silent", T0 + 10 * HOUR_MS, T0 + 16 * HOUR_MS, [Told(T0 + 10 * HOUR_MS, NAN, NAN, 0)]
    )
    (one,) = losses([silent], replace(dark, actual_kw=actual_kw), T0, END)
    assert (one.unvalued_h, one.energy_kwh) == (3, 0)
