"""Jobs in a PostgreSQL: run once, once more after a crash, never twice at a time, cancelled, put back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.one_change import one_change
from cli.scheduling import Schedule
from consumers import trigger_values
from consumers.jobs import lost, old, queue, runner, schedules, store, triggered
from consumers.jobs.orders import TrainOrder, train_order
from consumers.jobs.queue import Asker, OtherRequest
from consumers.jobs.runner import Body, Runner
from consumers.jobs.store import Job
from consumers.jobs.work import Work, holding
from consumers.triggers import drift_reasons
from infra.postgres import migrate, transaction
from infra.settings import Settings
from models.retraining import Reason
from schemas.errors import InputError
from schemas.records import ReleaseRecord, ReleaseRole
from tests.integration.conftest import own_database
from tests.integration.sink_help import Wire, ask, wait_until

ME = Asker("a person")
ROOT = Path(__file__).parents[2]


def asked(settings: Settings, kind: str, arguments: dict[str, Any] | None = None, **more: Any) -> int:
    with transaction(settings) as cursor:
        return queue.enqueue(cursor, kind, arguments or {}, ME, **more)


def state(settings: Settings, job_id: int) -> Job:
    with transaction(settings) as cursor:
        return store.one(cursor, job_id)


@contextmanager
def running(settings: Settings, **kinds: Body) -> Iterator[Runner]:
    found = Runner(settings, kinds)
    found.start()
    try:
        yield found
    finally:
        found.close()


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


def test_a_killed_process_loses_no_job_and_no_schedule_fires_twice(quick: Settings, tmp_path: Path) -> None:
    """Two processes, each killed with SIGKILL while it runs the job; a third one ends it as failed, for a job
    that brings its process down twice would do so for ever. The one that was killed once is done.
    """
    unlucky, lucky = asked(quick, "slow"), asked(quick, "slow")
    with transaction(quick) as cursor:
        schedules.make(cursor, "always", "* * * * *", "train", {}, "a person")
    ask(quick, "update schedules set next_at = now() - interval '3 hours'")
    due = ask(quick, "select next_at from schedules")
    with ended([process(quick, tmp_path)]) as (first,):
        wait_until(lambda: begun(quick, unlucky) == begun(quick, lucky) == 1, "both are run", 30)
        first.kill()
        first.wait()
    ask(quick, "update jobs set losses = 1 where job_id = %s", unlucky)  # as if it had happened before
    with ended([process(quick, tmp_path), process(quick, tmp_path)]):
        wait_until(lambda: begun(quick, lucky) == 2, "it is run once more", 30)
        wait_until(lambda: state(quick, unlucky).over, "the other one is given up", 30)
        (tmp_path / "go").touch()
        done = over(quick, lucky)
    assert (done.state, done.runs, done.losses) == ("done", 2, 1)
    gone = state(quick, unlucky)
    assert (gone.state, gone.runs, gone.losses, begun(quick, unlucky)) == ("failed", 1, 2, 1)
    assert "ended 2 times without a word" in str(gone.error)
    fired = ask(quick, "select due_at, job_id from schedule_runs where due_at = %s", due[0][0])
    assert len(fired) == 1, "what was missed for three hours is made up for by one job"
    jobs = ask(quick, "select count(*), count(distinct job_id) from schedule_runs")
    assert jobs == ask(quick, "select count(*), count(*) from jobs where kind = 'train'")


class Patient:
    """A body that goes on until it is let go; how often it was begun, and what it was ended by."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended: list[str] = []
        self.go = False

    def __call__(self, work: Work) -> Mapping[str, Any]:
        self.begun += 1
        try:
            while not self.go:
                work.check()
                time.sleep(0.05)
        except Exception as error:
            self.ended.append(type(error).__name__)
            raise
        return {"begun": self.begun}


def away(wire: Wire, settings: Settings) -> None:
    """PostgreSQL is away for longer than the queue waits for a connection, and locks of sessions are gone."""
    wire.cut()
    time.sleep(2.5)
    locks = "select count(*) from pg_locks where locktype = 'advisory'"
    wait_until(lambda: ask(settings, locks) == [(0,)], "the lock is gone with its session")


def test_a_job_that_runs_while_postgresql_is_away_stays_where_it_is(
    quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_AGAIN_S", 1.0)
    wire, patient = Wire(quick), Patient()
    job_id = asked(quick, "patient")
    with running(wire.settings, patient=patient, other=lambda _: {}):
        wait_until(lambda: state(quick, job_id).state == "running", "it runs", 20)
        away(wire, quick)
        wire.mend()
        assert over(quick, asked(quick, "other")).state == "done", "others are begun beside it"
        time.sleep(1.5)  # longer than jobs are silent before they are looked for
        stands = state(quick, job_id)
        assert (stands.state, stands.runs, stands.losses, patient.begun) == ("running", 1, 0, 1)
        assert lost.recover(quick, ["patient"]) == [], "it has its lock again, and gives a sign"
        with transaction(quick) as cursor:
            assert queue.cancel(cursor, job_id)
        assert over(quick, job_id).state == "cancelled"
    assert patient.ended == ["Cancelled"]


def test_a_job_that_another_process_took_meanwhile_is_left_to_it(
    quick: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "_AGAIN_S", 1.0)
    wire, patient = Wire(quick), Patient()
    job_id = asked(quick, "patient")
    with running(wire.settings, patient=patient):
        wait_until(lambda: state(quick, job_id).state == "running", "it runs", 20)
        away(wire, quick)
        assert lost.recover(quick, ["patient"]) == [job_id], "it gave no sign, and its lock was free"
        wire.mend()
        wait_until(lambda: patient.begun == 2, "it is begun once more, here as it happens", 20)
        assert patient.ended == ["Taken"], "and not beside itself"
        patient.go = True
        done = over(quick, job_id)
    assert (done.result, done.runs, done.losses, done.error) == ({"begun": 2}, 2, 1, None)


def test_a_job_that_is_over_and_runs_on_in_the_queue_is_ended_there(quick: Settings) -> None:
    job_id = asked(quick, "train")
    worker = ask(quick, "insert into procrastinate_workers default values returning id")[0][0]
    ask(
        quick,
        "update procrastinate_jobs set status = 'doing', worker_id = %s where id = %s",
        worker, job_id,
    )  # fmt: skip
    ask(quick, "update jobs set ended_at = now() - interval '1 minute', result = '{}'")
    assert lost.recover(quick, ["train"], mine={job_id}) == []
    assert lost.recover(quick, ["train"]) == [job_id]
    assert ask(quick, "select status from procrastinate_jobs") == [("succeeded",)]
    assert state(quick, job_id).state == "done"


def test_a_job_that_is_cancelled_while_it_is_put_back_is_not_begun_again(quick: Settings) -> None:
    began, stopping, cancelled = threading.Event(), threading.Event(), threading.Event()

    def slow_to_end(work: Work) -> Mapping[str, Any]:
        began.set()
        try:
            while True:
                work.check()
                time.sleep(0.05)
        finally:
            stopping.set()
            assert cancelled.wait(20)

    job_id = asked(quick, "slow_to_end")

    def cancel() -> None:
        assert stopping.wait(20)
        with transaction(quick) as cursor:
            queue.cancel(cursor, job_id)
        cancelled.set()

    with ThreadPoolExecutor(1) as pool:
        with running(quick, slow_to_end=slow_to_end):
            assert began.wait(20)
            told = pool.submit(cancel)
        told.result()
    assert state(quick, job_id).state == "cancelled"
    assert ask(quick, "select error from jobs") == [("cancelled",)]


def test_what_many_processes_see_due_at_once_is_asked_for_once(quick: Settings) -> None:
    with transaction(quick) as cursor:
        for name in ("one", "other", "waits"):
            schedules.make(cursor, name, "0 3 * * *", "train", {"fast": True}, "a person", name == "waits")
    ask(quick, "update schedules set next_at = '2014-05-01 03:00+00'")
    now = datetime(2014, 5, 3, 12, tzinfo=UTC)

    def fire(_: int) -> list[tuple[str, int]]:
        with transaction(quick) as cursor:
            return schedules.fire(cursor, now)

    with ThreadPoolExecutor(8) as pool:
        fired = [one for found in pool.map(fire, range(16)) for one in found]
    assert sorted(name for name, _ in fired) == ["one", "other"]
    assert ask(quick, "select distinct next_at from schedules where not paused") == [
        (datetime(2014, 5, 4, 3, tzinfo=UTC),)
    ]
    now = datetime(2014, 5, 4, 12, tzinfo=UTC)
    with ThreadPoolExecutor(1) as pool:
        with transaction(quick) as cursor:
            assert len(schedules.fire(cursor, now)) == 2
            other = pool.submit(fire, 0)
            time.sleep(0.5)  # it looks while this one has not committed
        assert other.result(20) == []
    ask(quick, "update schedules set next_at = '2014-05-05 03:00+00'")
    with pytest.raises(RuntimeError), transaction(quick) as cursor:
        schedules.fire(cursor, datetime(2014, 5, 6, tzinfo=UTC))
        raise RuntimeError  # killed before the commit: neither the time nor its job was
    with transaction(quick) as cursor:
        assert len(schedules.fire(cursor, datetime(2014, 5, 6, tzinfo=UTC))) == 2
        told = schedules.runs(cursor, "one", 10)
    assert [(one.due_at.day, one.state) for one in told] == [(day, "waiting") for day in (5, 4, 1)]


def test_a_schedule_that_cannot_ask_keeps_no_other_from_asking(quick: Settings) -> None:
    with transaction(quick) as cursor:
        for name in ("heavy", "odd", "sound"):
            schedules.make(cursor, name, "0 3 * * *", "train", {"fast": True}, "a person")
        with pytest.raises(InputError, match="characters at most"):
            schedules.change(cursor, "sound", "me", arguments={"plants": [f"{n:0150}" for n in range(999)]})
    ask(quick, "update schedules set next_at = '2014-05-01 03:00+00'")
    ask(quick, "update schedules set arguments = %s where name = 'heavy'", f'["{"x" * 100_000}"]')
    ask(quick, "update schedules set cron = 'whenever' where name = 'odd'")
    with transaction(quick) as cursor:
        fired = schedules.fire(cursor, datetime(2014, 5, 3, 12, tzinfo=UTC))
    assert [name for name, _ in fired] == ["odd", "sound"]
    assert ask(quick, "select name, paused, next_at::date::text from schedules order by name") == [
        ("heavy", False, "2014-05-04"), ("odd", True, "2014-05-01"), ("sound", False, "2014-05-04"),
    ]  # fmt: skip
    with transaction(quick) as cursor:
        assert [one.job_id for one in schedules.runs(cursor, "heavy", 5)] == [None]
        assert schedules.fire(cursor, datetime(2014, 5, 3, 12, tzinfo=UTC)) == []


def test_a_schedule_that_was_paused_makes_up_for_nothing(quick: Settings) -> None:
    with transaction(quick) as cursor:
        schedules.make(cursor, "nightly", "0 3 * * *", "train", {}, "a person", paused=True)
        with pytest.raises(schedules.Exists):
            schedules.make(cursor, "nightly", "0 4 * * *", "train", {}, "a person")
    ask(quick, "update schedules set next_at = '2014-05-01 03:00+00'")
    with transaction(quick) as cursor:
        resumed = schedules.change(cursor, "nightly", "another", paused=False)
    assert resumed.next_at > datetime.now(UTC) and resumed.changed_by == "another"
    with transaction(quick) as cursor:
        assert schedules.fire(cursor, datetime.now(UTC)) == []
        for wrong in ({"arguments": {"plant": "a"}}, {"cron": "61 * * * *"}, {"cron": "R * * * *"}):
            with pytest.raises(InputError):
                schedules.change(cursor, "nightly", "another", **wrong)
        with pytest.raises(InputError, match="can ask for train"):
            schedules.make(cursor, "other", "0 3 * * *", "rm", {}, "a person")
        assert schedules.remove(cursor, "nightly").name == "nightly"
        with pytest.raises(InputError, match="there is no schedule"):
            schedules.remove(cursor, "nightly")


def test_what_is_set_of_the_triggers_holds_over_the_settings(quick: Settings) -> None:
    with transaction(quick) as cursor:
        trigger_values.put(cursor, quick, "live_days", 9, "a person")
        trigger_values.put(cursor, quick, "cron", "", "a person")
        found = trigger_values.in_force(cursor, quick)
        assert (found.schedule_live_days, found.schedule_cron) == (9, "")
        assert found.schedule_drift == quick.schedule_drift
        for name, value in (
            ("live_days", 4), ("drift", "yes"), ("cron", "x"), ("jobs_days", 1), ("hold_back_days", 367),
        ):  # fmt: skip
            with pytest.raises(InputError):
                trigger_values.put(cursor, quick, name, value, "a person")
        trigger_values.clear(cursor, quick, "live_days")
        assert trigger_values.in_force(cursor, quick).schedule_live_days == quick.schedule_live_days
        shown = {one.name: one for one in trigger_values.listed(cursor, quick)}
        assert (shown["cron"].value, shown["cron"].configured, shown["cron"].changed_by) == (
            "", quick.schedule_cron, "a person",
        )  # fmt: skip
    ask(quick, "delete from trigger_values")


def scheduled(settings: Settings) -> Schedule:
    return Schedule(settings.model_copy(update={"schedule_cron": ""}), lambda *_: None)


def row_of(settings: Settings, job_id: int) -> list[tuple[Any, ...]]:
    found = "select outcome, detail, cardinality(keys) from trainings where job_id = %s"
    return ask(settings, found, job_id)


def test_two_schedules_ask_once_and_a_training_that_was_cancelled_is_rested_from(quick: Settings) -> None:
    """Both have looked before either has asked, at more plants than one training can be for."""
    ask(quick, "truncate trainings")
    releases: Any = None  # what serves tells of the clock alone, by which nothing is asked for here
    found = [
        Reason("new_plant", f"new_plant:{n:0190}", f"no release was trained on {n:0190}", (f"{n:0190}",))
        for n in range(2000)
    ]
    one, other = scheduled(quick), scheduled(quick)
    job_id = one._ask(releases, found)
    assert job_id is not None and other._ask(releases, found) is None, "one is to come"
    asked_for = state(quick, job_id)
    plants = train_order(asked_for.arguments).plants
    assert 200 < len(plants) <= 1000 and len(asked_for.because) == 1000
    with transaction(quick) as cursor:
        assert len(triggered.keys_of(cursor, job_id)) == len(plants)
        queue.cancel(cursor, job_id)
    assert other._ask(releases, found) is None, "its end is known to whoever asks next"
    assert row_of(quick, job_id) == [("failed", "cancelled", len(plants))]
    one._note_ended()
    assert len(row_of(quick, job_id)) == 1
    ask(quick, "truncate trainings")


def test_a_key_that_is_called_as_the_triggers_are_asks_as_anybody(quick: Settings) -> None:
    with transaction(quick) as cursor:
        by_key = queue.enqueue(cursor, "train", TrainOrder().model_dump(), Asker("triggers", "k1"))
        assert triggered.turn(cursor), "it is no training of the triggers"
    ask(quick, "update procrastinate_jobs set status = 'failed'")
    scheduled(quick)._note_ended()
    assert row_of(quick, by_key) == []


def test_a_plant_that_drifts_all_the_time_is_one_reason(quick: Settings) -> None:
    serves = ReleaseRecord("gridcast", "1", 1, 1, ReleaseRole.CHAMPION, "ab" * 32, 10)
    events = (
        "select plant, 'ph', 'error', now() - n * interval '1 h', now(), 1, 0.1, 1, 2, 'gridcast', '1', ''"
    )
    ask(
        quick,
        f"insert into drift_events {events} from generate_series(1, 50) n, unnest(%s) plant", ["a", "b"],
    )  # fmt: skip
    with transaction(quick) as cursor:
        cursor.execute("select (extract(epoch from max(event_time)) * 1000)::bigint from drift_events")
        newest_ms = (cursor.fetchone() or (0,))[0]
        found = drift_reasons(cursor, [serves], ["a", "b"])
    assert [one.key for one in found] == [f"drift:{plant}:ph:error:{newest_ms}" for plant in ("a", "b")]
    ask(quick, "truncate drift_events")


def test_releases_are_changed_by_one_at_a_time(quick: Settings) -> None:
    with one_change(quick), pytest.raises(InputError, match="under way"), one_change(quick, 0.3):
        raise AssertionError("two at once")
    with one_change(quick, 20.0):
        pass  # it was let go


def test_jobs_that_were_over_long_ago_are_forgotten(quick: Settings) -> None:
    ids = [asked(quick, "double") for _ in range(3)]
    with transaction(quick) as cursor:
        for job_id in ids[:2]:
            queue.cancel(cursor, job_id)
    ask(quick, "update jobs set ended_at = now() - interval '91 days' where job_id = %s", ids[0])
    with transaction(quick) as cursor:
        assert old.let_go(cursor, 90) == 1
        assert [job.job_id for job in store.newest(cursor, 10)] == [ids[2], ids[1]]


def begun(settings: Settings, job_id: int) -> int:
    """How often its body was begun, by what the body itself said."""
    return int(
        ask(settings, "select count(*) from job_lines where job_id = %s and text like 'begun by%%'", job_id)[
            0
        ][0]
    )


def process(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ, "GRIDCAST_POSTGRES": settings.postgres.get_secret_value(), "GRIDCAST_JOBS_LOST_S": "1",
        "GRIDCAST_HOME": str(folder), "PYTHONPATH": str(ROOT), "GRIDCAST_JOBS_AT_ONCE": "4",
    }  # fmt: skip
    script = ROOT / "tests" / "integration" / "running_jobs.py"
    return subprocess.Popen([sys.executable, script, folder], cwd=ROOT, env=environment)


@contextmanager
def ended(processes: list[subprocess.Popen[bytes]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    try:
        yield processes
    finally:
        for one in processes:
            one.kill()
            one.wait()
