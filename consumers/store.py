"""The one transaction of the sink, and the only place that writes.

Order, and what a crash after each step leaves:

1. months       missing partitions are made, in a transaction of their own     an empty partition
2. lock         the offset rows, FOR UPDATE; another sink waits here           nothing
3. compare      with where this sink believes it is; else `OffsetsMoved`       nothing
4. rows         staged by COPY, inserted where the identity is new             nothing
5. offsets      of everything in the batch                                     nothing
6. commit       rows and offsets together                                      all of it, once
7. Kafka        the caller commits to Kafka too, for display alone             Kafka shows a little more lag

Whether a commit that the connection did not survive took place is seen in step 3 of the next try.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from consumers import partitions
from consumers.rows import Rows
from consumers.staging import Counts, write_rows
from consumers.stopped_sinks import end_stopped
from consumers.stored import read_plants
from consumers.watched_cursor import Moved, watched
from schemas.errors import GridcastError, ServiceUnavailable
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

_log = logging.getLogger(__name__)

Place = tuple[str, int]


class OffsetsMoved(GridcastError):
    """Another sink has written a partition, or a commit in doubt did take place: read the offsets again."""


class RowsRefused(GridcastError):
    """PostgreSQL cannot hold a row of the batch; offering fewer rows finds out which."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a batch moves a partition: from the offset that the sink believes in, to the next unread."""

    believed: int
    next_offset: int


class Store:
    """One connection to PostgreSQL, made when it is needed and thrown away when it breaks.

    `moved` is called whenever PostgreSQL has done something. `stopped_after_s`: a transaction of another sink
    that PostgreSQL waits for so long is taken for that of a stopped one.
    """

    def __init__(
        self, connect: Callable[[], "connection"], moved: Moved = lambda: None, stopped_after_s: float = 30.0
    ) -> None:
        self._connect = connect
        self._cursor = watched(moved)
        self._stopped_after_s = stopped_after_s
        self._server: connection | None = None
        self._crowded: set[str] = set()

    def close(self) -> None:
        """Let the connection go."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where reading goes on in each partition that was ever written.

        Raises:
            ServiceUnavailable: PostgreSQL does not answer; the same call may work later.
        """
        with self._transaction() as cursor:
            return _offsets(cursor, places, lock=False)

    def begin(self, firsts: Mapping[Place, int]) -> None:
        """Write down where partitions begin that were never read; others stay where they are."""
        with self._transaction() as cursor:
            for (topic, partition), offset in sorted(firsts.items()):
                cursor.execute(
                    "insert into sink_offsets (topic, partition, next_offset) values (%s, %s, %s)"
                    " on conflict do nothing",
                    (topic, partition, offset),
                )

    def skip(self, place: Place, stored: int, offset: int) -> None:
        """Move a partition without rows, unless another sink has moved it meanwhile."""
        with self._transaction() as cursor:
            _check(_offsets(cursor, [place], lock=True), {place: Step(stored, offset)})
            _move(cursor, {place: Step(stored, offset)})

    def plants(self) -> list[PlantVersion]:
        """Every version of every plant that was read so far, in the order of the journal."""
        with self._transaction() as cursor:
            return read_plants(cursor)

    def write(self, rows: Sequence[Rows], steps: Mapping[Place, Step]) -> dict[str, Counts]:
        """Write the rows of a batch and move its offsets, both or neither; returns counts by table.

        Raises:
            ServiceUnavailable: PostgreSQL does not answer; offer the same batch again.
            OffsetsMoved: the partitions are elsewhere; nothing was written.
            RowsRefused: a row cannot be held; nothing was written.
        """
        with self._errors():
            server = self._connected()
            made = partitions.ensure(server, partitions.needed(rows))
        if made:
            _log.info("made partitions %s", ", ".join(made))
        with self._transaction() as cursor:
            _check(_offsets(cursor, list(steps), lock=True), steps)
            counts = {
                one.table.name: write_rows(cursor, one, one.table.name not in self._crowded)
                for one in rows
                if len(one)
            }
            _move(cursor, steps)
        self._note_crowded(counts)
        return counts

    def _note_crowded(self, counts: Mapping[str, Counts]) -> None:
        """Repeats come in stretches: a table that has just had some is looked at before it is written to."""
        for table, one in counts.items():
            (self._crowded.add if one.known else self._crowded.discard)(table)

    @contextmanager
    def _transaction(self) -> Iterator["cursor"]:
        with self._errors():
            server = self._connected()
            with server, server.cursor(cursor_factory=self._cursor) as cursor:
                yield cursor

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            raise RowsRefused(_first_line(error)) from error
        except psycopg2.errors.LockNotAvailable as error:
            self.close()
            self._free()
            raise ServiceUnavailable(
                f"another session of PostgreSQL holds a lock on what the sink writes: {_first_line(error)}"
            ) from error
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            self.close()
            raise ServiceUnavailable(f"PostgreSQL does not answer: {_first_line(error)}") from error
        except psycopg2.InternalError as error:  # a file that may not grow, among others: no row is to blame
            self.close()
            raise ServiceUnavailable(f"PostgreSQL cannot write: {_first_line(error)}") from error
        except psycopg2.errors.InsufficientPrivilege as error:
            raise GridcastError(
                f"PostgreSQL refuses: {_first_line(error)}: a sink's user must be in gridcast_sink"
            ) from error
        except psycopg2.errors.UndefinedTable as error:
            raise GridcastError(
                f"PostgreSQL lacks a table: {_first_line(error)}: run `gridcast up`"
            ) from error

    def _free(self) -> None:
        """Somebody holds what this sink writes: if that is a sink that was stopped, it must let go."""
        with suppress(psycopg2.Error):
            ended = end_stopped(self._connected(), self._stopped_after_s)
            if ended:
                _log.warning("ended %d sessions of sinks that were stopped within a transaction", ended)

    def _connected(self) -> "connection":
        if self._server is None:
            self._server = self._connect()
        return self._server


def _offsets(cursor: "cursor", places: Sequence[Place], lock: bool) -> dict[Place, int]:
    topics, numbers = [topic for topic, _ in places], [partition for _, partition in places]
    # Always in one order, so that two sinks that want the same rows never wait for each other in a circle.
    statement = (
        "select topic, partition, next_offset from sink_offsets"
        " where (topic, partition) in (select * from unnest(%s::text[], %s::integer[]))"
        " order by topic, partition"
    )
    cursor.execute(statement + (" for update" if lock else ""), (topics, numbers))
    return {(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _check(found: Mapping[Place, int], steps: Mapping[Place, Step]) -> None:
    for (topic, partition), step in steps.items():
        offset = found.get((topic, partition))
        if offset != step.believed:
            raise OffsetsMoved(f"{topic}[{partition}] is at {offset}, this sink believed {step.believed}")


def _move(cursor: "cursor", steps: Mapping[Place, Step]) -> None:
    for (topic, partition), step in steps.items():
        cursor.execute(
            "update sink_offsets set next_offset = %s, written_at = now()"
            " where topic = %s and partition = %s",
            (step.next_offset, topic, partition),
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
