"""Looks at the triggers and the clock, asks for the jobs that they want, runs jobs, and withdraws champions
that do worse live.

Nothing is remembered here: what was tried when and why, and what was asked for, stands in PostgreSQL, so a
restart changes nothing and two schedules do not train twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cli import live_checks
from cli.job_kinds import Tell, bodies, trainer
from cli.releasing import NotServing, Releases
from consumers import trainings, trigger_values
from consumers.jobs import old, schedules, store, triggered
from consumers.jobs.names import TRAIN
from consumers.jobs.runner import Runner
from consumers.jobs.store import Job
from consumers.jobs.triggered import by_triggers
from consumers.trainings import Training
from consumers.triggers import drift_reasons, new_plant_reasons, plant_ids
from infra.postgres import transaction
from models.retraining import Decision, Outcome, Reason, cron_reason, decide
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from infra.settings import Settings

_DAY_MS: Final = 86_400_000
_POLL_S: Final = 1.0
_NAME: Final = "gridcast-schedule"
_NEWEST: Final = 20
_CUT_SHORT: Final = ("failed", "cancelled")


class Schedule:
    """One schedule. `name` and `fast` are of the trainings that triggers ask for; `cron`: instead of what the
    settings and what was set over them say.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Tell,
        name: str = "gridcast",
        fast: bool = False,
        cron: str | None = None,
    ) -> None:
        self._configured = self._settings = settings
        self._tell = tell
        self._order = {"name": name, "fast": fast}
        self._cron = cron
        self._began_ms = now_ms()
        self._live_day = self._old_day = -1
        self._fallen: list[Reason] = []
        self._said: dict[str, str] = {}

    def run(self, stopped: Callable[[], bool], wait: Callable[[float], Any]) -> None:
        """Run jobs, and look every `schedule_look_every_s`, until told to stop; jobs that run then are put
        back.
        """
        runner = Runner(self._settings, bodies(self._settings, self._tell))
        runner.start()
        next_look_s = 0.0
        try:
            while not stopped():
                self._in_peace(self.fire)
                if time.monotonic() >= next_look_s:
                    next_look_s = time.monotonic() + self._settings.schedule_look_every_s
                    self._in_peace(self.look)
                wait(_POLL_S)
        finally:
            runner.close()

    def once(self, stopped: Callable[[], bool]) -> Outcome | None:
        """Look, act once, and wait for the trainings that are asked for; None where there are none."""
        self.fire()
        self.look()
        asked = [job.job_id for job in self._unfinished()]
        if not asked:
            return None
        runner = Runner(self._settings, {TRAIN: trainer(self._settings, self._tell)}, room=1)
        runner.start()
        try:
            while not stopped():
                with transaction(self._settings, _NAME) as cursor:
                    jobs = [store.one(cursor, job_id) for job_id in asked]
                if all(job.over for job in jobs):
                    self._note_ended()
                    result = jobs[-1].result
                    return Outcome.FAILED if result is None else Outcome(result["outcome"])
                time.sleep(_POLL_S / 2)
            return Outcome.FAILED
        finally:
            runner.close()

    def fire(self) -> None:
        """Ask for the jobs of the schedules that are due, and let old jobs go once a day."""
        with transaction(self._settings, _NAME) as cursor:
            fired = schedules.fire(cursor, datetime.now(UTC))
        for name, job_id in fired:
            self._tell("asked", f"schedule {name} asks for job {job_id}", {"job_id": job_id})
        if now_ms() // _DAY_MS != self._old_day:
            with transaction(self._settings, _NAME) as cursor:
                old.let_go(cursor, self._settings.jobs_days)
            self._old_day = now_ms() // _DAY_MS

    def _in_peace(self, act: Callable[[], Any]) -> None:
        """A server that is away for a while ends no schedule."""
        try:
            act()
        except GridcastError as error:
            self._once_said("trouble", "trouble", str(error), {"retriable": error.retriable})
        else:
            self._said.pop("trouble", None)

    def look(self) -> int | None:
        """One look at everything; the job that was asked for."""
        self._note_ended()
        releases = Releases(self._settings)
        with transaction(self._settings, _NAME) as cursor:
            self._settings = self._set_over(trigger_values.in_force(cursor, self._configured))
            plants = plant_ids(cursor)
            self._look_live(cursor, releases, plants)
            found = self._in_tables(cursor, releases, plants)
        found += self._fallen
        decision = self._decide(releases, found)
        for waiting in decision.waiting:
            self._once_said(waiting.split(":")[0], "waiting", waiting, {})
        return self._ask(releases, found) if decision.reasons else None

    def _decide(self, releases: Releases, found: list[Reason]) -> Decision:
        runs = [training.run for training in trainings.newest(self._settings)]
        by_clock = self._by_clock(releases, [run.started_ms for run in runs])
        return decide([*found, *by_clock], runs, now_ms(), self._settings.schedule_cooldown_s)

    def _set_over(self, found: Settings) -> Settings:
        return found if self._cron is None else found.model_copy(update={"schedule_cron": self._cron})

    def _unfinished(self) -> list[Job]:
        with transaction(self._settings, _NAME) as cursor:
            return store.unfinished(cursor, TRAIN)

    def _in_tables(self, cursor: Any, releases: Releases, plants: list[str]) -> list[Reason]:
        settings, records = self._settings, releases.records
        days = settings.schedule_new_plant_days
        found = new_plant_reasons(cursor, records, plants, days) if days else []
        return found + (drift_reasons(cursor, records, plants) if settings.schedule_drift else [])

    def _look_live(self, cursor: Any, releases: Releases, plants: list[str]) -> None:
        """Once a day, for losses are by day: withdraw who must go, and note whose skill has fallen."""
        if now_ms() // _DAY_MS == self._live_day:
            return
        settings = self._settings
        of = live_checks.groups(releases.records, plants)
        if settings.schedule_rollback:
            for one in live_checks.rollbacks(cursor, settings, releases, of):
                try:
                    gone, after = releases.rollback(one.group.scope, one.to_json(), one.group.champion)
                except NotServing as error:
                    self._tell("waiting", f"nothing is withdrawn: {error}", {})
                    continue
                serves = "the built-in cold start" if after is None else f"{after.name} {after.version}"
                text = f"{one.reason}; withdrawn, {serves} serves again"
                row = Training(
                    now_ms(), now_ms(), Outcome.ROLLED_BACK, one.reason, (), text, gone.name, gone.version
                )
                trainings.write(settings, row, one.to_json())
                self._tell("rolled_back", text, one.to_json())
            of = live_checks.groups(releases.records, plants)
        self._fallen = live_checks.fallen(cursor, settings, releases, of)
        self._live_day = now_ms() // _DAY_MS

    def _by_clock(self, releases: Releases, started_ms: list[int]) -> list[Reason]:
        if not self._settings.schedule_cron:
            return []
        champion = releases.champion
        since = [*started_ms, *([] if champion is None else [champion.valid_from_ms])]
        reason = cron_reason(self._settings.schedule_cron, max(since, default=self._began_ms), now_ms())
        return [] if reason is None else [reason]

    def _ask(self, releases: Releases, found: list[Reason]) -> int | None:
        """A training for these reasons, unless one that triggers have asked for is still to come."""
        with transaction(self._settings, _NAME) as cursor:
            if not triggered.turn(cursor):
                return None
            # One that another schedule asked for may have come to its end since this one looked.
            self._note_ended()
            decision = self._decide(releases, found)
            if not decision.reasons:
                return None
            self._said.clear()
            order = {**self._order, "hold_back_days": self._settings.schedule_hold_back_days}
            return triggered.ask(cursor, order, decision)

    def _note_ended(self) -> None:
        """A training of the triggers that was cut short has a row too: a pause comes after it."""
        with transaction(self._settings, _NAME) as cursor:
            jobs = [job for how in _CUT_SHORT for job in store.newest(cursor, _NEWEST, TRAIN, how)]
            keys = {job.job_id: triggered.keys_of(cursor, job.job_id) for job in jobs if by_triggers(job)}
        for job in jobs:
            if job.job_id in keys and trainings.of_job(self._settings, job.job_id) is None:
                row = Training(
                    _ms(job.asked_at), _ms(job.ended_at or job.asked_at), Outcome.FAILED, job.because,
                    keys[job.job_id], job.error or job.state, job_id=job.job_id,
                )  # fmt: skip
                trainings.write(self._settings, row, {})

    def _once_said(self, subject: str, event: str, text: str, more: dict[str, Any]) -> None:
        """Say what lasts only when it begins; what counts down says the same all the time."""
        if self._said.get(subject) is None:
            self._said[subject] = text
            self._tell(event, text, more)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
