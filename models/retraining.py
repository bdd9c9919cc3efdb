"""When to train again: reasons, what has been tried for them, and how long to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAY_MS: Final = 86_400_000
#: A training that was not promoted for a reason is not tried for it again before there are as many new days.
AGAIN_MS: Final = 14 * DAY_MS


class Outcome(StrEnum):
    """What came of a training, or of a look at the champion."""

    PROMOTED = "promoted"
    SHADOW = "shadow"
    NOT_PROMOTED = "not_promoted"
    TOO_EARLY = "too_early"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"


#: Outcomes after which a model was trained and judged.
JUDGED: Final = (Outcome.PROMOTED, Outcome.SHADOW, Outcome.NOT_PROMOTED)


@dataclass(frozen=True)
class Reason:
    """Why to train: the trigger, a key that tells this reason from others, a sentence, and the plants that it
    is for (empty: all).
    """

    trigger: str
    key: str
    text: str
    plants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One training of the past: when [ms], what came of it, for which reasons."""

    started_ms: int
    ended_ms: int
    outcome: Outcome
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """What to train for now; `waiting` says what stands in the way of the other reasons."""

    reasons: tuple[Reason, ...]
    waiting: tuple[str, ...]

    @property
    def plants(self) -> tuple[str, ...]:
        """The plants to judge and serve; empty for all of them."""
        if any(not reason.plants for reason in self.reasons):
            return ()
        return tuple(sorted({plant for reason in self.reasons for plant in reason.plants}))

    @property
    def text(self) -> str:
        """All reasons in one line."""
        return "; ".join(reason.text for reason in self.reasons)


def decide(found: Sequence[Reason], runs: Sequence[Run], now_ms: int, cooldown_s: float) -> Decision:
    """Which reasons count now. After any training there is a pause of `cooldown_s`; a reason that a model was
    trained and judged for waits for `AGAIN_MS`.
    """
    trainings = [run for run in runs if run.outcome is not Outcome.ROLLED_BACK]
    rest_until = max((run.ended_ms for run in trainings), default=-(10**15)) + round(cooldown_s * 1000)
    tried: dict[str, int] = {}
    for run in trainings:
        if run.outcome in JUDGED:
            tried |= {key: max(run.ended_ms, tried.get(key, 0)) for key in run.keys}
    fresh = [one for one in found if now_ms - tried.get(one.key, -AGAIN_MS) >= AGAIN_MS]
    waiting = [f"{one.text}: was tried less than 14 days ago" for one in found if one not in fresh]
    if fresh and now_ms < rest_until:
        left_h = (rest_until - now_ms) / 3_600_000
        return Decision((), (*waiting, *(f"{one.text}: resting for {left_h:.1f} h" for one in fresh)))
    return Decision(tuple(fresh), tuple(waiting))


def cron_reason(expression: str, since_ms: int, now_ms: int) -> Reason | None:
    """The newest time of a cron expression (UTC) after `since_ms` and not after `now_ms`; None without."""
    from croniter import croniter

    newest_s = croniter(expression, now_ms / 1000.0 + 1e-3).get_prev(float)
    due_ms = round(newest_s * 1000)
    if not since_ms < due_ms <= now_ms:
        return None
    return Reason("cron", f"cron:{due_ms}", f"cron {expression}")
