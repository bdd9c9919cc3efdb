"""A backup and a restore, top to bottom.

The order of a backup is what makes it whole: what follows from something is read before it. First PostgreSQL
as of one moment, with the sink's offsets; then what the groups have committed; then states, outputs, journal,
and what the journal was made from. So nothing that is named before is missing from what comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg2

from cli.backup import tables, topics
from cli.backup.folder import NewFolder, read_folder
from cli.backup.positions import Groups, group_positions, put_back, starts, table_positions
from infra.postgres import MIGRATIONS, connect, migrate
from infra.registry import schema_ids
from infra.topic_reader import spans
from infra.topics import (
    ARTIFACTS,
    CHECKPOINTS,
    JOURNAL,
    PLANTS,
    RELEASES,
    TOPICS,
    WEATHER_OBSERVATIONS,
    WEATHER_RUNS,
    Topic,
    make_topics,
)
from schemas.codec import Codec
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

Say = Callable[[str], object]
_NAME: Final = "gridcast-backup"
#: Read after everything that follows from them: a forecast of a record that the backup has not would come out
#: anew after a restore, under the same identity and with other values. A release names its artifacts.
_CAUSES: Final = (JOURNAL, WEATHER_RUNS, WEATHER_OBSERVATIONS, PLANTS, RELEASES, ARTIFACTS)
_PLACES: Final = {name: place for place, name in enumerate((CHECKPOINTS, "", *_CAUSES))}
ORDER: Final = tuple(sorted(TOPICS, key=lambda one: _PLACES.get(one.name, _PLACES[""])))


def back_up(settings: Settings, out: Path, whole: bool, also: Sequence[str], say: Say) -> dict[str, Any]:
    """Write a backup into the new folder `out`; returns what it holds, in numbers.

    Raises:
        InputError: `out` is not empty, or a topic is missing.
        ServiceUnavailable: Kafka or PostgreSQL does not answer.
    """
    folder = NewFolder(out)
    at = datetime.now(UTC)
    others = {name: topics.config_of(settings, name) for name in also if name not in _names()}
    codec = Codec(schema_ids(settings))
    with closing(connect(settings, _NAME)) as server:
        server.set_session(isolation_level="repeatable read", readonly=True)
        with server, server.cursor() as cursor:
            database = tables.dump(cursor, folder, say)
            stored = table_positions(cursor)
    groups = group_positions(settings)
    # Asked for before the states are read: a later marker would let the journal begin behind what they need.
    first = {
        one.name: starts(settings, codec, groups, stored, one.name) for one in ORDER if not one.compacted
    }
    kept: dict[str, Any] = {}
    for one in [*ORDER, *(Topic(name, "", ()) for name in others)]:
        begin = None if whole else first.get(one.name)
        found = topics.dump(settings, folder, one.name, begin, one.compacted, say)
        kept[one.name] = {"compacted": one.compacted, "partitions": found}
        if one.name in others:
            kept[one.name]["config"] = others[one.name]
    counts = {
        "rows": sum(one["rows"] for one in database["tables"].values()),
        "records": sum(p["records"] for one in kept.values() for p in one["partitions"].values()),
    }
    document = {"at": at.isoformat(), "gridcast": version("gridcast"), "whole": whole, **counts}
    size = folder.close({**document, "database": database, "groups": groups, "topics": kept})
    return {**document, "bytes": size}


def restore(settings: Settings, path: Path, postgres: bool, kafka: bool, say: Say) -> dict[str, Any]:
    """Put a backup back into an empty database, and into topics that were never written.

    With one of the two alone the other must be there as it was left. Raises as `back_up`; `InputError` also
    where something is not empty, or the backup is damaged or newer than this gridcast.
    """
    document = read_folder(path)
    _refuse_newer(document)
    if postgres:
        _prepare_database(settings, document["database"]["migrations"])
    if kafka:
        _prepare_topics(settings, document["topics"])
    rows = records = 0
    with closing(connect(settings, _NAME)) as server, server, server.cursor() as cursor:
        try:
            if postgres:
                rows = tables.load(cursor, path, document["database"], say)
            if kafka:
                records = _load_topics(settings, path, document, _come_to(cursor), say)
        except psycopg2.Error as error:
            raise GridcastError(
                f"PostgreSQL does not take the backup: {str(error).splitlines()[0]}"
            ) from error
    done = migrate(settings) if postgres else []
    if kafka:  # last, for what it refuses can be mended while everything else is back
        put_back(settings, _placed(settings, document["topics"], document["groups"]))
    return {"at": document["at"], "rows": rows, "records": records, "migrations": done}


def place_again(settings: Settings, path: Path, names: Sequence[str]) -> int:
    """Let these groups, which nobody is in, stand where they stood; returns how many there were.

    Raises:
        InputError: the backup has no such group.
        GridcastError: Kafka does not place one of them.
    """
    document = read_folder(path)
    unknown = sorted(set(names) - set(document["groups"]))
    if unknown:
        known = ", ".join(sorted(document["groups"])) or "none"
        raise InputError(f"the backup has no group {unknown[0]}; it has {known}")
    wanted = {name: document["groups"][name] for name in names}
    put_back(settings, _placed(settings, document["topics"], wanted, later=True))
    return len(wanted)


def _refuse_newer(document: dict[str, Any]) -> None:
    known = {one.stem for one in MIGRATIONS.glob("*.sql")}
    unknown = sorted(set(document["database"]["migrations"]) - known)
    if unknown:
        raise InputError(
            f"the backup is of gridcast {document['gridcast']}, which has {unknown[0]}: restore with that one"
        )


def _prepare_database(settings: Settings, wanted: list[str]) -> None:
    """The tables as they were when the backup was taken; what has come since is done to the rows later."""
    migrate(settings, only=wanted)
    with closing(connect(settings, _NAME)) as server, server, server.cursor() as cursor:
        cursor.execute("select migration_id from _yoyo_migration")
        newer = sorted({one for (one,) in cursor.fetchall()} - set(wanted))
    if newer:
        raise InputError(
            f"the database has had {newer[0]}, which the backup has not: restore into a new database, where"
            " the restore makes the tables itself"
        )


def _prepare_topics(settings: Settings, told: dict[str, Any]) -> None:
    """Topics with as many partitions as they had, each of them empty."""
    count = len(told[JOURNAL]["partitions"])
    also = [_of_others(name, one) for name, one in told.items() if name not in _names()]
    make_topics(settings.model_copy(update={"partitions": count}), (*TOPICS, *also))
    for name in told:
        for partition, span in spans(settings, name).items():
            if span.end:
                raise InputError(
                    f"{name}[{partition}] holds records or has held some: stop everything, delete the topics,"
                    " and let the restore make them anew"
                )


def _of_others(name: str, told: dict[str, Any]) -> Topic:
    config = told.get("config")  # backups of before have none
    pairs = None if config is None else tuple(config.items())
    return Topic(name, "", (), partitions=len(told["partitions"]), told=pairs)


def _load_topics(
    settings: Settings, path: Path, document: dict[str, Any], come_to: dict[str, dict[int, int]], say: Say
) -> int:
    told = document["topics"]
    return sum(
        topics.load(settings, path, name, one["partitions"], one["compacted"], come_to.get(name, {}), say)
        for name, one in told.items()
    )


def _placed(settings: Settings, told: dict[str, Any], groups: dict[str, Any], later: bool = False) -> Groups:
    """Groups where they stood; of a compacted topic, whose offsets are new, at the end if they were there.

    `later`: others may have written since, so a compacted topic is read from its beginning.
    """
    made: Groups = {}
    for group, names in groups.items():
        for name, places in names.items():
            if name not in told:
                continue
            held = spans(settings, name)
            for number, offset in places.items():
                partition = int(number)
                if told[name]["compacted"]:
                    at_end = not later and offset >= told[name]["partitions"][number]["end"]
                    offset = held[partition].end if at_end else 0
                made.setdefault(group, {}).setdefault(name, {})[partition] = offset
    return made


def _come_to(cursor: Cursor) -> dict[str, dict[int, int]]:
    """What PostgreSQL has of each partition: a log that ends before it would make offsets mean two things."""
    cursor.execute(
        "select topic, partition, max(next_offset) from"
        " (select topic, partition, next_offset from sink_offsets"
        " union all select topic, partition, next_offset from alert_offsets) both_of_them group by 1, 2"
    )
    found: dict[str, dict[int, int]] = {}
    for topic, partition, offset in cursor.fetchall():
        found.setdefault(topic, {})[partition] = offset
    return found


def _names() -> set[str]:
    return {one.name for one in TOPICS}
