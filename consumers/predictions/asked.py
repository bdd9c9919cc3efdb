"""What can be asked for, checked: the bodies of the API, and the rows of a bulk job."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from consumers.api.params import TEXT, Moment
from models.validate_control import LARGEST_KW
from schemas.records import PlantKind, PlantVersion

FURTHEST_H: Final = 384
DEFAULT_H: Final = 24
RESOLUTION_S: Final = 900
#: A number of JSON: no text, no truth value, nothing infinite.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Latitude = Annotated[Number, Field(ge=-90, le=90, description="Degrees north.", examples=[48.45])]
Longitude = Annotated[Number, Field(ge=-180, le=180, description="Degrees east.", examples=[5.6])]
Capacity = Annotated[
    Number, Field(gt=0, le=LARGEST_KW, description="Nameplate capacity [kW].", examples=[8200.0])
]
Hours = Annotated[
    int, Field(strict=True, ge=1, le=FURTHEST_H, description="How far ahead [h].", examples=[24])
]
Level = Annotated[Number, Field(gt=0, lt=1)]
Levels = Annotated[
    list[Level] | None,
    Field(
        min_length=1, max_length=50, examples=[[0.1, 0.5, 0.9]],
        description="Quantile levels, of those that are published; all of them where left out.",
    ),
]  # fmt: skip
UnitName = Annotated[str, Field(strict=True, min_length=1, max_length=200, pattern=TEXT)]
UnitsOut = Annotated[
    Annotated[list[UnitName], Field(min_length=1, max_length=1000)]
    | Annotated[int, Field(strict=True, ge=1, le=1000)],
    Field(description="Units by name, or how many.", examples=[["R80711"]]),
]
PlantName = Annotated[
    str, Field(strict=True, min_length=1, max_length=200, pattern=TEXT, examples=["la-haute-borne"])
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlaceAsked(_Asked):
    """A plant that nobody registered: the physical start on live weather."""

    latitude: Latitude
    longitude: Longitude
    kind: Literal["wind", "solar"] = Field(examples=["wind"])
    capacity_kw: Capacity
    hours: Hours = DEFAULT_H
    levels: Levels = None
    hub_height_m: Annotated[Number, Field(ge=1, le=500)] | None = None
    tilt_deg: Annotated[Number, Field(ge=0, le=90)] | None = None
    azimuth_deg: Annotated[Number, Field(ge=0, le=360)] | None = None

    def plant(self, now_ms: int) -> PlantVersion:
        """The plant as a registry would have it."""
        return PlantVersion(
            plant_id="on-request",
            valid_from_ms=0,
            known_at_ms=now_ms,
            kind=PlantKind(self.kind),
            capacity_kw=self.capacity_kw,
            resolution_s=RESOLUTION_S,
            latitude=self.latitude,
            longitude=self.longitude,
            hub_height_m=self.hub_height_m,
            tilt_deg=self.tilt_deg,
            azimuth_deg=self.azimuth_deg,
        )


class PlantAsked(_Asked):
    """A registered plant: what the worker said newest."""

    plant_id: PlantName
    hours: Hours | None = Field(None, description="How far ahead [h]; all that was issued where left out.")
    levels: Levels = None


def _weather_of(value: Any) -> str:
    rows = value.get("rows") if isinstance(value, dict) else getattr(value, "rows", None)
    return "named" if rows is None else "sent"


class RunNamed(_Asked):
    """A weather run that the plant was sent."""

    source: Annotated[str, Field(strict=True, min_length=1, max_length=200, pattern=TEXT)]
    published_at: Moment


class WeatherRow(_Asked):
    """Weather of one time."""

    valid_at: Moment
    values: Annotated[
        dict[str, Number],
        Field(
            min_length=1, max_length=60, description="By column with its unit, as in weather.csv.",
            examples=[{"wind_speed_100m_ms": 9.5, "wind_direction_100m_deg": 200.0}],
        ),
    ]  # fmt: skip


class OwnWeather(_Asked):
    """Weather that is sent along, hour by hour."""

    source: Annotated[
        str,
        Field(
            strict=True, min_length=1, max_length=200, pattern=TEXT,
            description="Whose weather it is like: models answer for the sources that they were trained on,"
            " the physical start for all others.",
        ),
    ] = "own"  # fmt: skip
    rows: list[WeatherRow] = Field(min_length=1, max_length=400)


WeatherAsked = Annotated[
    Annotated[RunNamed, Tag("named")] | Annotated[OwnWeather, Tag("sent")], Discriminator(_weather_of)
]


class WhatIfAsked(_Asked):
    """What is to be otherwise: one thing or several."""

    capacity_kw: Capacity | None = None
    units_out: UnitsOut | None = None
    weather: WeatherAsked | None = Field(None, description="A run that the plant was sent, or own rows.")
    hours: Annotated[int, Field(strict=True, ge=1, le=48)] | None = Field(
        None, description="How far ahead [h]; all that is issued where left out."
    )
    levels: Levels = None


def _kind_of(value: Any) -> str:
    named = value.get("plant_id") if isinstance(value, dict) else getattr(value, "plant_id", None)
    return "place" if named is None else "plant"


Asked = Annotated[
    Annotated[PlaceAsked, Tag("place")] | Annotated[PlantAsked, Tag("plant")], Discriminator(_kind_of)
]


def _of_batch(value: Any) -> str:
    held = value.get("what_if") if isinstance(value, dict) else getattr(value, "what_if", None)
    return _kind_of(value) if held is None else "what_if"


class WhatIfOfPlant(_Asked):
    """A what-if among others."""

    plant_id: PlantName
    what_if: WhatIfAsked


BatchItem = Annotated[
    Annotated[PlaceAsked, Tag("place")]
    | Annotated[PlantAsked, Tag("plant")]
    | Annotated[WhatIfOfPlant, Tag("what_if")],
    Discriminator(_of_batch),
]
MOST_AT_ONCE: Final = 50


class BatchAsked(_Asked):
    """Many questions in one."""

    items: list[BatchItem] = Field(min_length=1, max_length=MOST_AT_ONCE)
