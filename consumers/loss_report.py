"""Energy, and money, that leaked: read for some plants and told as a document, for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from consumers.forecast_document import iso
from consumers.losses import newest_plants, read_course, read_events
from models.energy_lost import Loss, losses
from models.forecast.base import Floats, Ints
from schemas.errors import InputError
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

FEED: Final = "feed"  # unseen, not lost: the meter may have counted it
ByPlant = Mapping[str, Sequence[Loss]]


def wanted_plants(cursor: Cursor, names: Collection[str]) -> list[PlantVersion]:
    """These plants, all where none is named. Raises `InputError` for one that PostgreSQL does not know."""
    known = newest_plants(cursor)
    unknown = sorted(set(names) - {one.plant_id for one in known})
    if unknown:
        raise InputError(f"PostgreSQL knows no plant {', '.join(unknown)}: see `gridcast plants list`")
    return [one for one in known if not names or one.plant_id in names]


def read_losses(
    cursor: Cursor,
    plants: Iterable[PlantVersion],
    from_ms: int,
    to_ms: int,
    price: Callable[[Ints], Floats],
    advance: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Loss]]:
    """By plant what each cause has cost in [from, to).

    Args:
        price: EUR/MWh of the intervals with these ends [ms], NaN where there is none.
        advance: told of each plant when it is done.
    """
    made = {}
    for plant in plants:
        course = read_course(cursor, plant, from_ms, to_ms)
        course = replace(course, price_eur_mwh=price(course.end_ms))
        events = read_events(cursor, plant.plant_id, from_ms, to_ms)
        made[plant.plant_id] = losses(events, course, from_ms, to_ms)
        advance(plant.plant_id)
    return made


def document(from_ms: int, to_ms: int, by_plant: ByPlant) -> dict[str, Any]:
    """All of it, and the sums."""
    everything = [one for found in by_plant.values() for one in found]
    return {
        "from": iso(from_ms),
        "to": iso(to_ms),
        "losses": [
            {"plant_id": plant_id, **{k: rounded(v) for k, v in asdict(one).items()}}
            for plant_id, found in by_plant.items()
            for one in found
        ],
        "lost_kwh": rounded(energy(everything, feed=False)),
        "unseen_kwh": rounded(energy(everything, feed=True)),
        "lost_eur": rounded(money(everything)),
    }


def energy(found: Sequence[Loss], feed: bool) -> float:
    """kWh behind silent feeds, or all others."""
    return float(sum(one.energy_kwh for one in found if (one.cause == FEED) == feed))


def money(found: Sequence[Loss]) -> float | None:
    """EUR of what was lost; None without prices."""
    paid = [one.eur for one in found if one.eur is not None and one.cause != FEED]
    return sum(paid) if paid else None


def rounded(value: Any) -> Any:
    """Two decimals; null where a number could not be known."""
    if not isinstance(value, float):
        return value
    return round(value, 2) if value == value else None
