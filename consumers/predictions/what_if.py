"""What a registered plant would give if something were otherwise, beside what its worker has forecast."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from consumers.forecast_document import iso
from consumers.predictions.asked import OwnWeather
from consumers.predictions.told import answer
from models.what_if import Change, compare
from schemas.errors import InputError, ServiceUnavailable, TooLate
from schemas.forecasts import encode_forecasts
from schemas.records import WeatherRun

if TYPE_CHECKING:
    from consumers.predictions.asked import WhatIfAsked
    from consumers.predictions.sources import PlantStates
    from models.fleet import Fleet
    from schemas.codec import Codec
    from schemas.forecasts import ForecastBlock

_WAITING: Final = 8
_MS: Final = 1000
_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
Told = dict[str, Any]


@dataclass
class WhatIf:
    """Works off one question at a time, in a thread of its own: each takes the plant's state out of topics.

    `within_s`: how long somebody waits for an answer.
    """

    states: PlantStates
    codec: Codec
    within_s: float

    def __post_init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "what-if")
        self._waiting = 0

    def close(self) -> None:
        """Begin nothing any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def answer(self, plant_id: str, asked: WhatIfAsked, published: Mapping[str, Any] | None) -> Told:
        """Both sides and what is between them. `published`: the plant's newest forecast as the API holds it.

        Raises:
            InputError: the state of the plant does not tell this.
            TooLate: it takes too long.
            ServiceUnavailable: too many ask, or a server behind does not answer.
        """
        if self._waiting >= _WAITING:
            raise ServiceUnavailable("others are asking what if: try again")
        self._waiting += 1
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(self._thread, self._made, plant_id, asked, published)
        working.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(working), self.within_s)
        except TimeoutError as error:
            raise TooLate("the state of the plant could not be put together in time: try again") from error

    def _done(self, working: asyncio.Future[Told]) -> None:
        self._waiting -= 1
        if not working.cancelled():
            working.exception()  # whoever asked may have gone

    def _made(self, plant_id: str, asked: WhatIfAsked, published: Mapping[str, Any] | None) -> Told:
        fleet = self.states.fleet_of(plant_id)
        run = _run(plant_id, asked, fleet)
        hours = asked.hours or fleet.settings.horizon_s // 3600
        both = compare(fleet, plant_id, Change(asked.capacity_kw, asked.units_out, run, hours))
        baseline, what_if = (self._told(side, asked) for side in (both.baseline, both.what_if))
        return {
            "baseline": baseline,
            "what_if": what_if,
            "difference": _difference(baseline, what_if),
            "assumed": both.assumed,
            "baseline_is_published": _is_same(both.baseline, published),
        }

    def _told(self, block: ForecastBlock, asked: WhatIfAsked) -> Told:
        record = self.codec.decode(encode_forecasts(self.codec, block)[0])[1]
        return answer(record, {}, asked.hours, asked.levels)


def _run(plant_id: str, asked: WhatIfAsked, fleet: Fleet) -> WeatherRun | None:
    """The run that a question sends, or names out of those that the plant's state holds."""
    if asked.weather is None:
        return None
    if isinstance(asked.weather, OwnWeather):
        return _sent(plant_id, asked.weather)
    source, at_ms = asked.weather.source, round(asked.weather.published_at.timestamp() * _MS)
    held = [run for outlook in fleet.outlooks.values() for run in (*outlook.runs, *outlook.pending)]
    found = next((run for run in held if (run.source, run.published_at_ms) == (source, at_ms)), None)
    if found is None:
        known = ", ".join(f"{run.source} of {iso(run.published_at_ms)}" for run in held[-5:]) or "none"
        raise InputError(f"there is no run of {source} of {iso(at_ms)}; the plant's newest are {known}")
    return found


def _sent(plant_id: str, weather: OwnWeather) -> WeatherRun:
    """Rows as a run."""
    names = sorted({name for row in weather.rows for name in row.values})
    strange = [name for name in names if not _COLUMN.fullmatch(name)]
    if strange:
        raise InputError(f"{strange[0][:60]!r} is no column: they are named as wind_speed_100m_ms is")
    valid_at_ms = np.array([round(row.valid_at.timestamp() * _MS) for row in weather.rows], np.int64)
    columns = {
        name: np.array([row.values.get(name, np.nan) for row in weather.rows], np.float64) for name in names
    }
    now_ms = round(datetime.now(UTC).timestamp() * _MS)
    return WeatherRun(plant_id, weather.source, now_ms, now_ms, valid_at_ms, columns)


def _difference(baseline: Told, what_if: Told) -> Told:
    energy_kwh = [side["metadata"]["energy_kwh"] for side in (baseline, what_if)]
    return {
        "energy_kwh": round(energy_kwh[1] - energy_kwh[0], 3),
        "baseline_kwh": energy_kwh[0],
        "what_if_kwh": energy_kwh[1],
        "prediction_kw": _gaps(baseline["predictions"], what_if["predictions"]),
    }


def _gaps(before: Sequence[Told], after: Sequence[Told]) -> list[float]:
    pairs = zip(before, after, strict=True)
    return [round(new["prediction_kw"] - old["prediction_kw"], 3) for old, new in pairs]


def _is_same(block: ForecastBlock, published: Mapping[str, Any] | None) -> bool:
    """Whether the baseline is the forecast that was published, to the bit; what came late may differ it."""
    return (
        published is not None
        and (published["issued_at"], published["model"], published["version"])
        == (int(block.issued_at_ms[0]), block.model[0], block.version[0])
        and published["power_kw"] == block.power_kw[0].ravel().tolist()
    )
