"""What sources say, as weather runs: each plant's own place with the points of its area."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from producers.weather.answers import Floats, Longs, Place, Said, Source
from producers.weather.area import COLUMNS, around
from producers.weather.asking import Asker
from schemas.records import AreaPoint, PlantVersion, WeatherRun


@dataclass
class Collected:
    """The runs of one collection, and why there is none for others. `plants`: who was asked for."""

    plants: dict[str, PlantVersion] = field(default_factory=dict)
    runs: list[WeatherRun] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def place_of(plant: PlantVersion) -> Place | None:
    """Where a plant's weather is asked for; None where its position is not known."""
    if plant.latitude is None or plant.longitude is None:
        return None
    return Place.near(plant.latitude, plant.longitude)


def collect(
    plants: Iterable[PlantVersion], askers: Sequence[Asker], fresh: Set[Place] = frozenset()
) -> Collected:
    """A run for each plant from the first source that has one. Plants without a position are passed over.

    `fresh`: places that the cache must not answer for. A plant that moves to where another one stands would
    get that one's answer, which may be of the very time of its own last run: the same identity.
    """
    made = Collected({plant.plant_id: plant for plant in plants})
    places = {name: place_of(plant) for name, plant in made.plants.items()}
    wanting = {name: place for name, place in places.items() if place is not None}
    for asker in askers:
        if not wanting:
            break
        known, problem = asker.ask(_places(wanting.values(), asker.source), fresh)
        for plant_id, place in list(wanting.items()):
            if place in known:
                made.runs.append(_run(made.plants[plant_id], place, known, asker.source))
                made.failed.pop(plant_id, None)
                del wanting[plant_id]
            else:
                before = made.failed.get(plant_id)
                why = str(problem) if problem is not None else f"{asker.source.name} says nothing"
                made.failed[plant_id] = f"{before}; {why}" if before else why
    return made


def _places(own: Iterable[Place], source: Source) -> list[Place]:
    """The plants' own places first: what fails late costs least."""
    wanted = dict.fromkeys(own)
    if source.with_area:
        wanted |= dict.fromkeys(point for place in list(wanted) for point in around(place).values())
    return list(wanted)


def _run(plant: PlantVersion, place: Place, known: Mapping[Place, Said], source: Source) -> WeatherRun:
    own = known[place]
    points = {
        name: known[point]
        for name, point in (around(place) if source.with_area else {}).items()
        if point in known
    }
    beside = COLUMNS[plant.kind]
    # Nothing in a run may be younger than the run: who used it at this time must have had all of it.
    published_at_ms = max(said.fetched_at_ms for said in (own, *points.values()))
    return WeatherRun(
        plant_id=plant.plant_id,
        source=source.name,
        published_at_ms=published_at_ms,
        known_at_ms=published_at_ms,
        valid_at_ms=own.valid_at_ms,
        columns=own.columns,
        points=tuple(_point(name, said, own.valid_at_ms, beside) for name, said in points.items()),
    )


def _point(name: str, said: Said, valid_at_ms: Longs, wanted: Sequence[str]) -> AreaPoint:
    columns = {
        column: _at(said.columns[column], said.valid_at_ms, valid_at_ms)
        for column in wanted
        if column in said.columns
    }
    return AreaPoint(name, said.place.latitude, said.place.longitude, columns)


def _at(values: Floats, from_ms: Longs, wanted_ms: Longs) -> Floats:
    """Values at other times; NaN where there is none."""
    at = np.minimum(np.searchsorted(from_ms, wanted_ms), len(from_ms) - 1)
    return np.where(from_ms[at] == wanted_ms, values[at], np.nan)
