"""The samples on their way to the topics: the past at once, the days after it at a speed."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.demo.plan import DAY_MS, HOUR_MS, Plan, Sample
from producers import publish
from producers.folder import read_folder
from producers.kafka_out import KafkaOut
from producers.order import Journal, merge
from producers.resume import Bookmark
from producers.ticks import gap_ticks
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings


def with_silence(folder: Path, into: Path, from_ms: int, to_ms: int) -> Path:
    """A copy of a folder whose feed falls silent for a while: what it measured then arrives when it is over.

    In a canonical folder the order of the rows is the order in which they came.
    """
    into.mkdir(parents=True)
    for path in folder.glob("*.csv*"):
        if path.name != "telemetry.csv.gz":
            (into / path.name).symlink_to(path.resolve())
    with gzip.open(folder / "telemetry.csv.gz", "rt") as file:
        head, *rows = file.read().splitlines()
    stamps = [_stamp_ms(row.split(",", 2)[1]) for row in rows]
    held = [row for row, at in zip(rows, stamps, strict=True) if from_ms < at <= to_ms]
    others = [(row, at) for row, at in zip(rows, stamps, strict=True) if not from_ms < at <= to_ms]
    back = next((place for place, (_, at) in enumerate(others) if at > to_ms), len(others) - 1) + 1
    order = [head, *(row for row, _ in others[:back]), *held, *(row for row, _ in others[back:])]
    with gzip.open(into / "telemetry.csv.gz", "wt", compresslevel=1) as file:
        file.write("\n".join(order) + "\n")
    return into


def _stamp_ms(text: str) -> int:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


class Stopped(Exception):
    """The demo ends: nothing more is to be published."""


@dataclass
class Source:
    """One sample, ready to be published. `reached_ms`: known times up to here are on the journal."""

    sample: Sample
    journal: Journal
    out: KafkaOut
    codec: Codec
    bookmark: Path
    reached_ms: int = -1

    def send(self, from_ms: int, to_ms: int, speed: float, stopped: threading.Event) -> int:
        """Publish what became known in [from, to); returns the number of records."""

        def told(_records: int, known_at_ms: int) -> None:
            self.reached_ms = known_at_ms
            if stopped.is_set():
                raise Stopped

        part = publish.Range.between(self.journal, from_ms, to_ms)
        bookmark = Bookmark(self.bookmark)
        return publish.publish(self.journal, part, self.out, self.codec, speed, bookmark, told).records


def sources(settings: Settings, plan: Plan, codec: Codec) -> list[Source]:
    """Both samples, the wind farm's with its silent hours. `codec` knows the schema ids."""
    silent = with_silence(
        plan.wind.folder,
        settings.home / "samples" / plan.wind.folder.name,
        plan.wind.at(plan.silent_from_h),
        plan.wind.at(plan.silent_to_h),
    )
    made = []
    for sample, folder in ((plan.wind, silent), (plan.solar, plan.solar.folder)):
        read = read_folder(folder, int(time.time() * 1000))
        journal = merge(read, gap_ticks(read, round(settings.tick_delay_s)))
        place = settings.home / f"published-{sample.plant_id}.json"
        made.append(Source(sample, journal, KafkaOut(settings), Codec(codec.ids), place))
    return made


@dataclass
class Sending:
    """Publication of all sources at once, each in a thread; `hours` says how far the slowest has come."""

    parts: Sequence[Source]
    sent: dict[str, int] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _errors: list[BaseException] = field(default_factory=list)

    def start(self, from_h: float, to_h: float, speed: float) -> None:
        """Send what became known between two hours of the stream."""
        for source in self.parts:
            sample = source.sample
            span = (sample.at(from_h), sample.at(to_h), speed)
            thread = threading.Thread(target=self._send, args=(source, *span), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _send(self, source: Source, from_ms: int, to_ms: int, speed: float) -> None:
        try:
            self.sent[source.sample.plant_id] = source.send(from_ms, to_ms, speed, self.stopped)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - told to the main thread by `done`
            self._errors.append(error)

    def done(self) -> bool:
        """Whether everything was sent; raises what a thread has failed with."""
        if self._errors:
            raise self._errors[0]
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def hours(self) -> float:
        """Hours of the stream that every source has sent."""
        return min((s.reached_ms - s.sample.stream_from_ms) / HOUR_MS for s in self.parts)

    def stop(self) -> None:
        """Send nothing more, and wait until nobody does."""
        self.stopped.set()
        for thread in self._threads:
            thread.join(timeout=5.0)


@contextmanager
def sending(parts: Sequence[Source], from_h: float, to_h: float, speed: float) -> Iterator[Sending]:
    """A publication that is over, or stopped, when the block is left."""
    made = Sending(parts)
    made.start(from_h, to_h, speed)
    try:
        yield made
    finally:
        made.stop()


def history_h(plan: Plan) -> float:
    """The hour at which the history begins: before the stream, so negative."""
    return -plan.history_days * DAY_MS / HOUR_MS
