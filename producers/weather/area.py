"""The points of a plant's area: what stands beside its own weather in a run."""

from __future__ import annotations

import math
from typing import Final

from producers.weather.answers import Place

#: How far a point lies from the plant, in degrees of latitude: about 28 km, a cell of a global model.
AWAY_DEG: Final = 0.25
#: Points of plants on the same cell of this grid are the same, and are asked for once.
GRID_DEG: Final = 0.05
_HIGHEST_DEG: Final = 85.0  # near a pole there is no east to speak of


def around(place: Place) -> dict[str, Place]:
    """The neighbours towards north, east, south and west by their point_id: `n`, `e`, `s`, `w`."""
    centre = Place.near(place.latitude, place.longitude, GRID_DEG)
    north, east = centre.latitude, centre.longitude
    if abs(north) > _HIGHEST_DEG:
        return {}
    wide = AWAY_DEG / math.cos(math.radians(north))
    corners = {
        "n": (north + AWAY_DEG, east),
        "e": (north, east + wide),
        "s": (north - AWAY_DEG, east),
        "w": (north, east - wide),
    }
    return {name: Place.near(*corner, GRID_DEG) for name, corner in corners.items()}
