"""`gridcast score`: how good the forecasts on a topic were."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.output import emit, json_option, progress, table
from cli.times import Moment, expect_order

if TYPE_CHECKING:
    from consumers.actuals import Measured
    from consumers.digest import TimeRange
    from consumers.scan import Advance
    from consumers.skill import Comparison, LeadSteps, Skill
    from infra.settings import Settings
    from schemas.codec import Codec

_T = TypeVar("_T")
LIVE = "live"
_SKILL = (
    "plant_id", "horizon", "n", "nmae", "nmae_persistence", "skill", "skill_smart", "mape", "r2", "pinball",
    "coverage80", "width80",
)  # fmt: skip
_AGAINST = (
    "plant_id", "horizon", "n", "nmae", "nmae_against", "skill_against", "pinball", "pinball_against",
)  # fmt: skip


@click.command(
    epilog="Example:  gridcast score live --from 2014-12-01 && gridcast score again --against live"
)
@click.argument("name")
@click.option("--against", metavar="OTHER", help="Forecasts to compare with, over the issues that both have.")
@click.option("--from", "from_ms", type=Moment(), help="Only issues at this time or later.")
@click.option("--to", "to_ms", type=Moment(), help="Only issues before this time.")
@json_option
def command(name: str, against: str | None, from_ms: int | None, to_ms: int | None, as_json: bool) -> None:
    """Skill of the forecasts NAME by plant and horizon: `live`, or the name of a replay.

    Forecasts come from their topic, actuals from the journal. nmae, pinball and width80 are in % of capacity;
    skill is the gain over persistence (1 is perfect, 0 no better), skill_smart that over a kept clear-sky
    index (solar); mape is the sum of absolute errors over the sum of actuals in %, r2 the share of the
    variance that is explained, both by day where the plant is solar; coverage80 should be near 0.8.
    """
    from consumers.digest import TimeRange
    from consumers.skill import compare, numbers, over_plants, skill
    from infra import settings
    from infra.registry import schema_ids
    from schemas.codec import Codec

    expect_order(from_ms, to_ms)
    found = settings.load()
    source = _Source(found, Codec(schema_ids(found)), TimeRange(from_ms, to_ms), as_json)
    steps = source.steps(name)
    others = source.steps(against) if against is not None else {}
    measured = source.measured(steps)
    skills = [
        one for plant_id, own in _met(steps, measured) for one in skill(plant_id, own, measured[plant_id])
    ]
    skills += over_plants(skills) if len({one.plant_id for one in skills}) > 1 else []
    compared = [
        one
        for plant_id, own in _met(steps, measured)
        if plant_id in others
        for one in compare(plant_id, own, others[plant_id], measured[plant_id])
    ]
    document: dict[str, Any] = {"name": name, "scores": [numbers(one) for one in skills]}
    if against is not None:
        document |= {"against": against, "compared": [numbers(one) for one in compared]}
    emit(document, as_json, _lines(skills, compared, name, against))


def topic_of(name: str) -> str:
    """The forecast topic of a name. Raises `InputError` for a name that no replay can have."""
    from infra.topics import FORECASTS, replay_topics

    return FORECASTS if name == LIVE else replay_topics(name)[0].name


@dataclass(frozen=True)
class _Source:
    settings: Settings
    codec: Codec
    part: TimeRange
    quiet: bool

    def steps(self, name: str) -> dict[str, LeadSteps]:
        from consumers.lead_steps import read_steps

        topic = topic_of(name)
        return self._read(topic, lambda a: read_steps(self.settings, self.codec, topic, self.part, a))

    def measured(self, plants: Iterable[str]) -> dict[str, Measured]:
        from consumers.actuals import read_actuals
        from infra.topics import JOURNAL

        return self._read(JOURNAL, lambda a: read_actuals(self.settings, self.codec, plants, a))

    def _read(self, topic: str, reading: Callable[[Advance], _T]) -> _T:
        from consumers.scan import size

        with progress(f"read {topic}", size(self.settings, topic), self.quiet) as advance:
            return reading(lambda records: advance(records, ""))


def _met(steps: dict[str, LeadSteps], measured: dict[str, Measured]) -> list[tuple[str, LeadSteps]]:
    return [(plant_id, own) for plant_id, own in steps.items() if plant_id in measured]


def _lines(skills: list[Skill], compared: list[Comparison], name: str, against: str | None) -> Iterator[str]:
    from consumers.skill import numbers

    if not skills:
        yield f"no forecast of {name} has met its actual yet"
        return
    yield from table([numbers(one) for one in skills], _SKILL)
    if against is not None:
        yield f"against {against}, over the issues that both have:"
        yield from table([numbers(one) for one in compared], _AGAINST) if compared else ("none",)
