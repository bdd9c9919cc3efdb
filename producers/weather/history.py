"""Weather of the past for a folder, from the archive of a source: `weather.csv.gz` beside its telemetry.

One run a day, as if it had been published at 00:00 UTC, for 48 hours from then. What it says is what the
weather was: a model trained on it is better in its own test than it will be on forecasts. So the source says
`:archive`, and a release that was trained on it notes it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from producers import files, plants_file
from producers.folder import read_folder
from producers.plants_file import plant_rows
from producers.problems import Problems
from producers.table import has_columns
from producers.weather import open_meteo, openweather, sources
from producers.weather.answers import HOUR_MS, Place, Said
from producers.weather.archives import ARCHIVE, OpenMeteoArchive, OpenWeatherHistory, Span
from producers.weather.cache import Cache
from producers.weather.history_file import Series, write_runs
from schemas.errors import InputError, SettingsError

if TYPE_CHECKING:
    from infra.settings import Settings
    from producers.weather.answers import Source
    from producers.weather.http import Http

FILE: Final = "weather.csv.gz"
SOURCES: Final = (open_meteo.NAME, openweather.NAME)
WARNING: Final = (
    "this is reanalysis, not forecasts: a model trained on it does better in its test than it will live; "
    "its releases note it"
)
_DAY_MS: Final = 24 * HOUR_MS
_WEEK_MS: Final = 7 * _DAY_MS
_KEPT_S: Final = 7 * 86_400.0
#: An archive counts its calls by the minute: patience is cheaper than beginning again.
ATTEMPTS: Final = 8

Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class Written:
    """What a history came to. `plants`: runs of each; `nowhere`: plants without a position."""

    path: Path
    runs: int
    rows: int
    plants: dict[str, int]
    nowhere: list[str]


def make_history(
    settings: Settings,
    folder: Path,
    from_ms: int,
    to_ms: int,
    source: str,
    http: Http,
    progress: Progress = lambda _steps, _text: None,
    now_s: Callable[[], float] = time.time,
) -> Written:
    """Write `weather.csv.gz` of a folder for the days in [from, to).

    What has come is kept for a week: after an interruption the same call goes on from there.

    Raises:
        InputError: the folder, the range or the source cannot be used; the file is there already.
        SettingsError: the source needs a key.
        ServiceUnavailable, RequestRefused, AnswerRefused: the source does not give all of it.
    """
    _refuse_range(from_ms, to_ms, now_s())
    _refuse_filled(folder)
    places = plant_places(folder)
    known = {name: place for name, place in places.items() if place is not None}
    if not known:
        raise InputError(f"{folder}: no plant in plants.csv has a latitude and a longitude")
    days = Span(from_ms // _DAY_MS * _DAY_MS, -(-to_ms // _DAY_MS) * _DAY_MS)
    # The last run ends with the hour that ends as the second day after it begins: one value of that day.
    ends_ms = min(days.to_ms + 2 * _DAY_MS, int(now_s() * 1000) // _DAY_MS * _DAY_MS)
    parts = _parts(settings, source, Span(days.from_ms, max(ends_ms, days.from_ms + _DAY_MS)))
    said = _ask_all(settings, parts, sorted(set(known.values())), http, progress, now_s)
    rows, counts = write_runs(folder / FILE, known, said, days, source + ARCHIVE)
    nowhere = [name for name, place in places.items() if place is None]
    return Written(folder / FILE, sum(counts.values()), rows, counts, nowhere)


def span_of(folder: Path, now_s: Callable[[], float] = time.time) -> tuple[int, int]:
    """From the first day of a folder's telemetry to the end of the last, but not into the future.

    Raises:
        InputError: the folder cannot be read, or has no telemetry.
    """
    now_ms = int(now_s() * 1000)
    stamps = read_folder(folder, now_ms).telemetry.event_time_ms
    if not len(stamps):
        raise InputError(f"{folder}: there is no telemetry to tell the days from: give --from and --to")
    end_ms = -(-int(stamps.max()) // _DAY_MS) * _DAY_MS
    return int(stamps.min()) // _DAY_MS * _DAY_MS, min(end_ms, now_ms)


def steps(from_ms: int, to_ms: int, source: str) -> int:
    """How many steps `progress` will be told of, about: for a bar."""
    width_ms = _WEEK_MS if source == openweather.NAME else 30 * _DAY_MS
    return max(1, math.ceil((to_ms - from_ms + 2 * _DAY_MS) / width_ms))


def plant_places(folder: Path) -> dict[str, Place | None]:
    """Where each plant of a folder stands now: its newest row that says so. None: no row does.

    Raises:
        BadFolder: plants.csv is not there or cannot be read.
    """
    problems = Problems(str(folder))
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give one with a plants.csv")
    found = files.find(folder, problems)
    if "plants" not in found:
        raise InputError(f"{folder} has no plants.csv: it says where the plants stand")
    table = files.read(found["plants"], problems)
    if table is None or not has_columns(table.file, list(table.columns), plants_file.NEEDED, problems):
        raise problems.stop()
    rows = plant_rows(table, problems)
    problems.raise_if_any()
    made: dict[str, Place | None] = {}
    for row in rows:
        made.setdefault(row.plant_id, None)
        if row.latitude is not None and row.longitude is not None:
            made[row.plant_id] = Place.near(row.latitude, row.longitude)
    return made


def _refuse_range(from_ms: int, to_ms: int, now_s: float) -> None:
    if from_ms >= to_ms:
        raise InputError("--from must lie before --to")
    if to_ms > now_s * 1000:
        raise InputError("--to lies in the future: an archive holds the past")


def _refuse_filled(folder: Path) -> None:
    for suffix in files.SUFFIXES:
        if (path := folder / f"weather{suffix}").exists():
            raise InputError(f"{path} is there already: move it away to have another one written")


def _parts(settings: Settings, source: str, span: Span) -> list[Source]:
    """The calls that a span is made of, cut at the same days for any span, so that the cache knows them."""
    if source == open_meteo.NAME:
        key = settings.open_meteo_key.get_secret_value()
        url = settings.open_meteo_archive_url
        return [OpenMeteoArchive(part, url, key) for part in _months(span)]
    key = settings.openweather_key.get_secret_value()
    if not key:
        raise SettingsError("OpenWeather's history needs a key: set GRIDCAST_OPENWEATHER_KEY")
    url = settings.openweather_history_url
    return [OpenWeatherHistory(part, url, key) for part in _weeks(span)]


def _months(span: Span) -> list[Span]:
    first = np.datetime64(span.from_ms, "ms").astype("datetime64[M]")
    last = np.datetime64(span.to_ms - 1, "ms").astype("datetime64[M]")
    bounds = np.arange(first, last + 2).astype("datetime64[ms]").astype(np.int64).tolist()
    return [Span(start, min(end, span.to_ms)) for start, end in pairwise(bounds)]


def _weeks(span: Span) -> list[Span]:
    start_ms = span.from_ms // _WEEK_MS * _WEEK_MS
    starts = range(start_ms, span.to_ms, _WEEK_MS)
    return [Span(start, min(start + _WEEK_MS, span.to_ms)) for start in starts]


def _ask_all(
    settings: Settings,
    parts: Sequence[Source],
    places: Sequence[Place],
    http: Http,
    progress: Progress,
    now_s: Callable[[], float],
) -> dict[Place, Series]:
    folder = settings.home / "weather-history"
    Cache(folder, _KEPT_S, now_s).sweep(_KEPT_S)
    said: dict[Place, list[Said]] = {place: [] for place in places}
    for part in parts:
        known, problem = sources.asker(settings, part, http, _KEPT_S, now_s, folder).ask(places)
        if problem is not None:
            raise problem
        for place, one in known.items():
            said[place].append(one)
        progress(1, part.name)
    return {place: _joined(own) for place, own in said.items()}


def _joined(parts: Sequence[Said]) -> Series:
    """Parts one after the other; a column that one of them lacks is missing there."""
    names = dict.fromkeys(name for part in parts for name in part.columns)
    columns = {
        name: np.concatenate(
            [part.columns.get(name, np.full(len(part.valid_at_ms), np.nan)) for part in parts]
        )
        for name in names
    }
    return Series(np.concatenate([part.valid_at_ms for part in parts]), columns)
