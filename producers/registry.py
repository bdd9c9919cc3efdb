"""The registry of plants on the `plants` topic: reading it, and sending a new version of a plant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from infra.kafka import Outgoing
from infra.topic_reader import newest_records
from infra.topics import JOURNAL, PLANTS
from models.validate_control import fault_of_plant
from producers.kafka_out import Out
from producers.keys import version_key
from producers.plants_file import is_zone
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from infra.settings import Settings

#: Clocks are up to so far from the sun: China keeps one zone over five.
_ZONE_WITHIN_H: Final = 4.0


def registered(settings: Settings, codec: Codec) -> list[PlantVersion]:
    """Every version of every plant, by plant and from when on it holds."""
    newest = newest_records(settings, codec, PLANTS, "PlantVersion", _is_sound).values()
    versions = [PlantVersion.from_avro(record) for record in newest]
    return sorted(versions, key=lambda plant: (plant.plant_id, plant.valid_from_ms))


def _is_sound(record: Mapping[str, Any]) -> bool:
    return fault_of_plant(PlantVersion.from_avro(record)) is None


def held(versions: list[PlantVersion], plant_id: str, at_ms: int) -> PlantVersion | None:
    """The version of a plant that holds at a time, else its first one; None where there is no such plant."""
    own = [version for version in versions if version.plant_id == plant_id]
    begun = [version for version in own if version.valid_from_ms <= at_ms]
    return begun[-1] if begun else own[0] if own else None


def send_plant(out: Out, codec: Codec, plant: PlantVersion) -> None:
    """Send a version of a plant, to its journal first: whoever reads it in `plants` may send what needs it.

    Raises:
        InputError: a worker would refuse it.
    """
    if not plant.plant_id or plant.plant_id != plant.plant_id.strip():
        raise InputError(f"plant_id {plant.plant_id!r} is empty or has blanks around it")
    if (fault := fault_of_plant(plant)) is not None:
        raise InputError(f"{plant.plant_id}: {fault}")
    if (plant.latitude is None) != (plant.longitude is None):
        raise InputError(f"{plant.plant_id}: give both latitude and longitude, or neither")
    if plant.timezone is not None and not is_zone(plant.timezone):
        raise InputError(f"{plant.plant_id}: {plant.timezone!r} is no time zone: give a name as Europe/Paris")
    (payload,) = codec.encode("PlantVersion", [plant.to_avro()])
    out.send([Outgoing(JOURNAL, plant.plant_id.encode(), payload)])
    out.send([Outgoing(PLANTS, version_key(plant.plant_id, plant.valid_from_ms), payload)])


def doubts(plant: PlantVersion) -> Iterator[str]:
    """What is allowed and most likely not meant, for whoever has just typed it."""
    if plant.latitude is None or plant.longitude is None:
        yield "without latitude and longitude it gets no live weather"
    elif plant.latitude == 0 and plant.longitude == 0:
        yield "latitude 0 and longitude 0 lie in the sea off Africa"
    elif plant.timezone is not None:
        offset = datetime.now(ZoneInfo(plant.timezone)).utcoffset()
        apart_h = (offset.total_seconds() / 3600 if offset else 0.0) - plant.longitude / 15
        if abs((apart_h + 12) % 24 - 12) > _ZONE_WITHIN_H:
            what = f"longitude {plant.longitude:g} is not that of {plant.timezone}"
            yield f"{what}: is its sign or the order of the two wrong?"
    if plant.kind == "wind" and (plant.tilt_deg is not None or plant.azimuth_deg is not None):
        yield "tilt and azimuth are of solar panels: they mean nothing for a wind farm"
    if plant.kind == "solar" and plant.hub_height_m is not None:
        yield "a hub height is of turbines: it means nothing for a solar park"
