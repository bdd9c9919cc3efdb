"""What the run has left behind, counted anew from the topics and from PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from psycopg2 import sql

from cli.demo.latency import Clock
from consumers.digest import Contents, contents
from consumers.tables import TABLES
from infra.postgres import transaction
from infra.topic_reader import read
from infra.topics import ANOMALIES, DRIFT, FORECASTS, JOURNAL, REJECTED, SCORES
from schemas.codec import Codec
from schemas.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from infra.settings import Settings

#: Topic -> table of what must be in both, identity by identity.
MATCHING: Final = {
    FORECASTS: "forecasts",
    ANOMALIES: "anomalies",
    SCORES: "scores",
    DRIFT: "drift_events",
    REJECTED: "rejects",
}
Place = tuple[int, int]  # partition and offset


@dataclass
class Journal:
    """The journal: `telemetry` is what it says of each plant and time, in the order of arrival, each once.

    `clocks`: by plant, when Kafka took the records that move its time.
    """

    records: int = 0
    telemetry: dict[tuple[str, int], list[float | None]] = field(default_factory=dict)
    repeats: int = 0
    clocks: dict[str, Clock] = field(default_factory=dict)


@dataclass
class Said:
    """The forecasts: their identities and values, and of each one when Kafka took its first copy."""

    contents: Contents = field(default_factory=Contents)
    appended_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    releases: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    rungs: dict[tuple[str, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Counted:
    """Everything on the topics and in the tables. `refused`: place on the journal -> reason and bytes."""

    journal: Journal
    forecasts: Said
    others: Mapping[str, Contents]
    refused: Mapping[Place, tuple[str, bytes]]
    rows: Mapping[str, int]

    def identities(self, topic: str) -> int:
        """How many different things a topic says."""
        found = self.forecasts.contents if topic == FORECASTS else self.others[topic]
        return sum(len(known) for known in found.plants.values())

    def contradictions(self) -> int:
        """How many identities were said with two values."""
        return sum(len(one.conflicts()) for one in (self.forecasts.contents, *self.others.values()))


def count(settings: Settings) -> Counted:
    """Read all of it; nothing here comes from a counter of the running system."""
    codec = Codec()
    refused = _refused(settings, codec)
    return Counted(
        journal=_journal(settings, codec, set(refused)),
        forecasts=_forecasts(settings, codec),
        others={topic: contents(settings, codec, topic) for topic in MATCHING if topic != FORECASTS},
        refused=refused,
        rows=_rows(settings),
    )


def _journal(settings: Settings, codec: Codec, refused: set[Place]) -> Journal:
    made = Journal()
    for place, name, record, appended_ms in _records(settings, codec, JOURNAL):
        made.records += 1
        if place in refused or name not in ("Telemetry", "Tick"):
            continue
        plant_id, at_ms = record["plant_id"], record["event_time"]
        made.clocks.setdefault(plant_id, Clock()).add(at_ms, appended_ms)
        if name == "Telemetry":
            values = made.telemetry.setdefault((plant_id, at_ms), [])
            if record["power_kw"] in values:
                made.repeats += 1
            else:
                values.append(record["power_kw"])
    return made


def _forecasts(settings: Settings, codec: Codec) -> Said:
    made = Said()
    for _, name, record, appended_ms in _records(settings, codec, FORECASTS):
        made.contents.add(name, record)
        key = record["plant_id"], record["issued_at"]
        made.appended_ms.setdefault(key, appended_ms)
        made.releases.setdefault(key, (record["model"], record["version"]))
        made.rungs.setdefault(key, record["rung"][0])
    return made


def _refused(settings: Settings, codec: Codec) -> dict[Place, tuple[str, bytes]]:
    records = (record for _, _, record, _ in _records(settings, codec, REJECTED))
    return {
        (record["partition"], record["offset"]): (record["reason"], record["payload"])
        for record in records
        if record["topic"] == JOURNAL
    }


def _records(
    settings: Settings, codec: Codec, topic: str
) -> Iterator[tuple[Place, str, Mapping[str, Any], int]]:
    """Place, name, values and append time [ms] of every record; no name where it cannot be read."""
    for messages in read(settings, topic):
        for message in messages:
            place = int(message.partition() or 0), int(message.offset() or 0)
            try:
                name, record = codec.decode(bytes(message.value() or b""))
            except DecodeError:
                name, record = "", {}
            yield place, name, record, int(message.timestamp()[1])


def _rows(settings: Settings) -> dict[str, int]:
    made = {}
    with transaction(settings, "gridcast-demo") as cursor:
        for table in TABLES:
            cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table.name)))
            made[table.name] = int((cursor.fetchone() or (0,))[0])
    return made


def server_versions(settings: Settings) -> tuple[str, str]:
    """The versions of Kafka (by its own log) and of PostgreSQL."""
    from infra.local import log_file

    marks = (
        line.partition("Kafka version: ")[2].split()[0]
        for line in log_file(settings.home, "kafka").read_text(errors="replace").splitlines()
        if "Kafka version: " in line
    )
    with transaction(settings, "gridcast-demo") as cursor:
        cursor.execute("show server_version")
        postgres = str((cursor.fetchone() or ("",))[0])
    return next(marks, "unknown"), postgres.split()[0]
