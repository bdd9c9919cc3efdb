"""The detectors that run at each issue, and the one call that runs them."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect import events
from models.detect.capacity_doubt import CapacityDoubt
from models.detect.curtailment import Curtailment
from models.detect.events import Event
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
    """Every detector's look at the plants of a view; moves `view.state`.

    :returns: records of `plant.anomalies`, plant by plant in the order of the view
    """
    at_work = [d for d in DETECTORS if not d.per_unit or any(view.unit_ids)]
    with np.errstate(invalid="ignore", divide="ignore"):
        told = [pair for d in at_work for pair in events.step(d, d.look(view), view)]
    return [event for _, event in sorted(told, key=lambda pair: pair[0])]
