"""Shadows: releases that forecast beside a plant's champion, are scored, and publish nothing.

A shadow has what a champion has: a base of the plant's runs, factors of its bands, forecasts that wait for
their actuals. All else of a plant (telemetry, detectors, drift) is there once. A plant without a shadow has
no row here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.outlook import Outlook
from models.pending import all_met
from models.release import Release
from models.sides import Learned, Side
from models.spans import Span
from models.state import Field, FleetState

I8 = NDArray[np.int64]


@dataclass
class Shadow:
    """The release beside one plant's champion, by name, version and hash.

    `published_ms` is its last issue as champion, -1 for none. Without an outlook it forecasts no more, but
    what it published then waits for its actuals.
    """

    key: tuple[str, str, str]
    row: int
    outlook: Outlook | None
    published_ms: int = -1


class Shadows:
    """The shadows of a fleet, by slot; ``fields`` are the columns of what each of them learns."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.columns = FleetState(fields, room=1)
        self.by_slot: dict[int, Shadow] = {}

    def begin(self, slot: int, key: tuple[str, str, str], outlook: Outlook | None) -> Shadow:
        """A shadow that has learned nothing yet, in place of the one that was there."""
        self.forget(slot)
        self.by_slot[slot] = Shadow(key, self.columns.add(), outlook)
        return self.by_slot[slot]

    def end(self, slot: int) -> None:
        """Nobody runs beside the champion any more; what the shadow had published as champion is scored."""
        shadow = self.by_slot.get(slot)
        if shadow is None:
            return
        shadow.outlook = None
        issued_ms = self.columns["pending_issue_ms"][shadow.row]
        issued_ms[issued_ms > shadow.published_ms] = -1
        if (issued_ms < 0).all():
            self.forget(slot)

    def forget(self, slot: int) -> None:
        """Nothing of a shadow is left."""
        shadow = self.by_slot.pop(slot, None)
        if shadow is not None:
            self.columns.free(shadow.row)

    def let_go(self, slots: I8, clock_ms: I8) -> None:
        """End those that forecast no more and wait for no actual any more at their plants' clocks."""
        found = self.learned(slots)
        if found is None:
            return
        places, learned = found
        for slot in slots[places[all_met(learned, clock_ms[places])]].tolist():
            if self.by_slot[slot].outlook is None:
                self.forget(slot)

    def outlook(self, slot: int) -> Iterator[Outlook]:
        """The outlook of the plant's shadow, where one forecasts."""
        found = self.by_slot.get(slot)
        if found is not None and found.outlook is not None:
            yield found.outlook

    def learned(self, slots: I8) -> tuple[I8, Learned] | None:
        """Which of these plants have something here, as places (n,), and where it stands; None for none."""
        if not self.by_slot:
            return None
        places = [place for place, slot in enumerate(slots.tolist()) if slot in self.by_slot]
        if not places:
            return None
        rows = [self.by_slot[int(slots[place])].row for place in places]
        return np.array(places), Learned(self.columns, np.array(rows))

    def side(self, slots: I8) -> tuple[I8, Side] | None:
        """Which of these plants have a shadow that forecasts, as places (n,), and those; None for none."""
        found = self.learned(slots)
        if found is None:
            return None
        outlooks = [next(self.outlook(slot), None) for slot in slots[found[0]].tolist()]
        at_work = np.array([n for n, outlook in enumerate(outlooks) if outlook is not None], np.int64)
        if not at_work.size:
            return None
        places = found[0][at_work]
        return places, Side(slots[places], [o for o in outlooks if o is not None], found[1].take(at_work))


def beside(champion: Outlook, release: Release, clock_ms: int) -> Outlook:
    """The outlook of another release on the runs of a champion, with its base of them."""
    made = on_same_runs(champion, release)
    made.adopt(release, clock_ms)
    return made


def on_same_runs(champion: Outlook, release: Release) -> Outlook:
    """The outlook of another release that has said nothing yet of the runs of a champion."""
    return replace(
        champion,
        release=release,
        versions=list(champion.versions),
        pending=list(champion.pending),
        runs=list(champion.runs),
        heard=list(champion.heard),
        weather=Span(),
        climatology=Span(),
    )
