"""The table of trainings: what was trained when and why, and the lock that keeps it to one at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import psycopg2

from infra.postgres import connect, timestamp, transaction
from models.retraining import Outcome, Run
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from infra.settings import Settings

_NAME: Final = "gridcast-trainings"
#: Any number that no other program of the database uses.
_LOCK: Final = 7_304_115
#: A server lets a lock go a moment after its holder has ended.
_LET_GO_S: Final = 5.0
_NEWEST: Final = 200
_COLUMNS: Final = (
    "(extract(epoch from started_at) * 1000)::bigint, (extract(epoch from ended_at) * 1000)::bigint,"
    " outcome, because, keys, detail, name, version, job_id"
)


@dataclass(frozen=True)
class Training:
    """One row: times [ms], outcome, why in words and as keys, what came of it, and the release's name."""

    started_ms: int
    ended_ms: int
    outcome: Outcome
    because: str
    keys: tuple[str, ...]
    detail: str
    name: str | None = None
    version: str | None = None
    job_id: int | None = None

    @property
    def run(self) -> Run:
        """What decides about the next one."""
        return Run(self.started_ms, self.ended_ms, self.outcome, self.keys)

    def to_json(self) -> dict[str, Any]:
        """For people and machines."""
        return {
            "started_at": datetime.fromtimestamp(self.started_ms / 1000, UTC),
            "seconds": round((self.ended_ms - self.started_ms) / 1000, 1),
            "outcome": self.outcome.value,
            "because": self.because,
            "release": None if self.version is None else f"{self.name} {self.version}",
            "detail": self.detail,
        }


@contextmanager
def one_at_a_time(settings: Settings) -> Iterator[None]:
    """Hold the lock of this deployment's trainings while the block runs.

    Raises:
        InputError: another training holds it.
    """
    connection = connect(settings, _NAME)
    try:
        connection.autocommit = True
        _lock(connection)
        newest(settings, 1)  # a table that is missing is better noticed before hours of training
        yield
    finally:
        connection.close()  # which lets the lock go, a moment later


def _lock(connection: Connection) -> None:
    deadline = time.monotonic() + _LET_GO_S
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select pg_try_advisory_lock(%s)", (_LOCK,))
            if cursor.fetchone() == (True,):
                return
            if time.monotonic() >= deadline:
                raise InputError("another training runs: wait until it has ended")
            time.sleep(0.1)


def write(settings: Settings, training: Training, document: dict[str, Any]) -> None:
    """Add a row; a job has one. Raises `GridcastError` where the table is missing."""
    with _transaction(settings) as cursor:
        cursor.execute(
            "insert into trainings"
            " (started_at, ended_at, outcome, because, keys, detail, name, version, job_id, document)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (job_id) do nothing",
            (
                timestamp(training.started_ms),
                timestamp(training.ended_ms),
                training.outcome.value,
                training.because,
                list(training.keys),
                training.detail,
                training.name,
                training.version,
                training.job_id,
                json.dumps(_without_nan(document)),
            ),
        )


def newest(settings: Settings, count: int = _NEWEST) -> Sequence[Training]:
    """The newest trainings, oldest first."""
    with _transaction(settings) as cursor:
        cursor.execute(
            f"select {_COLUMNS} from trainings order by started_at desc limit %s",
            (count,),
        )
        rows = cursor.fetchall()
    return [_training(row) for row in reversed(rows)]


def of_job(settings: Settings, job_id: int) -> Training | None:
    """The training that a job was; None where it came to none yet."""
    with _transaction(settings) as cursor:
        cursor.execute(f"select {_COLUMNS} from trainings where job_id = %s", (job_id,))
        row = cursor.fetchone()
    return None if row is None else _training(row)


def _training(row: Sequence[Any]) -> Training:
    started, ended, outcome, because, keys, *rest = row
    return Training(started, ended, Outcome(outcome), because, tuple(keys), *rest)


def _without_nan(value: Any) -> Any:
    """JSON as PostgreSQL takes it, which knows no NaN."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    return [_without_nan(one) for one in value] if isinstance(value, list | tuple) else value


@contextmanager
def _transaction(settings: Settings) -> Iterator[Any]:
    try:
        with transaction(settings, _NAME) as cursor:
            yield cursor
    except psycopg2.errors.UndefinedTable as error:
        raise GridcastError("PostgreSQL has no table of trainings: run `gridcast up`") from error
