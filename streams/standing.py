"""All that must move in a worker, as its watchdog sees it. Read from another thread: nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from infra.stalls import Standing
from infra.topics import JOURNAL
from streams.forward import Forwarder
from streams.partition import Partition
from streams.restore import Restorer
from streams.trial import under_way_s
from streams.worker import Worker

#: A rebalance waits for the slowest member of the group, for up to its own limit.
GROUP_PATIENCE = 3.0

Ends = Mapping[str, Mapping[int, int]]


@dataclass(frozen=True)
class Moving:
    """What a worker is made of, as far as it moves. `beats` counts how often each chore has come round."""

    worker: Worker
    forwarder: Forwarder
    restorer: Restorer
    beats: dict[str, int] = field(default_factory=dict)

    def beat(self, chore: str) -> None:
        """A chore has come round."""
        self.beats[chore] = self.beats.get(chore, 0) + 1

    @property
    def topics(self) -> list[str]:
        """The topics whose ends have to be known."""
        return sorted({JOURNAL, *(topic for topic, _ in self._forwarding())})

    def positions(self) -> dict[tuple[str, int], int]:
        """The next record of each partition that is read from, by topic and number."""
        journal = {(JOURNAL, n): one.next_offset for n, one in dict(self.worker.partitions).items()}
        return journal | self._forwarding()

    def standing(self, ends: Ends) -> dict[str, Standing]:
        """By name what must move now; `ends`: of the partitions of `topics`."""
        restoring = dict(self.restorer.restoring)
        partitions = dict(self.worker.partitions)
        made = {f"the restore of {JOURNAL}[{n}]": Standing(done) for n, done in restoring.items()}
        # A partition that is restored already waits for those that are not: after a rebalance, or in a turn
        # that broke, whose partitions are restored one after the other.
        others = sorted(restoring.items())
        for number, one in partitions.items():
            made[f"{JOURNAL}[{number}]"] = _position(one, ends, (restoring.get(number), others))
            made[f"the commits of {JOURNAL}[{number}]"] = _commits(one)
        for (topic, number), at in self._forwarding().items():
            made[f"{topic}[{number}]"] = Standing(at, ends.get(topic, {}).get(number, 0) > at)
        # A chore waits for the engines' thread, so what that does counts for it too.
        busy = sorted(restoring.items()), sorted((n, one.next_offset) for n, one in partitions.items())
        made |= {f"the chore {name}": Standing((n, busy)) for name, n in dict(self.beats).items()}
        made["the group"] = self._group(restoring)
        tried_s = under_way_s()  # the engines' thread waits for it, and everything waits for that thread
        return {what: replace(one, mark=(one.mark, tried_s)) for what, one in made.items()}

    def _forwarding(self) -> dict[tuple[str, int], int]:
        owned = self.forwarder.owned
        return {place: at for place, at in dict(self.forwarder.positions).items() if place in owned}

    def _group(self, restoring: Mapping[int, int]) -> Standing:
        """Whether partitions were given and taken over; a restore that moves is no standstill."""
        waiting = not self.worker.settled and not restoring
        return Standing((self.worker.rebalances, len(self.worker.partitions)), waiting, GROUP_PATIENCE)


def _position(one: Partition, ends: Ends, restored: object) -> Standing:
    """A batch that looks for the record to blame restores again and again: each moves (`restored`)."""
    mark: Any = (one.next_offset, restored)
    return Standing(mark, ends.get(JOURNAL, {}).get(one.number, 0) > one.next_offset)


def _commits(one: Partition) -> Standing:
    since_s = one.uncommitted_since_s
    return Standing(since_s, since_s is not None)
