"""Promises that every detector keeps, whatever it looks for; each check takes the detector and asserts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.detect import events
from models.detect.events import Event
from models.detect.view import WINDOW, Detector, PlantView
from tests.plant_views import Story, blank_state, tell, views

Check = Callable[[Detector], None]
State = dict[str, NDArray[Any]]
CLEAN_DAYS: Final = 21


def check_fields_have_names_of_their_own(detector: Detector) -> None:
    names = [f.name for f in (*detector.fields, *events.fields_of(detector))]
    assert len(names) == len(set(names))
    shared = [n for n in names if n.split(".")[0] not in (detector.name, "units")]
    assert not shared, f"fields of someone else: {shared}"


def check_findings_have_the_shape_of_the_plants_or_units(detector: Detector) -> None:
    for view in _faulty_views(3):
        with np.errstate(all="ignore"):
            found = detector.look(view)
        shape = view.unit_power_kw.shape[:2] if detector.per_unit else view.capacity_kw.shape
        for part in (found.active, found.judged, found.severity, found.expected_kw, found.actual_kw):
            assert part.shape == shape
        assert all(values.shape == shape for values in found.evidence.values())
        assert found.active.dtype == found.judged.dtype == np.bool_
        assert set(np.unique(found.severity)) <= {0, 1, 2}


def check_nothing_but_its_own_state_is_changed(detector: Detector) -> None:
    own = {f.name for f in detector.fields}
    for view in _faulty_views(30):
        given = {f.name: getattr(view, f.name) for f in fields(view)}
        before = copy.deepcopy(given)
        with np.errstate(all="ignore"):
            detector.look(view)
        changed = [n for n in given if n != "state" and not _same(given[n], before[n])]
        assert not changed
        state = [n for n in view.state if n not in own and not _same(view.state[n], before["state"][n])]
        assert not state, f"changes the state of others: {state}"


def check_memory_is_bounded(detector: Detector) -> None:
    state = _state_of(detector, 5, 4)
    sizes = {name: (values.shape, values.dtype) for name, values in state.items()}
    _tell_one(detector, faulty_story(), state)
    assert {name: (values.shape, values.dtype) for name, values in state.items()} == sizes


def check_nothing_known_is_nothing_found(detector: Detector) -> None:
    for units in (0, 3):
        view = _empty_view(4, units, _state_of(detector, 4, units))
        with np.errstate(all="ignore"):
            found = detector.look(view)
            told = events.step(detector, found, view)
        assert not (found.active & found.judged).any()
        assert not told


def check_batch_split_does_not_show(detector: Detector) -> None:
    story = faulty_story()
    whole = _state_of(detector, 5, 4)
    together = _tell_one(detector, story, whole)
    for rows in ((0,), (1, 2), (3, 4)):
        part = _state_of(detector, len(rows), 6)
        alone = _tell_one(detector, _with_more_units(story.take(rows), 6), part)
        names = {f"plant-{r}": f"plant-{i}" for i, r in enumerate(rows)}
        expected = [_renamed(e, names) for e in together if e["plant_id"] in names]
        assert sorted(alone, key=_identity) == sorted(expected, key=_identity)
        for name, values in part.items():
            mine = whole[name][list(rows)]
            cut = values[tuple(slice(n) for n in mine.shape)]
            assert cut.tobytes() == np.ascontiguousarray(mine).tobytes(), f"{name} depends on the batch"


def check_snapshot_survives(detector: Detector) -> None:
    story = faulty_story()
    kept = _tell_one(detector, story, _state_of(detector, 5, 4))
    state, told = _state_of(detector, 5, 4), []
    for number, view in enumerate(views(story, None, state)):
        if number % 37 == 0:
            for name, values in list(state.items()):
                state[name][...] = np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape)
        told += _look(detector, view)
    assert told == kept


def check_clean_plants_raise_no_event(detector: Detector) -> None:
    assert [e for e in clean_events() if e["detector"] == detector.name] == []


@cache
def clean_events() -> tuple[Event, ...]:
    """What all detectors say of a month of wind and solar plants without a fault."""
    return tuple(tell(clean_story(CLEAN_DAYS)))


def clean_story(days: int, seed: int = 3, units: int = 4) -> Story:
    """Two wind and three solar plants: weather, units, a forecast with a band that holds, and no fault."""
    rng = np.random.default_rng(seed)
    steps, plants = days * 96, 5
    is_solar = np.array([False, False, True, True, True])
    capacity_kw = np.array([8200.0, 30_000.0, 6.0, 27_800.0, 5000.0])
    hours = (np.arange(steps) + 1) * 0.25
    wind = _weather(rng, plants, steps, 0.02) * 2.4 + 7.0
    wind = np.clip(wind, 0.0, 21.0)
    sun = np.clip(np.sin((hours % 24 - 6) / 12 * np.pi), 0.0, None)
    cloud = 1 / (1 + np.exp(-_weather(rng, plants, steps, 0.1)))
    poa = 1000 * sun * (0.25 + 0.75 * cloud)
    share = np.where(is_solar[:, None], 0.85 * poa / 1000, np.clip((wind - 3) / 9, 0, 1) ** 2)
    habit = 1 + 0.02 * rng.standard_normal((plants, units, 1))
    noise = 1 + 0.03 * _weather(rng, plants * units, steps, 0.3).reshape(plants, units, steps)
    unit_kw = share[:, None] * habit * noise * capacity_kw[:, None, None] / units
    unit_kw -= 0.002 * capacity_kw[:, None, None] / units * rng.uniform(0.5, 1.0, unit_kw.shape)
    power_kw = np.clip(unit_kw.sum(axis=1), -np.inf, capacity_kw[:, None] * 1.1)
    middle = np.clip(share * (1 + 0.15 * _weather(rng, plants, steps, 0.05)), 0, 1)
    band = np.stack([middle * 0.6, middle, np.minimum(middle * 1.4, 1)], axis=-1)
    blown = wind[:, None] * (1 + 0.02 * rng.standard_normal((plants, units, steps)))
    return Story(
        power_kw=power_kw,
        capacity_kw=capacity_kw,
        is_solar=is_solar,
        wind_speed_ms=np.where(is_solar[:, None], np.nan, wind),
        poa_w_m2=np.where(is_solar[:, None], poa + rng.uniform(0.1, 0.9, poa.shape), np.nan),
        expected=band * capacity_kw[:, None, None],
        daylight=np.where(is_solar[:, None], sun > 0, True),
        weather_silent_s=np.broadcast_to((hours * 3600) % 21_600, (plants, steps)).copy(),
        strong_h=np.full(plants, 200.0),
        highest_kw=0.97 * capacity_kw,
        unit_power_kw=unit_kw,
        unit_wind_ms=np.where(is_solar[:, None, None], np.nan, blown),
    )


@cache
def faulty_story() -> Story:
    """Clean plants, spoiled by the faults that the detectors are for, with holes."""
    story = clean_story(9, seed=5)
    rng = np.random.default_rng(6)
    power, unit = story.power_kw, story.unit_power_kw
    power[rng.random(power.shape) < 0.03] = np.nan
    unit[rng.random(unit.shape) < 0.03] = np.nan
    power[0, 100:140], unit[0, :, 100:140] = -5.0, -1.0
    power[1, 300:330] = 4321.5
    unit[1, 2, 400:500] = 0.0
    unit[2, 1, :] *= 0.6
    unit[3, 0, 130:160] = 2345.6
    story.setpoint_kw[4, 220:260] = 900.0
    power[4, 220:260] = np.minimum(power[4, 220:260], 900.0)
    story.silent[2, 500:540] = True
    power[2, 500:540] = np.nan
    story.weather_silent_s[3, 300:] = np.arange(power.shape[1] - 300) * 900.0
    story.impossible_kw[0, 410:414] = 8.2e6
    story.wind_speed_ms[1, 600:640] = 6.54
    story.strong_h[:], story.highest_kw[:] = 60.0, story.capacity_kw * [0.45, 0.95, 1.2, 0.9, 1.0]
    return story


def _weather(rng: np.random.Generator, rows: int, steps: int, pace: float) -> NDArray[np.float64]:
    """Standard noise with a memory of about 1/pace steps."""
    shocks = rng.standard_normal((rows, steps)) * np.sqrt(2 * pace)
    state = np.empty((rows, steps))
    state[:, 0] = rng.standard_normal(rows)
    for t in range(1, steps):
        state[:, t] = (1 - pace) * state[:, t - 1] + shocks[:, t]
    return state


def _faulty_views(every: int) -> Iterator[PlantView]:
    story = faulty_story()
    state = blank_state(5, 4)
    for number, view in enumerate(views(story, None, state)):
        if number % every == 0:
            yield view


def _state_of(detector: Detector, plants: int, units: int) -> State:
    return blank_state(plants, units, (*detector.fields, *events.fields_of(detector)))


def _look(detector: Detector, view: PlantView) -> list[Event]:
    with np.errstate(all="ignore"):
        return [event for _, event in events.step(detector, detector.look(view), view)]


def _tell_one(detector: Detector, story: Story, state: State) -> list[Event]:
    return [event for view in views(story, None, state) for event in _look(detector, view)]


def _with_more_units(story: Story, units: int) -> Story:
    more = ((0, 0), (0, units - story.unit_power_kw.shape[1]), (0, 0))
    power = np.pad(story.unit_power_kw, more, constant_values=np.nan)
    wind = np.pad(story.unit_wind_ms, more, constant_values=np.nan)
    return replace(story, unit_power_kw=power, unit_wind_ms=wind)


def _empty_view(plants: int, units: int, state: State) -> PlantView:
    nothing = np.full((plants, WINDOW), np.nan)
    whole = np.zeros(plants, np.int64)
    return PlantView(
        plant_ids=[f"plant-{p}" for p in range(plants)],
        is_solar=np.arange(plants) % 2 == 0,
        capacity_kw=np.full(plants, 1000.0),
        resolution_s=np.full(plants, 600, np.int64),
        issued_at_ms=np.full(plants, 1_400_000_000_000, np.int64),
        since_ms=np.full(plants, -1, np.int64),
        known_at_ms=np.full(plants, 1_400_000_000_000, np.int64),
        power_kw=nothing,
        setpoint_kw=nothing,
        wind_speed_ms=nothing,
        poa_w_m2=nothing,
        expected=np.full((plants, WINDOW, 3), np.nan),
        daylight=np.ones(plants, np.bool_),
        silent_s=np.full(plants, np.inf),
        weather_silent_s=np.full(plants, np.inf),
        weather_expected=np.zeros(plants, np.bool_),
        impossible=whole,
        impossible_kw=np.full(plants, np.nan),
        same_scans=whole,
        same_s=np.zeros(plants),
        strong_h=np.zeros(plants),
        highest_kw=np.zeros(plants),
        unit_ids=[[f"unit-{u}" for u in range(units)]] * plants,
        unit_power_kw=np.full((plants, units, WINDOW), np.nan),
        unit_wind_ms=np.full((plants, units, WINDOW), np.nan),
        state=state,
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.tobytes() == other.tobytes()
    return bool(one == other)


def _renamed(event: Event, names: dict[str, str]) -> Event:
    new = names[event["plant_id"]]
    return {**event, "plant_id": new, "message": event["message"].replace(event["plant_id"], new)}


def _identity(event: Event) -> tuple[Any, ...]:
    return event["plant_id"], event["unit_id"], event["started_at"], event["sequence"]


CHECKS: Final[tuple[Check, ...]] = (
    check_fields_have_names_of_their_own,
    check_findings_have_the_shape_of_the_plants_or_units,
    check_nothing_but_its_own_state_is_changed,
    check_memory_is_bounded,
    check_nothing_known_is_nothing_found,
    check_batch_split_does_not_show,
    check_snapshot_survives,
    check_clean_plants_raise_no_event,
)
