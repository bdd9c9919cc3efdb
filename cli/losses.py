"""`gridcast losses`: energy, and money, that leaked."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

import click

from cli.output import emit, iso, json_option, progress, table
from cli.prices import Price
from cli.times import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from infra.settings import Settings
    from models.energy_lost import Loss
    from schemas.records import PlantVersion

FEED: Final = "feed"  # unseen, not lost: the meter may have counted it


@click.command(epilog="Example:  gridcast losses --from 2014-10-01 --to 2014-11-01 --price 62.5")
@click.option("--from", "from_ms", type=Moment(), help="From here on; default: the first telemetry.")
@click.option("--to", "to_ms", type=Moment(), help="Up to here; default: the newest telemetry.")
@click.option("--plant", "plants", multiple=True, help="Of these plants alone; may be repeated.")
@click.option(
    "--price", type=Price(), help="EUR/MWh, or a CSV file with time (start of the hour, UTC), price_eur_mwh."
)
@json_option
def command(
    from_ms: int | None,
    to_ms: int | None,
    plants: tuple[str, ...],
    price: float | dict[int, float] | None,
    as_json: bool,
) -> None:
    """Energy lost by plant, unit and cause: outage, curtailment, under-performance, silent feed.

    From the anomaly events and the forecasts in PostgreSQL. Where events overlap, the most specific one
    counts, so no kWh is counted twice. Energy behind a silent feed was not seen, which is not to say that it
    was lost: it stands apart.
    """
    from infra import settings

    found = settings.load()
    since, until, by_plant = _read(found, from_ms, to_ms, plants, price, as_json)
    emit(_document(since, until, by_plant), as_json, _lines(since, until, by_plant, price is not None))


def _read(
    found: Settings,
    from_ms: int | None,
    to_ms: int | None,
    plants: tuple[str, ...],
    price: float | dict[int, float] | None,
    quiet: bool,
) -> tuple[int, int, dict[str, list[Loss]]]:
    from cli import prices
    from consumers import losses as stored
    from infra.postgres import transaction
    from models.energy_lost import losses
    from schemas.errors import InputError

    with transaction(found, "gridcast-losses") as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        known = stored.told_range(cursor)
        if known is None:
            raise InputError("PostgreSQL holds no telemetry: is `gridcast sink` running?")
        since = known[0] if from_ms is None else from_ms
        until = known[1] if to_ms is None else to_ms
        if since >= until:
            raise InputError(f"there is nothing between {iso(since)} and {iso(until)}")
        wanted = _wanted(stored.newest_plants(cursor), plants)
        made = {}
        with progress("plants", len(wanted), quiet) as advance:
            for plant in wanted:
                course = stored.read_course(cursor, plant, since, until)
                course = replace(course, price_eur_mwh=prices.at(price, course.end_ms))
                events = stored.read_events(cursor, plant.plant_id, since, until)
                made[plant.plant_id] = losses(events, course, since, until)
                advance(1, plant.plant_id)
    return since, until, made


def _wanted(known: list[PlantVersion], names: tuple[str, ...]) -> list[PlantVersion]:
    from schemas.errors import InputError

    unknown = sorted(set(names) - {one.plant_id for one in known})
    if unknown:
        raise InputError(f"PostgreSQL knows no plant {', '.join(unknown)}: see `gridcast plants list`")
    return [one for one in known if not names or one.plant_id in names]


def _document(since: int, until: int, by_plant: dict[str, list[Loss]]) -> dict[str, Any]:
    rows = [
        {"plant_id": plant_id, **{k: _rounded(v) for k, v in asdict(one).items()}}
        for plant_id, found in by_plant.items()
        for one in found
    ]
    everything = [one for found in by_plant.values() for one in found]
    return {
        "from": iso(since),
        "to": iso(until),
        "losses": rows,
        "lost_kwh": _rounded(_energy(everything, feed=False)),
        "unseen_kwh": _rounded(_energy(everything, feed=True)),
        "lost_eur": _rounded(_money(everything)),
    }


def _energy(found: Sequence[Loss], feed: bool) -> float:
    return sum(one.energy_kwh for one in found if (one.cause == FEED) == feed)


def _money(found: Sequence[Loss]) -> float | None:
    """Of what was lost; None without prices."""
    paid = [one.eur for one in found if one.eur is not None and one.cause != FEED]
    return sum(paid) if paid else None


def _rounded(value: Any) -> Any:
    """Two decimals; null where a number could not be known."""
    if not isinstance(value, float):
        return value
    return round(value, 2) if value == value else None


def _lines(since: int, until: int, by_plant: dict[str, list[Loss]], priced: bool) -> Iterator[str]:
    rows = [
        {
            "plant": plant_id,
            "unit": one.unit_id or "-",
            "cause": one.cause,
            "events": one.events,
            "hours": round(one.hours, 1),
            "kWh": round(one.energy_kwh, 1),
            **({"EUR": _rounded(one.eur)} if priced else {}),
        }
        for plant_id, found in by_plant.items()
        for one in found
    ]
    if not rows:
        yield f"no event cost any energy between {iso(since)} and {iso(until)}"
        return
    yield from table(rows)
    everything = [one for found in by_plant.values() for one in found]
    money = _money(everything)
    worth = f", {money:,.2f} EUR" if money is not None and money == money else ""
    yield f"lost: {_energy(everything, feed=False):,.0f} kWh{worth}"
    unseen = _energy(everything, feed=True)
    if unseen:
        yield f"not seen, for the feed was silent: {unseen:,.0f} kWh"
    unvalued = sum(one.unvalued_h for one in everything)
    if unvalued:
        yield f"{unvalued:,.1f} h of these had neither a forecast nor an expectation and count nothing"
    if money is not None and money != money:
        yield "some hours have no price, so their money is not known: the price file is too short"
