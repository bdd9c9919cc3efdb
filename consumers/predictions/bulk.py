"""A job that works off a file of questions: `gridcast schedule` runs it.

The file and what came of it are kept with the job, in PostgreSQL, and go with it after `jobs_days`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from consumers.predictions import stored
from consumers.predictions.asked import PlaceAsked, PlantAsked
from consumers.predictions.bulk_file import PARQUET, questions
from consumers.predictions.callback import CallbackRefused, tell
from consumers.predictions.predictor import of_place, of_plant
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from consumers.jobs.work import Work
    from consumers.predictions.sources import WeatherSource
    from infra.settings import Settings
    from schemas.codec import Codec

ASKED: Final = "asked"
RESULT: Final = "result"
_AT_ONCE: Final = 50  # places, as many as a call of the first source takes
_SCHEMA: Final = pa.schema(
    [
        ("row", pa.int64()), ("plant_id", pa.string()), ("latitude", pa.float64()),
        ("longitude", pa.float64()), ("kind", pa.string()), ("capacity_kw", pa.float64()),
        ("source", pa.string()), ("issued_at", pa.string()), ("model", pa.string()), ("version", pa.string()),
        ("weather_source", pa.string()), ("weather_published_at", pa.string()), ("valid_at", pa.string()),
        ("interval_s", pa.int64()), ("rung", pa.string()), ("prediction_kw", pa.float64()),
        ("low_kw", pa.float64()), ("high_kw", pa.float64()), ("available_kw", pa.float64()),
        ("problem", pa.string()),
    ]
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Bulk:
    """What the job works with."""

    settings: Settings
    codec: Codec
    weather: WeatherSource

    def __call__(self, work: Work) -> Mapping[str, Any]:
        """Answer or refuse each row, keep the result, and tell who wants to be told."""
        held = work.file(ASKED)
        if held is None:
            raise InputError("the file of this job is gone")
        asked = questions(*held)
        rows: list[Row] = []
        refused = 0
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            self._gather(some)
            for number, one in enumerate(some, first + 1):
                work.check()
                made = self._answered(work, number, one)
                refused += made[0]["problem"] is not None
                rows += made
            work.progress(
                min((first + _AT_ONCE) / len(asked), 0.99), f"{first + len(some)} of {len(asked)} rows"
            )
        work.attach(RESULT, PARQUET, _parquet(rows))
        result = {"rows": len(asked), "answered": len(asked) - refused, "refused": refused}
        url = work.arguments.get("callback")
        return result if url is None else {**result, "callback": self._tell(work, str(url), result)}

    def _gather(self, asked: Iterable[PlaceAsked | PlantAsked]) -> None:
        """Have the weather of all places at hand; what is missing says so at its row."""
        places = [(one.latitude, one.longitude) for one in asked if isinstance(one, PlaceAsked)]
        if places:
            with suppress(GridcastError):
                self.weather.gather(places)

    def _answered(self, work: Work, number: int, asked: PlaceAsked | PlantAsked) -> list[Row]:
        about = {"row": number, **asked.model_dump(include=set(_SCHEMA.names))}
        try:
            told = self._place(asked) if isinstance(asked, PlaceAsked) else self._plant(work, asked)
        except GridcastError as error:
            return [{**about, "problem": str(error)}]
        kept = {name: told["metadata"].get(name) for name in _SCHEMA.names if name in told["metadata"]}
        steps = zip(told["predictions"], told["confidence_intervals"], strict=True)
        made = [{**about, **kept, **step, **interval, "problem": None} for step, interval in steps]
        return made or [{**about, **kept, "problem": "nothing of it lies ahead"}]

    def _place(self, asked: PlaceAsked) -> Row:
        run = self.weather.known(asked.latitude, asked.longitude)
        cached = run is not None
        run = run or self.weather.ask(asked.latitude, asked.longitude)
        return of_place(asked, run, cached, self.settings.levels, self.codec)

    def _plant(self, work: Work, asked: PlantAsked) -> Row:
        plant, record, now_ms = work.read(lambda cursor: stored.newest(cursor, asked.plant_id))
        return of_plant(asked, record, plant, now_ms)

    def _tell(self, work: Work, url: str, result: Mapping[str, Any]) -> str:
        try:
            return tell(self.settings, url, work.job_id, result, work.check)
        except CallbackRefused as error:
            work.say(f"the callback was given up: {error}")
            return f"given up: {error}"


def _parquet(rows: Iterable[Row]) -> bytes:
    table = pa.Table.from_pylist([{name: row.get(name) for name in _SCHEMA.names} for row in rows], _SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
