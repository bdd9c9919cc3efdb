"""What must hold at the end of a run: read from the topics and the tables, from no counter of the system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from consumers.digest import Contents, contents
from consumers.identity import identity
from consumers.scan import Scan
from infra.topic_reader import read_newest
from infra.topics import FORECASTS, FORECASTS_LATEST, JOURNAL, REJECTED
from producers.encode import payloads
from producers.order import Journal
from schemas.codec import Codec
from tests.chaos.inject import Sent
from tests.chaos.meaning import OUTPUTS, Meaning, meaning, refusal, short
from tests.chaos.stored import Held, meant, stored

if TYPE_CHECKING:
    from infra.settings import Settings

_SHOWN = 12
_AT_ONCE = 5000


@dataclass
class Verdict:
    """Counts of broken promises; `told` names the first of each kind."""

    records_in: int = 0
    forecasts: int = 0
    repeats: int = 0
    refused: int = 0
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("lost", "doubled", "differing", "rejected_differing"), 0)
    )
    told: list[str] = field(default_factory=list)

    def broken(self, kind: str, what: Sequence[object]) -> None:
        """Note promises that were broken."""
        self.counts[kind] += len(what)
        self.told += [f"{kind}: {one}" for one in what[:_SHOWN]]

    @property
    def holds(self) -> bool:
        """Whether nothing was broken."""
        return not any(self.counts.values())


@dataclass(frozen=True)
class Published:
    """The journal of a folder, of which the first so many records were acknowledged."""

    name: str
    journal: Journal
    records: int


def judge(settings: Settings, published: Sequence[Published], injected: Sequence[Sent]) -> Verdict:
    """Compare what was sent, the journal, what it means, the output topics and the tables."""
    found, verdict = meaning(settings), Verdict()
    verdict.records_in = found.records
    for one in published:
        verdict.broken("lost", _unsent(one, found))
    verdict.broken("lost", _unheard(injected, found))
    for topic in OUTPUTS:
        _compare_topic(settings, topic, found, verdict)
    _compare_latest(settings, found, verdict)
    _compare_refused(settings, injected, found, verdict)
    there, wanted = stored(settings), meant(settings)
    for table, held in there.items():
        _compare_table(table, held, wanted[table], verdict)
    verdict.forecasts = there["forecasts"].rows
    return verdict


def _unsent(published: Published, found: Meaning) -> list[str]:
    """Acknowledged records of a folder that the journal does not hold."""
    codec, missing = Codec(), []
    for first in range(0, published.records, _AT_ONCE):
        places = np.arange(first, min(first + _AT_ONCE, published.records))
        for place, payload in zip(places.tolist(), payloads(published.journal, codec, places), strict=True):
            if short(payload) not in found.payloads:
                missing.append(f"record {place} of {published.name} is not on the journal")
    return missing


def _unheard(injected: Sequence[Sent], found: Meaning) -> list[str]:
    """Sound records of public topics that were not forwarded, and injected ones that the journal lost."""
    codec, missing = Codec(), []
    for one in injected:
        if one.topic == JOURNAL and short(one.payload) not in found.payloads:
            missing.append(f"an injected record of the journal: {one.reason}")
        elif one.topic != JOURNAL and one.reason is None:
            name, record = codec.decode(one.payload)
            if identity(name, record) not in found.inputs:
                missing.append(f"{identity(name, record)} was not forwarded")
    return missing


def _compare_topic(settings: Settings, topic: str, found: Meaning, verdict: Verdict) -> None:
    there, wanted = contents(settings, Codec(), topic), found.outputs[topic]
    verdict.repeats += there.repeats
    held, asked = _flat(there), _flat(wanted)
    if topic == REJECTED:  # of public topics too: the journal says nothing of those
        held = {key: value for key, value in held.items() if key[1] == JOURNAL}
    verdict.broken("lost", [f"{topic} {key}" for key in sorted(asked.keys() - held.keys())])
    verdict.broken("differing", [f"{topic} {key} is not meant" for key in sorted(held.keys() - asked.keys())])
    other = [key for key in held.keys() & asked.keys() if held[key] != asked[key]]
    verdict.broken("differing", [f"{topic} {key}: {len(held[key])} values" for key in sorted(other)])
    if there.unreadable:
        verdict.broken("differing", [f"{topic}: {there.unreadable} records cannot be read"])


def _compare_latest(settings: Settings, found: Meaning, verdict: Verdict) -> None:
    codec, latest = Codec(), Contents()
    for message in read_newest(settings, FORECASTS_LATEST).values():
        latest.add(*codec.decode(message.value()))
    asked = _flat(found.outputs[FORECASTS])
    other = [key for key, value in _flat(latest).items() if asked.get(key) != value]
    verdict.broken("differing", [f"{FORECASTS_LATEST} {key}" for key in other])
    missing = found.outputs[FORECASTS].plants.keys() - latest.plants.keys()
    verdict.broken("lost", [f"{FORECASTS_LATEST} of {plant_id}" for plant_id in sorted(missing)])


def _flat(found: Contents) -> dict[tuple[object, ...], tuple[bytes, ...]]:
    return {key: values for known in found.plants.values() for key, values in known.items()}


def _compare_refused(settings: Settings, injected: Sequence[Sent], found: Meaning, verdict: Verdict) -> None:
    """Refused records by plant, bytes and reason: those that the journal means, and those injected for it."""
    scan = Scan(settings, Codec(), REJECTED)
    records = [one.record for one in scan]
    of_journal = {refusal(dict(one)) for one in records if one["topic"] == JOURNAL}
    verdict.refused = len(records)
    verdict.broken("rejected_differing", sorted(of_journal ^ found.refused))
    reasons = {(short(one["payload"]), one["reason"]) for one in records}
    unrefused = [
        one for one in injected if one.reason and (short(one.payload), one.reason.value) not in reasons
    ]
    verdict.broken("rejected_differing", [f"{one.topic} {one.reason} was not refused" for one in unrefused])


def _compare_table(table: str, there: Held, wanted: Held, verdict: Verdict) -> None:
    verdict.broken("doubled", [f"{table} {n}" for n in range(there.rows - len(there.values))])
    verdict.broken("lost", [f"{table} {key!r}" for key in wanted.values.keys() - there.values.keys()])
    verdict.broken("doubled", [f"{table} {key!r}" for key in there.values.keys() - wanted.values.keys()])
    both = there.values.keys() & wanted.values.keys()
    verdict.broken("differing", [f"{table} {k!r}" for k in both if there.values[k] != wanted.values[k]])
