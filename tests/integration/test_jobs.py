"""Jobs in a PostgreSQL: run once, once more after a crash, never twice at a time, cancelled, put back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from consumers.jobs import lost, queue, store
from consumers.jobs.queue import Asker, OtherRequest
from consumers.jobs.runner import Body, Runner
from consumers.jobs.store import Job
from consumers.jobs.work import Work, holding
from infra.postgres import migrate, transaction
from infra.settings import Settings
from schemas.errors import InputError
from tests.integration.conftest import own_database
from tests.integration.sink_help import ask, wait_until

ME = Asker("a person")


def asked(settings: Settings, kind: str, arguments: dict[str, Any] | None = None, **more: Any) -> int:
    with transaction(settings) as cursor:
        return queue.enqueue(cursor, kind, arguments or {}, ME, **more)


def state(settings: Settings, job_id: int) -> Job:
    with transaction(settings) as cursor:
        return store.one(cursor, job_id)


@contextmanager
def running(settings: Settings, **kinds: Body) -> Iterator[Runner]:
    runner = Runner(settings, kinds)
    runner.start()
    try:
        yield runner
    finally:
        runner.close()


@pytest.fixture(scope="module")
def migrated(servers: Settings) -> Iterator[Settings]:
    with own_database(servers) as found:
        migrate(found)
        yield found


@pytest.fixture
def quick(migrated: Settings) -> Settings:
    ask(migrated, "truncate procrastinate_jobs, schedules, schedule_runs cascade")
    return migrated.model_copy(update={"jobs_lost_s": 1.0})


def over(settings: Settings, job_id: int) -> Job:
    wait_until(lambda: state(settings, job_id).over, "the job is over", 20)
    return state(settings, job_id)


def test_a_job_is_asked_for_run_and_told_of(quick: Settings) -> None:
    def double(work: Work) -> Mapping[str, Any]:
        assert work.file("in.csv") == ("text/csv", b"1")
        work.say("doubling")
        work.progress(1.0, "almost")
        work.attach("out.csv", "text/csv", b"2")
        return {"twice": 2 * work.arguments["number"]}

    with transaction(quick) as cursor:
        first = queue.enqueue(cursor, "double", {"number": 21}, ME, idempotency_key="k")
        store.attach(cursor, first, "in.csv", "text/csv", b"1")
    assert asked(quick, "double", {"number": 21}, idempotency_key="k") == first
    with pytest.raises(OtherRequest):
        asked(quick, "double", {"number": 22}, idempotency_key="k")
    with pytest.raises(InputError, match="characters"):
        asked(quick, "double", {"number": "x" * 100_001})
    assert state(quick, first).state == "waiting"
    with running(quick, double=double):
        done = over(quick, first)
    assert (done.state, done.result, done.runs, done.progress) == ("done", {"twice": 42}, 1, 1.0)
    with transaction(quick) as cursor:
        assert [text for _, text in store.lines(cursor, first, 10)] == ["doubling"]
        assert store.file(cursor, first, "out.csv") == ("text/csv", b"2")


def test_what_a_transaction_does_not_keep_was_never_asked_for(quick: Settings) -> None:
    with pytest.raises(RuntimeError), transaction(quick) as cursor:
        queue.enqueue(cursor, "double", {}, ME)
        raise RuntimeError
    assert ask(quick, "select (select count(*) from jobs), (select count(*) from procrastinate_jobs)") == [
        (0, 0)
    ]


def test_a_body_that_fails_is_not_tried_again_and_says_why(quick: Settings) -> None:
    def wrong(work: Work) -> Mapping[str, Any]:
        raise InputError("there is no such plant")

    def fault(work: Work) -> Mapping[str, Any]:
        raise ZeroDivisionError("by nought")

    ids = [asked(quick, "wrong"), asked(quick, "fault")]
    with running(quick, wrong=wrong, fault=fault):
        told = [over(quick, job_id) for job_id in ids]
    assert [(one.state, one.runs) for one in told] == [("failed", 1)] * 2
    assert told[0].error == "there is no such plant"
    assert "ZeroDivisionError" in str(told[1].error)


def test_cancelled_before_it_began_and_while_it_ran(quick: Settings) -> None:
    began = threading.Event()

    def endless(work: Work) -> Mapping[str, Any]:
        began.set()
        while True:
            work.check()
            time.sleep(0.05)

    never, running_one = asked(quick, "other"), asked(quick, "endless")
    with transaction(quick) as cursor:
        assert queue.cancel(cursor, never)
    with running(quick, endless=endless, other=endless):
        assert began.wait(20)
        with transaction(quick) as cursor:
            assert queue.cancel(cursor, running_one)
        ended = over(quick, running_one)
    assert (ended.state, ended.runs, state(quick, never).state) == ("cancelled", 1, "cancelled")
    with transaction(quick) as cursor:
        assert not queue.cancel(cursor, running_one)


def test_a_runner_that_is_told_to_stop_puts_its_job_back(quick: Settings) -> None:
    began = threading.Event()
    wait = True

    def patient(work: Work) -> Mapping[str, Any]:
        began.set()
        while wait:
            work.check()
            time.sleep(0.05)
        return {"again": work.again}

    job_id = asked(quick, "patient")
    with running(quick, patient=patient):
        assert began.wait(20)
    assert state(quick, job_id).state == "waiting"
    wait = False
    with running(quick, patient=patient):
        done = over(quick, job_id)
    assert (done.result, done.runs, done.losses) == ({"again": True}, 2, 0)


def test_a_slow_process_keeps_its_job_and_one_that_is_gone_loses_it(quick: Settings) -> None:
    job_id = asked(quick, "lonely")
    ask(quick, "update procrastinate_jobs set status = 'doing' where id = %s", job_id)  # its worker is gone
    with holding(quick, job_id) as hold:
        hold.begin()
        assert lost.recover(quick, ["lonely"]) == [], "its lock is held"
    assert lost.recover(quick, ["lonely"]) == [job_id]
    assert (state(quick, job_id).state, state(quick, job_id).losses) == ("waiting", 1)
    ask(quick, "update procrastinate_jobs set status = 'doing' where id = %s", job_id)
    assert lost.recover(quick, ["lonely"]) == [job_id]
    gone = state(quick, job_id)
    assert gone.state == "failed" and "without a word" in str(gone.error)
