"""`gridcast plants`: the registry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from cli.output import emit, iso, json_option, note, table
from cli.times import Moment

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.codec import Codec
    from schemas.records import PlantVersion

_F = TypeVar("_F", bound=Callable[..., Any])
_SHOWN: Final = ("plant_id", "kind", "capacity_kw", "latitude", "longitude", "resolution_s", "valid_from")
#: `valid_from` of a plant that is added without one: before every record that can count.
_SINCE_EVER_MS: Final = 946_684_800_000


def _details(function: _F) -> _F:
    """The options that describe a plant, for `add` and `set`."""
    options = (
        click.option("--latitude", type=float, help="Degrees north."),
        click.option("--longitude", type=float, help="Degrees east."),
        click.option("--resolution", "resolution_s", type=int, help="Seconds of an interval: 300 to 3600."),
        click.option(
            "--issue-every", "issue_every_s", type=int, help="Seconds between issues; 900 unless told."
        ),
        click.option("--scan", "scan_s", type=int, help="Seconds between two values of the telemetry."),
        click.option("--min-kw", type=float, help="Lowest power; what the telemetry shows unless told."),
        click.option("--hub-height", "hub_height_m", type=float, help="Metres, of a wind farm."),
        click.option("--tilt", "tilt_deg", type=float, help="Degrees from the horizontal, of a solar park."),
        click.option("--azimuth", "azimuth_deg", type=float, help="Degrees from north, of a solar park."),
        click.option("--timezone", help="For days in reports, as Europe/Paris."),
        click.option("--valid-from", "valid_from_ms", type=Moment(), help="From when on this holds."),
        json_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(epilog="Example:  gridcast plants add north-ridge --kind wind --capacity 8200")
def command() -> None:
    """The registry of plants: add, list, set."""


@command.command(
    epilog="Example:  gridcast plants add roof --kind solar --capacity 6 --latitude 39.7 --longitude -105.2"
)
@click.argument("plant_id", metavar="PLANT")
@click.option("--kind", type=click.Choice(["wind", "solar"]), required=True)
@click.option("--capacity", "capacity_kw", type=float, required=True, help="kW.")
@_details
def add(plant_id: str, kind: str, capacity_kw: float, as_json: bool, **details: Any) -> None:
    """Register a plant. It holds since ever unless --valid-from says otherwise."""
    from producers.registry import doubts, held
    from schemas.errors import InputError
    from schemas.records import PlantKind, PlantVersion

    registry = _Registry()
    if held(registry.versions(), plant_id, 0) is not None:
        raise InputError(f"plant {plant_id} is registered already: change it with `gridcast plants set`")
    given = _given(details)
    plant = PlantVersion(
        plant_id=plant_id,
        kind=PlantKind(kind),
        capacity_kw=capacity_kw,
        known_at_ms=_now_ms(),
        valid_from_ms=given.pop("valid_from_ms", _SINCE_EVER_MS),
        resolution_s=given.pop("resolution_s", 900),
        **given,
    )
    registry.send(plant)
    emit(_document(plant), as_json, _rows([plant]))
    for doubt in doubts(plant):
        note(f"note: {doubt}")


@command.command(
    "set", epilog="Example:  gridcast plants set north-ridge --capacity 10250 --valid-from 2024-06-01"
)
@click.argument("plant_id", metavar="PLANT")
@click.option("--capacity", "capacity_kw", type=float, help="kW.")
@_details
def set_(plant_id: str, as_json: bool, **details: Any) -> None:
    """Change a plant from --valid-from on (now unless told); what is not named stays as it is."""
    from producers.registry import doubts, held
    from schemas.errors import InputError

    registry, given, now_ms = _Registry(), _given(details), _now_ms()
    valid_from_ms = given.pop("valid_from_ms", now_ms // 1000 * 1000)
    before = held(registry.versions(), plant_id, valid_from_ms)
    if before is None:
        raise InputError(f"there is no plant {plant_id}: see `gridcast plants list`")
    if not given:
        raise click.UsageError("say what to change, as --capacity 10250")
    plant = replace(before, known_at_ms=now_ms, valid_from_ms=valid_from_ms, **given)
    registry.send(plant)
    emit(_document(plant), as_json, _rows([plant]))
    for doubt in doubts(plant):
        note(f"note: {doubt}")


@command.command("list", epilog="Example:  gridcast plants list --json")
@click.option("--history", is_flag=True, help="Every version, not only what holds now.")
@json_option
def list_(history: bool, as_json: bool) -> None:
    """The registered plants."""
    from producers.registry import held

    versions = _Registry().versions()
    if not history:
        names = dict.fromkeys(version.plant_id for version in versions)
        now = (held(versions, name, _now_ms()) for name in names)
        versions = [version for version in now if version is not None]
    lines = (
        _rows(versions)
        if versions
        else ["no plant is registered: `gridcast plants add` or `gridcast publish`"]
    )
    emit([_document(version) for version in versions], as_json, lines)


class _Registry:
    """The `plants` topic of this deployment."""

    def __init__(self) -> None:
        from infra import settings
        from infra.registry import schema_ids
        from infra.topics import JOURNAL, PLANTS
        from producers.kafka_out import cluster_id
        from schemas.codec import Codec

        self._settings: Settings = settings.load()
        cluster_id(self._settings, [JOURNAL, PLANTS])
        self._codec: Codec = Codec(schema_ids(self._settings))

    def versions(self) -> list[PlantVersion]:
        from producers.registry import registered

        return registered(self._settings, self._codec)

    def send(self, plant: PlantVersion) -> None:
        from producers.kafka_out import KafkaOut
        from producers.registry import send_plant

        send_plant(KafkaOut(self._settings), self._codec, plant)


def _given(details: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if value is not None}


def _now_ms() -> int:
    return int(time.time() * 1000)


def _document(plant: PlantVersion) -> dict[str, Any]:
    told = asdict(plant) | {"kind": plant.kind.value}
    times = {name: iso(told.pop(f"{name}_ms")) for name in ("valid_from", "known_at")}
    return told | times


def _rows(plants: Iterable[PlantVersion]) -> Iterable[str]:
    return table([_document(plant) for plant in plants], _SHOWN)
