"""What `gridcast publish` puts on a real Kafka: every record of a folder, once, in order, under its plant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.publish import command
from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topic_reader import read, read_newest
from infra.topics import ARTIFACTS, JOURNAL, PLANTS, RELEASES, WEATHER_RUNS
from producers.folder import read_folder
from producers.kafka_out import KafkaOut
from producers.order import Journal, Kind, merge
from producers.publish import AT_ONCE, Range, publish
from producers.releases import CHUNK_BYTES, send_release
from producers.resume import Bookmark
from producers.ticks import gap_ticks
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable
from schemas.records import ReleaseRecord, ReleaseRole
from tests.unit.producers.folders import NOW_MS

SAMPLE = Path(__file__).parents[2] / "samples" / "la_haute_borne"
CODEC = Codec()


def topic(settings: Settings, name: str) -> list[tuple[bytes, str, dict[str, Any]]]:
    messages = [message for batch in read(settings, name) for message in batch]
    return [(message.key() or b"", *CODEC.decode(message.value())) for message in messages]


def sample() -> Journal:
    folder = read_folder(SAMPLE, NOW_MS)
    return merge(folder, gap_ticks(folder))


NAMES = {"PlantVersion": Kind.PLANT, "WeatherRun": Kind.RUN, "Telemetry": Kind.TELEMETRY, "Tick": Kind.TICK}


def test_the_journal_is_the_folder_in_the_order_of_knowing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    result = CliRunner().invoke(command, [str(SAMPLE), "--speed", "0", "--to", "2014-10-05", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    journal = sample()
    stop = journal.place_of(1_412_467_200_000)
    sent = topic(settings, JOURNAL)
    assert summary["records"] == len(sent) == stop
    assert {key for key, _, _ in sent} == {b"la-haute-borne"}
    assert [NAMES[name] for _, name, _ in sent] == journal.kind[:stop].tolist()
    assert [record["known_at"] for _, _, record in sent] == journal.known_at_ms[:stop].tolist()
    runs = topic(settings, WEATHER_RUNS)
    assert [record["published_at"] for _, _, record in runs] == [
        record["published_at"] for _, name, record in sent if name == "WeatherRun"
    ]
    assert all(record["journaled"] for _, _, record in runs)
    assert list(read_newest(settings, PLANTS)) == [b"la-haute-borne|2000-01-01T00:00:00.000Z"]


def test_a_range_brings_its_plant_along(settings: Settings) -> None:
    journal = sample()
    part = Range.between(journal, 1_418_860_800_000, 1_418_864_400_000)
    publish(journal, part, KafkaOut(settings), CODEC, 0, Bookmark(settings.home / "mark.json"))
    names = [name for _, name, _ in topic(settings, JOURNAL)]
    assert names[:2] == ["PlantVersion", "WeatherRun"]
    assert len(names) == 1 + part.stop - part.start


class FailsOnce:
    """A way out that breaks in the middle of a stretch, as a killed process would."""

    def __init__(self, out: KafkaOut, whole: int) -> None:
        self._out, self._whole, self._calls = out, whole, 0

    def send(self, records: Iterable[Outgoing]) -> int:
        self._calls += 1
        if self._calls <= self._whole:
            return self._out.send(records)
        half = list(records)[: AT_ONCE // 2]
        self._out.send(half)
        raise ServiceUnavailable("gone")


def test_an_interrupted_publication_goes_on_and_loses_nothing(settings: Settings) -> None:
    journal = sample()
    part = Range(0, len(journal))
    mark = Bookmark(settings.home / "mark.json")
    out = KafkaOut(settings)
    with pytest.raises(ServiceUnavailable):
        publish(journal, part, FailsOnce(out, whole=3), CODEC, 0, mark)
    assert mark.done() == 2 * AT_ONCE
    sent = publish(journal, part, out, CODEC, 0, mark)
    assert (sent.resumed, sent.records) == (2 * AT_ONCE, len(journal) - 2 * AT_ONCE)
    assert mark.done() == 0
    found = topic(settings, JOURNAL)
    distinct = {(name, record.get("event_time"), record["known_at"]) for _, name, record in found}
    assert len(distinct) == len(journal)
    assert len(found) <= len(journal) + AT_ONCE


def test_a_speed_is_kept(settings: Settings) -> None:
    journal = sample()
    part = Range.between(journal, 1_418_860_800_000, 1_418_864_400_000)
    mark = Bookmark(settings.home / "mark.json")
    sent = publish(journal, part, KafkaOut(settings), CODEC, 3600, mark)
    assert 0.8 <= sent.seconds <= 3
    assert sent.records == part.stop - part.start


def test_a_release_is_whole_before_it_is_named(settings: Settings) -> None:
    artifact = bytes(range(256)) * (CHUNK_BYTES // 100)
    sha256 = hashlib.sha256(artifact).hexdigest()
    record = ReleaseRecord(
        "wind", "1", 1_700_000_000_000, 1_700_000_000_000, ReleaseRole.CHAMPION, sha256, len(artifact)
    )
    send_release(KafkaOut(settings), CODEC, record, artifact)
    pieces = sorted((chunk["index"], chunk["payload"]) for _, _, chunk in topic(settings, ARTIFACTS))
    assert b"".join(payload for _, payload in pieces) == artifact
    ((key, _, found),) = topic(settings, RELEASES)
    assert (key, found) == (b"wind|2023-11-14T22:13:20.000Z", record.to_avro())
