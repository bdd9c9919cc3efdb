"""Whether an answer can be true: single absurd values become missing, absurd columns are left out, and an
answer that is absurd as a whole is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from producers.weather.answers import HOUR_MS, Floats, Longs, Place, Said
from schemas.errors import AnswerRefused

#: What the weather of the Earth has never left, by the beginning of a column's name.
BOUNDS: Final[tuple[tuple[str, float, float], ...]] = (
    ("wind_speed_", 0.0, 120.0),
    ("wind_gusts_", 0.0, 150.0),
    ("wind_direction_", 0.0, 360.0),
    ("temperature_", -95.0, 65.0),
    ("relative_humidity_", 0.0, 105.0),
    ("surface_pressure_", 300.0, 1100.0),
    ("cloud_cover_", 0.0, 100.5),
    ("precipitation_", 0.0, 400.0),
    ("shortwave_radiation_", -2.0, 1500.0),
    ("diffuse_radiation_", -2.0, 1000.0),
    ("direct_normal_irradiance_", -2.0, 1400.0),
)
#: A column with a larger share of absurd values is of another unit or another variable.
ABSURD_COLUMN: Final = 0.1
#: An answer with a larger share of absurd columns is not believed in the rest of them either.
ABSURD_ANSWER: Final = 0.5
#: The nearest point on land of the coarsest grid that a source may use lies within this.
FAR_DEG: Final = 0.8
_ESSENTIAL: Final = ("wind_speed_", "shortwave_radiation_", "cloud_cover_")


@dataclass(frozen=True)
class Reach:
    """Within which times an answer has to lie, and what it has to reach. Epoch milliseconds."""

    first_ms: int
    last_ms: int
    must_reach_ms: int


def number(value: Any) -> float:
    """A JSON value as a number: NaN for null, infinity for what is none (no column admits that)."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.inf
    try:
        return float(value)
    except OverflowError:
        return math.inf


def numbers(values: Any, size: int) -> Floats | None:
    """A JSON array as f8[size]; None where it is no array of that length."""
    if not isinstance(values, list) or len(values) != size:
        return None
    return np.array([number(value) for value in values], np.float64)


def checked_columns(
    columns: Mapping[str, Floats | None], where: str
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """The columns that can be believed, with NaN for single absurd values, and the names of the others.

    None stands for a column that cannot be read or is of another unit.

    Raises:
        AnswerRefused: too little is left.
    """
    kept: dict[str, Floats] = {}
    left_out: list[str] = []
    for name, values in columns.items():
        sound = None if values is None else _without_absurd(name, values)
        if sound is None:
            left_out.append(name)
        elif np.isfinite(sound).any():
            kept[name] = sound
    if len(left_out) > ABSURD_ANSWER * max(len(columns), 1):
        raise AnswerRefused(f"{where}: {_listed(left_out)} cannot be true: the answer is not used")
    if not any(name.startswith(_ESSENTIAL) for name in kept):
        raise AnswerRefused(f"{where}: there is no wind, radiation or cloud in the answer: it is not used")
    return kept, tuple(left_out)


def _without_absurd(name: str, values: Floats) -> Floats | None:
    low, high = bounds(name)
    with np.errstate(invalid="ignore"):
        absurd = (values < low) | (values > high)
    if absurd.sum() > ABSURD_COLUMN * len(values):
        return None
    return np.where(absurd, np.nan, values)


def bounds(name: str) -> tuple[float, float]:
    """The lowest and the highest value that a column may have."""
    for start, low, high in BOUNDS:
        if name.startswith(start):
            return low, high
    return -1e9, 1e9


def check_times(valid_at_ms: Longs, step_ms: int, reach: Reach, where: str) -> None:
    """Raise `AnswerRefused` where times do not rise by `step_ms` on whole hours, or lie out of reach."""
    if len(valid_at_ms) == 0:
        raise AnswerRefused(f"{where}: the answer has no times")
    if (np.diff(valid_at_ms) != step_ms).any() or (valid_at_ms % HOUR_MS).any():
        raise AnswerRefused(f"{where}: the times do not rise by {step_ms // HOUR_MS} h on whole hours")
    if valid_at_ms[0] < reach.first_ms or valid_at_ms[-1] > reach.last_ms:
        raise AnswerRefused(f"{where}: the times lie far from those asked for: check the source's clock")
    if valid_at_ms[-1] < reach.must_reach_ms:
        raise AnswerRefused(f"{where}: the times end too early: the answer is old")


def check_place(latitude: Any, longitude: Any, asked: Place, where: str) -> None:
    """Raise `AnswerRefused` where the answer is of another place."""
    north, east = number(latitude) - asked.latitude, number(longitude) - asked.longitude
    if not (math.isfinite(north) and math.isfinite(east)):
        raise AnswerRefused(f"{where}: the answer does not say of which place it is")
    east = ((east + 180.0) % 360.0 - 180.0) * math.cos(math.radians(asked.latitude))
    if math.hypot(north, east) > FAR_DEG:
        raise AnswerRefused(f"{where}: the answer is of another place ({latitude},{longitude})")


def member(document: Any, name: str, kind: type, where: str) -> Any:
    """A member of a JSON object that has to be of a kind; raises `AnswerRefused`."""
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, kind) or isinstance(found, bool):
        raise AnswerRefused(f"{where}: the answer has no {name!r} as documented")
    return found


def each(read: Iterable[Said | AnswerRefused]) -> list[Said | AnswerRefused]:
    """The results by place; raises `AnswerRefused` where none is left, which is worth another try."""
    results = list(read)
    refused = [one for one in results if isinstance(one, AnswerRefused)]
    if refused and len(refused) == len(results):
        raise refused[0]
    return results


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
