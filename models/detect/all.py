"""The detectors that run at each issue, and the one call that runs them."""

from __future__ import annotations

from typing import Final

from models.detect import events
from models.detect.events import Event
from models.detect.feed_silent import FeedSilent
from models.detect.view import Detector, PlantView
from models.state import Field

DETECTORS: Final[tuple[Detector, ...]] = (FeedSilent(),)
FIELDS: Final[tuple[Field, ...]] = tuple(f for d in DETECTORS for f in (*d.fields, *events.fields_of(d)))


def look(view: PlantView) -> list[Event]:
    """Every detector's look at the plants of a view; moves `view.state`.

    :returns: records of `plant.anomalies`, plant by plant in the order of the view
    """
    told = [pair for d in DETECTORS for pair in events.step(d, d.look(view), view)]
    return [event for _, event in sorted(told, key=lambda pair: pair[0])]
