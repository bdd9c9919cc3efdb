"""The points of a plant's area: what stands beside its own weather in a run."""

from __future__ import annotations

import math
from typing import Final

from producers.weather.answers import Place
from schemas.records import PlantKind

#: How far a point lies from the plant, in degrees of latitude: about 28 km, a cell of a global model.
AWAY_DEG: Final = 0.25
#: Points of plants on the same cell of this grid are the same, and are asked for once.
GRID_DEG: Final = 0.05
#: What a neighbour says beside a plant's own weather. A worker keeps the last runs of every plant in each
#: checkpoint: with all columns of all points they would be most of it.
COLUMNS: Final = {
    PlantKind.WIND: ("wind_speed_100m_ms", "wind_direction_100m_deg"),
    PlantKind.SOLAR: ("shortwave_radiation_w_m2", "cloud_cover_pct"),
}
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
