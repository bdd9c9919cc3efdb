"""`gridcast publish`: a canonical folder to the topics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.numbers import Amount
from cli.output import emit, iso, json_option, note, progress
from cli.times import Moment

if TYPE_CHECKING:
    from producers.publish import Sent


@click.command(
    epilog="Example:  gridcast publish samples/la_haute_borne --to 2014-12-18 --speed 0",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--speed",
    type=Amount(min=0),
    default=1.0,
    show_default=True,
    help="Times real time by when records were known; 0: as fast as it goes.",
)
@click.option("--from", "from_ms", type=Moment(), help="Only what became known at this time or later.")
@click.option("--to", "to_ms", type=Moment(), help="Only what became known before this time.")
@click.option("--restart", is_flag=True, help="Begin anew where an earlier run was interrupted.")
@json_option
def command(
    folder: Path, speed: float, from_ms: int | None, to_ms: int | None, restart: bool, as_json: bool
) -> None:
    """Send a canonical folder: plants, weather runs and telemetry, in the order in which they were known.

    Event times are kept, and so are the source's repeats and its disorder. A plant that is silent at an issue
    time gets a tick. An interrupted run is resumed by the same command; what was sent twice counts once.
    """
    from infra import settings
    from infra.registry import schema_ids
    from producers import publish
    from producers.folder import read_folder
    from producers.kafka_out import KafkaOut, cluster_id
    from producers.order import merge
    from producers.resume import Bookmark
    from producers.ticks import gap_ticks
    from schemas.codec import Codec

    found = settings.load()
    read = read_folder(folder, int(time.time() * 1000))
    for line in read.notes:
        note(line)
    journal = merge(read, gap_ticks(read, round(found.tick_delay_s)))
    part = publish.Range.between(journal, from_ms, to_ms)
    cluster = cluster_id(found, publish.TOPICS)
    bookmark = Bookmark.of(found.home, folder, part.start, part.stop, cluster)
    if restart:
        bookmark.remove()
    if bookmark.done():
        note(f"going on after {bookmark.done()} records of an interrupted run (--restart begins anew)")
    out, codec = KafkaOut(found), Codec(schema_ids(found))
    with progress(f"publish {folder.name}", part.stop - part.start, quiet=as_json) as advance:
        advance(bookmark.done(), "")
        sent = publish.publish(
            journal, part, out, codec, speed, bookmark, lambda count, known: advance(count, iso(known))
        )
    emit(_document(folder, sent), as_json, _lines(folder, sent))


def _document(folder: Path, sent: Sent) -> dict[str, object]:
    return {
        "folder": folder,
        "records": sent.records,
        "resumed": sent.resumed,
        **sent.by_kind,
        "known_from": iso(sent.first_known_ms) if sent.first_known_ms >= 0 else None,
        "known_to": iso(sent.last_known_ms) if sent.last_known_ms >= 0 else None,
        "seconds": round(sent.seconds, 3),
        "records_per_s": round(sent.records / sent.seconds) if sent.seconds > 0 else None,
    }


def _lines(folder: Path, sent: Sent) -> list[str]:
    told = _document(folder, sent)
    if not told["records"] and not told["resumed"]:
        return [f"{folder}: nothing became known in this range"]
    kinds = ", ".join(f"{told[kind]} {kind}" for kind in ("plant", "run", "telemetry", "tick"))
    return [
        f"{told['records']} records sent ({kinds}), known {told['known_from']} to {told['known_to']}",
        f"{told['seconds']} s, {told['records_per_s']} records/s",
    ]
