"""Stories of plants for the tests of the detectors: series on a grid, told issue by issue as `PlantView`s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detect import all as detect
from models.detect.events import Event
from models.detect.view import WINDOW, PlantView
from models.state import Field

START_MS = 1_400_000_400_000 // 3_600_000 * 3_600_000
F8 = NDArray[np.float64]


@dataclass
class Story:
    """T intervals of N plants, interval t ending at ``start_ms + (t + 1) * resolution``.

    `silent` marks intervals from which no record came at all (not even a null).
    """

    power_kw: F8  # (N, T)
    capacity_kw: F8  # (N,)
    is_solar: NDArray[np.bool_]  # (N,)
    resolution_s: int = 900
    start_ms: int = START_MS
    setpoint_kw: F8 = field(default_factory=lambda: np.empty(0))
    wind_speed_ms: F8 = field(default_factory=lambda: np.empty(0))
    poa_w_m2: F8 = field(default_factory=lambda: np.empty(0))
    expected: F8 = field(default_factory=lambda: np.empty(0))  # (N, T, 3)
    daylight: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    silent: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    weather_silent_s: F8 = field(default_factory=lambda: np.empty(0))
    strong_h: F8 = field(default_factory=lambda: np.empty(0))  # (N,)
    highest_kw: F8 = field(default_factory=lambda: np.empty(0))  # (N,)
    impossible_kw: F8 = field(default_factory=lambda: np.empty(0))
    unit_power_kw: F8 = field(default_factory=lambda: np.empty(0))  # (N, U, T)
    unit_wind_ms: F8 = field(default_factory=lambda: np.empty(0))
    unit_ids: Sequence[Sequence[str]] = ()

    def __post_init__(self) -> None:
        n, t = self.power_kw.shape
        blanks: dict[str, Any] = {
            "setpoint_kw": np.full((n, t), np.nan),
            "wind_speed_ms": np.full((n, t), np.nan),
            "poa_w_m2": np.full((n, t), np.nan),
            "expected": np.full((n, t, 3), np.nan),
            "daylight": np.ones((n, t), np.bool_),
            "silent": np.zeros((n, t), np.bool_),
            "weather_silent_s": np.zeros((n, t)),
            "strong_h": np.zeros(n),
            "highest_kw": np.zeros(n),
            "impossible_kw": np.full((n, t), np.nan),
            "unit_power_kw": np.full((n, 1, t), np.nan),
        }
        for name, blank in blanks.items():
            if getattr(self, name).size == 0:
                setattr(self, name, blank)
        if self.unit_wind_ms.size == 0:
            self.unit_wind_ms = np.full(self.unit_power_kw.shape, np.nan)
        if not self.unit_ids:
            self.unit_ids = [[f"unit-{u:02d}" for u in range(self.unit_power_kw.shape[1])]] * n

    def take(self, rows: Sequence[int]) -> Story:
        """The same story of some of its plants."""
        plants = {
            f.name: getattr(self, f.name)[list(rows)]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        return replace(self, **plants, unit_ids=[self.unit_ids[r] for r in rows])


def blank_state(
    plants: int, units: int, declared: Sequence[Field] = detect.FIELDS
) -> dict[str, NDArray[Any]]:
    """Rows of plants that nothing has been learned for."""
    size = {"U": units}
    return {
        f.name: np.full((plants, *(size[a] if isinstance(a, str) else a for a in f.shape)), f.fill, f.dtype)
        for f in declared
    }


def views(
    story: Story,
    every_s: int | None = None,
    state: dict[str, NDArray[Any]] | None = None,
    names: str = "plant-",
) -> Iterator[PlantView]:
    """A view for each issue of the story, `every_s` apart (an interval unless told), all with one state."""
    n, total = story.power_kw.shape
    units = story.unit_power_kw.shape[1]
    state = blank_state(n, units) if state is None else state
    resolution_ms = story.resolution_s * 1000
    every_ms = resolution_ms if every_s is None else every_s * 1000
    same_scans, same_s = _same_runs(story)
    heard_ms = _heard_ms(story)
    padded = {
        name: _pad(getattr(story, name), 2 if name.startswith("unit") else 1)
        for name in (
            "power_kw",
            "setpoint_kw",
            "wind_speed_ms",
            "poa_w_m2",
            "expected",
            "unit_power_kw",
            "unit_wind_ms",
        )
    }
    since_ms = np.full(n, -1, np.int64)
    done = 0
    for now_ms in range(story.start_ms + resolution_ms, story.start_ms + total * resolution_ms + 1, every_ms):
        ended = (now_ms - story.start_ms) // resolution_ms
        if ended == 0 or ended > total:
            continue
        at, new = ended - 1, slice(done, ended)
        window = slice(ended, ended + WINDOW)
        done = ended
        yield PlantView(
            plant_ids=[f"{names}{p}" for p in range(n)],
            is_solar=story.is_solar,
            capacity_kw=story.capacity_kw,
            resolution_s=np.full(n, story.resolution_s, np.int64),
            issued_at_ms=np.full(n, now_ms, np.int64),
            since_ms=since_ms,
            known_at_ms=np.full(n, now_ms, np.int64),
            **{k: v[:, window] for k, v in padded.items() if not k.startswith("unit")},
            **{k: v[:, :, window] for k, v in padded.items() if k.startswith("unit")},
            daylight=story.daylight[:, at],
            silent_s=(now_ms - heard_ms[:, at]) / 1000.0,
            weather_silent_s=story.weather_silent_s[:, at],
            weather_expected=np.isfinite(story.weather_silent_s[:, at]),
            impossible=np.isfinite(story.impossible_kw[:, new]).sum(axis=1),
            impossible_kw=_worst(story.impossible_kw[:, new]),
            same_scans=same_scans[:, at],
            same_s=same_s[:, at],
            strong_h=story.strong_h,
            highest_kw=story.highest_kw,
            unit_ids=[list(ids) for ids in story.unit_ids],
            state=state,
        )
        since_ms = np.full(n, now_ms, np.int64)


def tell(
    story: Story, every_s: int | None = None, state: dict[str, NDArray[Any]] | None = None
) -> list[Event]:
    """Every event of the story."""
    return [event for view in views(story, every_s, state) for event in detect.look(view)]


def opened(events: Sequence[Event], detector: str) -> list[Event]:
    return [e for e in events if e["detector"] == detector and e["phase"] == "open"]


def _pad(values: F8, axis: int) -> F8:
    width = [(0, 0)] * values.ndim
    width[axis] = (WINDOW, 0)
    return np.pad(values, width, constant_values=np.nan)


def _worst(values: F8) -> F8:
    given = np.where(np.isfinite(values), values, 0.0)
    place = np.abs(given).argmax(axis=1)
    return np.take_along_axis(given, place[:, None], axis=1)[:, 0]


def _heard_ms(story: Story) -> F8:
    """Stamp of the newest record up to each interval; -inf before the first."""
    total = story.power_kw.shape[1]
    ends = story.start_ms + (np.arange(total) + 1.0) * story.resolution_s * 1000
    return np.maximum.accumulate(np.where(story.silent, -np.inf, ends), axis=1)


def _same_runs(story: Story) -> tuple[NDArray[np.int64], F8]:
    """Length and duration [s] of the run of identical nonzero power; one scan an interval, nulls skipped."""
    scans = np.zeros(story.power_kw.shape, np.int64)
    lasted = np.zeros(story.power_kw.shape)
    for row, series in enumerate(story.power_kw):
        last, run, first = np.nan, 0, 0
        for t, value in enumerate(series):
            if np.isfinite(value):
                if value == last and value != 0:
                    run += 1
                else:
                    last, run, first = value, int(value != 0), t
            scans[row, t], lasted[row, t] = run, (t - first) * story.resolution_s * (run > 0)
    return scans, lasted
