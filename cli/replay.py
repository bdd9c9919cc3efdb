"""`gridcast replay`: a past range issued again from the topics."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_option, progress
from cli.times import Moment, expect_order

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.replaying import Replay, Replayed


@click.command(
    epilog="Example:  gridcast replay --from 2014-12-01 --to 2014-12-08 --as again && "
    "gridcast digest power.forecasts --from 2014-12-01 --to 2014-12-08 --diff power.forecasts.again"
)
@click.option("--from", "from_ms", type=Moment(), required=True, help="The first issue time.")
@click.option("--to", "to_ms", type=Moment(), required=True, help="Issue times before this one.")
@click.option("--as", "name", required=True, help="Name of the replay: the suffix of its topics.")
@click.option(
    "--release", help="NAME, VERSION or NAME:VERSION of a release to serve from, whatever served then."
)
@click.option("--plants", metavar="PLANT[,PLANT]", help="Only these plants.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a Parquet file too.")
@json_option
def command(
    from_ms: int,
    to_ms: int,
    name: str,
    release: str | None,
    plants: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Issue a past range again, from the journal, into power.forecasts.NAME and plant.anomalies.NAME.

    The numbers are those of the live run, bit for bit, unless another release is asked for. Live topics, the
    sink and alerts never see a replay. It begins with the nearest states that workers have written down;
    where the journal no longer reaches back to them, the earliest possible --from is told.
    """
    from infra import settings
    from infra.registry import schema_ids
    from schemas.codec import Codec
    from streams.replay import Range
    from streams.replaying import prepare

    expect_order(from_ms, to_ms)
    found = settings.load()
    asked = frozenset(one.strip() for one in plants.split(",") if one.strip()) if plants else None
    wanted = Range(from_ms, to_ms, asked)
    replay = prepare(found, Codec(schema_ids(found)), name, wanted, release)
    done = _run(replay, found, out, as_json)
    document = _document(done, wanted.from_ms, wanted.to_ms, out)
    emit(document, as_json, _lines(done, out))


def _run(replay: Replay, found: Settings, out: Path | None, quiet: bool) -> Replayed:
    from cli.backtest_table import ForecastTable

    part = replay.range
    file = ForecastTable(out, found.levels, part.from_ms, part.to_ms) if out is not None else nullcontext()
    with file as table, progress("replay", replay.records, quiet) as advance:
        return replay.run(
            lambda block: table.add([block]) if table is not None else None,
            lambda records: advance(records, ""),
        )


def _document(done: Replayed, from_ms: int, to_ms: int, out: Path | None) -> dict[str, Any]:
    return {
        "topics": {"forecasts": done.forecasts_topic, "anomalies": done.anomalies_topic},
        "from": iso(from_ms),
        "to": iso(to_ms),
        "plants": sorted(done.plants),
        "forecasts": done.forecasts,
        "anomalies": done.anomalies,
        "records_read": done.records_read,
        "states_of": done.from_states,
        "poison": done.poison,
        "out": out,
    }


def _lines(done: Replayed, out: Path | None) -> list[str]:
    began = f"{len(done.from_states)} of {len(done.plants)} plants began with a state"
    lines = [
        f"{done.forecasts} forecasts on {done.forecasts_topic}, {done.anomalies} events on "
        f"{done.anomalies_topic}",
        f"{done.records_read} journal records read; {began}",
    ]
    lines += [f"left out, as live: {where}: {why}" for where, why in done.poison.items()]
    return lines if out is None else [*lines, f"table: {out}"]
