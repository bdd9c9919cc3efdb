"""`gridcast losses`: energy, and money, that leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.output import emit, iso, json_option, progress, table
from cli.prices import Price
from cli.times import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.settings import Settings
    from models.energy_lost import Loss


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
    from consumers.loss_report import document
    from infra import settings

    found = settings.load()
    since, until, by_plant = _read(found, from_ms, to_ms, plants, price, as_json)
    emit(document(since, until, by_plant), as_json, _lines(since, until, by_plant, price is not None))


def _read(
    found: Settings,
    from_ms: int | None,
    to_ms: int | None,
    plants: tuple[str, ...],
    price: float | dict[int, float] | None,
    quiet: bool,
) -> tuple[int, int, dict[str, list[Loss]]]:
    from cli import prices
    from consumers.loss_report import read_losses, wanted_plants
    from consumers.losses import told_range
    from infra.postgres import transaction
    from schemas.errors import InputError

    with transaction(found, "gridcast-losses") as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        known = told_range(cursor)
        if known is None:
            raise InputError("PostgreSQL holds no telemetry: is `gridcast sink` running?")
        since = known[0] if from_ms is None else from_ms
        until = known[1] if to_ms is None else to_ms
        if since >= until:
            raise InputError(f"there is nothing between {iso(since)} and {iso(until)}")
        wanted = wanted_plants(cursor, plants)
        with progress("plants", len(wanted), quiet) as advance:
            made = read_losses(
                cursor, wanted, since, until, lambda ends: prices.at(price, ends), lambda p: advance(1, p)
            )
    return since, until, made


def _lines(since: int, until: int, by_plant: dict[str, list[Loss]], priced: bool) -> Iterator[str]:
    from consumers.loss_report import energy, money, rounded

    rows = [
        {
            "plant": plant_id,
            "unit": one.unit_id or "-",
            "cause": one.cause,
            "events": one.events,
            "hours": round(one.hours, 1),
            "kWh": round(one.energy_kwh, 1),
            **({"EUR": rounded(one.eur)} if priced else {}),
        }
        for plant_id, found in by_plant.items()
        for one in found
    ]
    if not rows:
        yield f"no event cost any energy between {iso(since)} and {iso(until)}"
        return
    yield from table(rows)
    everything = [one for found in by_plant.values() for one in found]
    paid = money(everything)
    worth = f", {paid:,.2f} EUR" if paid is not None and paid == paid else ""
    yield f"lost: {energy(everything, feed=False):,.0f} kWh{worth}"
    unseen = energy(everything, feed=True)
    if unseen:
        yield f"not seen, for the feed was silent: {unseen:,.0f} kWh"
    unvalued = sum(one.unvalued_h for one in everything)
    if unvalued:
        yield f"{unvalued:,.1f} h of these had neither a forecast nor an expectation and count nothing"
    if paid is not None and paid != paid:
        yield "some hours have no price, so their money is not known: the price file is too short"
