"""`gridcast lag`: how far workers and sinks are behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from cli.output import emit, json_option, table

if TYPE_CHECKING:
    from consumers.lag import Lag
    from infra.settings import Settings

LOOKS: Final = 2
LOOK_EVERY_S: Final = 2.0


@click.command(epilog="Example:  gridcast lag --behind")
@click.option("--behind", is_flag=True, help="Only partitions with records that wait.")
@click.option("--wait", is_flag=True, help="Wait until nothing waits any more.")
@json_option
def command(behind: bool, wait: bool, as_json: bool) -> None:
    """Records and seconds that each group is behind, for each topic and partition.

    Seconds are of known_at: that of the newest record minus that of the last committed one, 0 at the end.
    A group that never committed has -1 as its offset, and all that the log holds waits for it.
    """
    from consumers.lag import lags
    from infra import settings
    from infra.registry import schema_ids
    from schemas.codec import Codec

    found = settings.load()
    codec = Codec(schema_ids(found))

    def look() -> list[Lag]:
        return lags(found, codec, readers(found))

    told = _at_rest(look) if wait else look()
    shown = [one for one in told if one.records or one.lost] if behind else told
    document = {"groups": totals(told), "partitions": [asdict(one) for one in shown]}
    emit(document, as_json, _lines(shown, told))


def _at_rest(look: Callable[[], list[Lag]]) -> list[Lag]:
    """What is found when two looks in a row see nothing wait: between a worker's input and the sink's,
    records are on their way.
    """
    quiet = 0
    while True:
        told = look()
        quiet = 0 if any(one.records for one in told) else quiet + 1
        if quiet == LOOKS:
            return told
        time.sleep(LOOK_EVERY_S)


def readers(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Which topics each of gridcast's own groups reads."""
    from consumers.intake import TOPICS
    from infra.topics import JOURNAL
    from streams.forward import FORWARDED

    return {settings.worker_group: (JOURNAL, *FORWARDED), settings.sink_group: TOPICS}


def totals(told: Iterable[Lag]) -> dict[str, dict[str, Any]]:
    """By group: records that wait and records that were lost in all, and the longest delay in seconds."""
    made: dict[str, dict[str, Any]] = {}
    for one in told:
        group = made.setdefault(one.group, {"records": 0, "lost": 0, "seconds": 0.0})
        group["records"] += one.records
        group["lost"] += one.lost
        group["seconds"] = max(group["seconds"], one.seconds or 0.0)
    return made


def _lines(shown: list[Lag], told: list[Lag]) -> Iterator[str]:
    columns = ("group", "topic", "partition", "committed", "end", "records", "seconds", "lost")
    yield from table([asdict(one) for one in sorted(shown, key=lambda one: (one.group, one.topic))], columns)
    for group, total in totals(told).items():
        lost = f", {total['lost']} LOST to retention" if total["lost"] else ""
        yield f"{group}: {total['records']} records behind, {total['seconds']:.0f} s{lost}"
