"""`gridcast digest`: a hash of what a topic says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_option, progress, table
from cli.times import Moment, expect_order

if TYPE_CHECKING:
    from consumers.differences import Compared, Difference
    from consumers.digest import Contents, TimeRange
    from infra.settings import Settings
    from schemas.codec import Codec


@click.command(
    epilog="Example:  gridcast digest power.forecasts --diff power.forecasts.again --from 2014-12-01"
)
@click.argument("topic")
@click.option("--from", "from_ms", type=Moment(), help="Only what is of this time or later.")
@click.option("--to", "to_ms", type=Moment(), help="Only what is of before this time.")
@click.option("--diff", "other", metavar="OTHER", help="Another topic: show where the two differ.")
@click.option("--limit", type=click.IntRange(0), default=10, show_default=True, help="Differences to show.")
@json_option
def command(
    topic: str, from_ms: int | None, to_ms: int | None, other: str | None, limit: int, as_json: bool
) -> int:
    """A SHA-256 of the identities and values on a topic, for each plant and in all.

    Repeats are removed and the order is that of identities; offsets, known_at, Kafka's timestamps and
    workers' names are not part of it. Forecasts are of their issued_at, scores of their valid_at, everything
    else of its event_time. Ends with 1 where one identity has two values, and where two topics differ.
    """
    from consumers.digest import TimeRange
    from infra import settings
    from infra.registry import schema_ids
    from schemas.codec import Codec

    expect_order(from_ms, to_ms)
    found = settings.load()
    look = _Look(found, Codec(schema_ids(found)), TimeRange(from_ms, to_ms), limit, as_json)
    left = look.read(topic)
    lines = [*_lines(left)]
    document = {"topic": topic, **_told(left)}
    wrong = look.contradictions(topic, left, document, lines)
    if other is not None:
        wrong |= look.difference((topic, other), left, document, lines)
    emit(document, as_json, lines)
    return int(wrong)


@dataclass(frozen=True)
class _Look:
    """What the command looks with, and how much of it is shown."""

    settings: Settings
    codec: Codec
    part: TimeRange
    limit: int
    quiet: bool

    def read(self, topic: str) -> Contents:
        from consumers.digest import contents
        from consumers.scan import size

        with progress(f"read {topic}", size(self.settings, topic), self.quiet) as advance:
            return contents(self.settings, self.codec, topic, self.part, lambda records: advance(records, ""))

    def contradictions(self, topic: str, read: Contents, document: dict[str, Any], lines: list[str]) -> bool:
        """Add what one topic says in two ways; True where it does."""
        from consumers.differences import within

        places = read.conflicts()
        if not places:
            return False
        shown = within(self.settings, self.codec, topic, places[: self.limit])
        document["contradictions"] = [_document(one) for one in shown]
        lines.append(f"ALARM: {len(places)} identities on {topic} have two values")
        lines += _shown(shown, ("one", "other"))
        return True

    def difference(
        self, topics: tuple[str, str], left: Contents, document: dict[str, Any], lines: list[str]
    ) -> bool:
        """Add where two topics differ; True where they do, or where the other contradicts itself."""
        from consumers.differences import between, compare

        right = self.read(topics[1])
        found: dict[str, Any] = {"topic": topics[1], **_told(right)}
        wrong = self.contradictions(topics[1], right, found, lines)
        parts = compare(left, right)
        pairs = parts.in_time()
        shown = between(self.settings, self.codec, topics, pairs[: self.limit])
        found |= {"same": parts.same, "differing": parts.by_plant()}
        if pairs:
            found["first"] = {"plant_id": pairs[0].place[0], "time": iso(pairs[0].time_ms)}
        document["diff"] = {**found, "differences": [_document(one) for one in shown]}
        lines += [*_compared(topics, right, parts), *_shown(shown, topics)]
        return wrong or not parts.same


def _told(read: Contents) -> dict[str, Any]:
    plants = [
        {"plant_id": plant_id, "identities": len(read.plants[plant_id]), "sha256": sha256}
        for plant_id, sha256 in read.digests().items()
    ]
    return {
        "sha256": read.digest(),
        "records": read.records,
        "identities": sum(len(known) for known in read.plants.values()),
        "repeats": read.repeats,
        "corrections": read.corrections,
        "conflicts": len(read.conflicts()),
        "unreadable": read.unreadable,
        "foreign": read.foreign,
        "plants": plants,
    }


def _lines(read: Contents) -> Iterator[str]:
    told = _told(read)
    rows = [{**one, "plant_id": one["plant_id"] or "(no plant)"} for one in told["plants"]]
    yield from table([*rows, {"plant_id": "all", "identities": told["identities"], "sha256": told["sha256"]}])
    counts = [
        f"{told[name]} {name}" for name in ("repeats", "corrections", "unreadable", "foreign") if told[name]
    ]
    yield ", ".join([f"{told['records']} records", *counts])


def _compared(topics: tuple[str, str], right: Contents, parts: Compared) -> Iterator[str]:
    topic, other = topics
    yield f"{other}: {right.digest()}"
    if parts.same:
        yield f"{topic} and {other} say the same" + ("" if right.records else ": nothing")
        return
    yield (
        f"{topic} and {other} DIFFER: {len(parts.differing)} with other values, "
        f"{len(parts.only_left)} only in {topic}, {len(parts.only_right)} only in {other}"
    )
    firsts = parts.first_by_plant()
    rows = [{"plant_id": p, **counts, "first": iso(firsts[p])} for p, counts in parts.by_plant().items()]
    yield from table(rows, ("plant_id", "differing", "only_left", "only_right", "first"))
    first = min(firsts, key=lambda plant_id: (firsts[plant_id], plant_id))
    yield f"the first difference is of {first or 'no plant'} at {iso(firsts[first])}; more may follow from it"


def _shown(differences: list[Difference], sides: tuple[str, str]) -> Iterator[str]:
    for one in differences:
        key = ", ".join(f"{name} {_value(name, value)}" for name, value in one.key.items())
        missing = [side for side, record in zip(sides, (one.left, one.right), strict=True) if record is None]
        yield f"{one.name} {key}" + (f": not in {missing[0]}" if missing else "")
        for f in one.fields:
            place = f"[{f.place}]" if f.place >= 0 else ""
            of = ", ".join(f"{name} {_value(name, value)}" for name, value in f.of)
            more = f" ({f.count} values differ, by up to {f.largest:g})" if f.count > 1 else ""
            told = f"{_value(f.field, f.left)} | {_value(f.field, f.right)}{more}"
            yield f"    {f.field}{place}: {told}" + (f" at {of}" if of else "")
        for name, (left, right) in one.provenance.items():
            yield f"    made from {name}: {_value(name, left)}" + (
                f" | {_value(name, right)}" if left != right and not missing else ""
            )
        yield from (f"    why: {reason}" for reason in one.reasons)


def _document(one: Difference) -> dict[str, Any]:
    fields = [
        {
            "field": f.field,
            "place": f.place,
            "of": {name: _value(name, value) for name, value in f.of},
            "values": f.count,
            "largest": None if f.largest != f.largest else f.largest,
            "left": _value(f.field, f.left),
            "right": _value(f.field, f.right),
        }
        for f in one.fields
    ]
    provenance = {
        name: {"left": _value(name, left), "right": _value(name, right)}
        for name, (left, right) in one.provenance.items()
    }
    return {
        "plant_id": one.plant_id,
        "record": one.name,
        "key": {name: _value(name, value) for name, value in one.key.items()},
        "in_left": one.left is not None,
        "in_right": one.right is not None,
        "fields": fields,
        "provenance": provenance,
        "reasons": one.reasons,
    }


def _value(name: str, value: Any) -> Any:
    """A value for people: times as times."""
    is_time = name.endswith(("_at", "_from", "_time")) and isinstance(value, int)
    return iso(value) if is_time else value
