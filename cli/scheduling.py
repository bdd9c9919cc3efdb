"""Looks at the triggers, trains when one of them counts, and withdraws champions that do worse live.

Nothing is remembered here: what was tried when and why stands in PostgreSQL (`trainings`), so a restart
changes nothing and two schedules do not train twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cli import live_checks
from cli.releasing import Releases
from cli.training_child import TrainingChild
from consumers import trainings
from consumers.trainings import Training
from consumers.triggers import drift_reasons, new_plant_reasons, plant_ids
from infra.postgres import transaction
from models.retraining import Decision, Outcome, Reason, cron_reason, decide
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from infra.settings import Settings

#: `tell(event, sentence, numbers)`: what the schedule does, for a log or for machines.
Tell = Callable[[str, str, dict[str, Any]], None]
_DAY_MS: Final = 86_400_000
_POLL_S: Final = 1.0


class Schedule:
    """One schedule; `arguments` go to every training."""

    def __init__(self, settings: Settings, arguments: tuple[str, ...], tell: Tell) -> None:
        self._settings = settings
        self._arguments = arguments
        self._tell = tell
        self._began_ms = now_ms()
        self._live_day = -1
        self._fallen: list[Reason] = []
        self._child: TrainingChild | None = None
        self._job: tuple[int, Decision] | None = None
        self._said: dict[str, str] = {}

    def run(self, stopped: Callable[[], bool], wait: Callable[[float], Any]) -> None:
        """Look every `schedule_look_every_s` until told to stop; a training that runs then is ended."""
        next_look_s = 0.0
        try:
            while not stopped():
                self.reap()
                if self._child is None and time.monotonic() >= next_look_s:
                    next_look_s = time.monotonic() + self._settings.schedule_look_every_s
                    self._look_in_peace()
                wait(_POLL_S)
        finally:
            self.stop()

    def once(self, stopped: Callable[[], bool]) -> Outcome | None:
        """Look, act once, and wait for what it started; None where there was nothing to train."""
        try:
            if not self.look():
                return None
            while not stopped():
                outcome = self.reap(_POLL_S)
                if outcome is not None:
                    return outcome
            return Outcome.FAILED
        finally:
            self.stop()

    def _look_in_peace(self) -> None:
        """A server that is away for a while ends no schedule."""
        try:
            self.look()
        except GridcastError as error:
            self._once_said("trouble", "trouble", str(error), {"retriable": error.retriable})
        else:
            self._said.pop("trouble", None)

    def look(self) -> bool:
        """One look at everything; whether a training was started."""
        releases = Releases(self._settings)
        runs = [training.run for training in trainings.newest(self._settings)]
        with transaction(self._settings, "gridcast-schedule") as cursor:
            plants = plant_ids(cursor)
            self._look_live(cursor, releases, plants)
            found = self._in_tables(cursor, releases, plants)
        found += [*self._fallen, *self._by_clock(releases, [run.started_ms for run in runs])]
        decision = decide(found, runs, now_ms(), self._settings.schedule_cooldown_s)
        for waiting in decision.waiting:
            self._once_said(waiting.split(":")[0], "waiting", waiting, {})
        if not decision.reasons:
            return False
        self._start(decision)
        return True

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
                gone, after = releases.rollback(one.group.scope, one.to_json())
                serves = "the built-in cold start" if after is None else f"{after.name} {after.version}"
                text = f"{one.reason}; withdrawn, {serves} serves again"
                self._note(
                    now_ms(),
                    Outcome.ROLLED_BACK,
                    one.reason,
                    (),
                    text,
                    gone.name,
                    gone.version,
                    one.to_json(),
                )
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

    def _start(self, decision: Decision) -> None:
        self._said.clear()
        keys = [part for reason in decision.reasons for part in ("--key", reason.key)]
        whom = [part for plant_id in decision.plants for part in ("--for", plant_id)]
        held = ["--hold-back", f"{self._settings.schedule_hold_back_days}d"]
        triggers = sorted({reason.trigger for reason in decision.reasons})
        self._tell(
            "training", f"training: {decision.text}", {"triggers": triggers, "plants": list(decision.plants)}
        )
        self._job = now_ms(), decision
        self._child = TrainingChild(
            self._settings,
            [*self._arguments, *held, *whom, *keys, "--because", decision.text],
            lambda line: self._tell("progress", line, {}),
        )

    def reap(self, wait_s: float = 0.0) -> Outcome | None:
        """What came of the training, once it has ended."""
        if self._child is None or self._job is None:
            return None
        if wait_s:
            self._child.wait(wait_s)
        if not self._child.ended():
            return None
        document, (started_ms, decision) = self._child.document(), self._job
        failure = self._child.failure() if document is None else ""
        self._child = self._job = None
        if document is None:
            keys = tuple(reason.key for reason in decision.reasons)
            self._note(started_ms, Outcome.FAILED, decision.text, keys, failure, None, None, {})
            self._tell("failed", f"the training failed: {failure}", {})
            return Outcome.FAILED
        outcome = Outcome(document["outcome"])
        name = f"{document['name']} {document['version']}"
        said = {
            Outcome.PROMOTED: f"{name} serves from now on: {document['reason']}",
            Outcome.TOO_EARLY: f"not trained: {document['reason']}",
        }.get(outcome, f"{name} is not promoted: {document['reason']}")
        self._tell(
            outcome.value,
            said,
            {key: document[key] for key in ("name", "version", "sha256", "plants", "shadows")},
        )
        return outcome

    def stop(self) -> None:
        """End a training that runs; nothing of it was published."""
        if self._child is not None:
            self._child.stop()
            self._child = self._job = None
            self._tell("stopped", "the training was ended before its time", {})

    def _note(
        self,
        started_ms: int,
        outcome: Outcome,
        because: str,
        keys: tuple[str, ...],
        detail: str,
        name: str | None,
        version: str | None,
        document: dict[str, Any],
    ) -> None:
        row = Training(started_ms, now_ms(), outcome, because, keys, detail, name, version)
        trainings.write(self._settings, row, document)

    def _once_said(self, subject: str, event: str, text: str, more: dict[str, Any]) -> None:
        """Say what lasts only when it begins; what counts down says the same all the time."""
        if self._said.get(subject) is None:
            self._said[subject] = text
            self._tell(event, text, more)


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
