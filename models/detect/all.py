"""The detectors that run at each issue, and the one call that runs them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from models.detect import events
from models.detect.capacity_doubt import CapacityDoubt
from models.detect.curtailment import Curtailment
from models.detect.events import Event, Told
from models.detect.feed_silent import FeedSilent
from models.detect.impossible_value import ImpossibleValue
from models.detect.outage import Outage
from models.detect.stuck_sensor import StuckSensor
from models.detect.unit_outage import UnitOutage
from models.detect.unit_stuck_sensor import UnitStuckSensor
from models.detect.unit_underperformance import UnitUnderperformance
from models.detect.view import Detector, PlantView
from models.detect.weather_silent import WeatherSilent
from models.state import Field

DETECTORS: Final[tuple[Detector, ...]] = (
    FeedSilent(),
    WeatherSilent(),
    StuckSensor(),
    ImpossibleValue(),
    CapacityDoubt(),
    Outage(),
    Curtailment(),
    UnitOutage(),
    UnitStuckSensor(),
    UnitUnderperformance(),
)


def _fields() -> tuple[Field, ...]:
    """Each field once: detectors that share one declare it alike."""
    by_name = {f.name: f for d in DETECTORS for f in (*d.fields, *events.fields_of(d))}
    return tuple(by_name.values())


FIELDS: Final[tuple[Field, ...]] = _fields()


def look(view: PlantView) -> list[Event]:
    """Every detector's look at the plants of a view and at their units; moves `view.state`.

    :returns: records of `plant.anomalies`, plant by plant in the order of the view
    """
    return by_plant([*at_plants(view), *(at_units(view) if any(view.unit_ids) else ())])


def at_plants(view: PlantView) -> list[Told]:
    """The look of the detectors of whole plants."""
    return _at(view, per_unit=False)


def at_units(view: PlantView) -> list[Told]:
    """The look of the detectors of units."""
    return _at(view, per_unit=True)


def by_plant(told: Iterable[Told]) -> list[Event]:
    """Records in the order of the plants, those of a plant as they came."""
    return [event for _, event in sorted(told, key=lambda pair: pair[0])]


def _at(view: PlantView, per_unit: bool) -> list[Told]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return [
            pair for d in DETECTORS if d.per_unit == per_unit for pair in events.step(d, d.look(view), view)
        ]
