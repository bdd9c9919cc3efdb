"""What the demo promises, each looked at in what the run has left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cli.demo.counting import MATCHING, Counted
from cli.demo.faults import Injected
from cli.demo.plan import Plan, Sample
from consumers.stored_scores import HorizonScore
from consumers.tables import TABLES
from infra.topics import ANOMALIES

BEATEN_AT = ("1h", "6h")
ISSUE_MS = 900_000


@dataclass(frozen=True)
class Promise:
    """One sentence, whether it came true, and the numbers behind it."""

    text: str
    kept: bool
    found: str


@dataclass(frozen=True)
class Run:
    """What is needed to judge a run beside what it has left behind."""

    plan: Plan
    counted: Counted
    scores: Mapping[str, Sequence[HorizonScore]]
    injected: Sequence[Injected]
    repeated: int
    releases: tuple[str, str]
    adopted_by_same_worker: bool
    silences: Sequence[Mapping[str, object]]
    lag_records: int
    exit_codes: Mapping[str, int]


def judge(run: Run) -> list[Promise]:
    """Every promise, in the order in which they are told."""
    return [
        *_matching(run),
        _said_once(run),
        _refused(run),
        _repeats(run),
        *(_no_gap(run, sample) for sample in run.plan.samples),
        _silence(run),
        _rung(run),
        _taken_up(run),
        *_skill(run),
        Promise("everything was read to the end", run.lag_records == 0, f"{run.lag_records} records behind"),
        Promise(
            "worker and sink stopped cleanly",
            not any(run.exit_codes.values()),
            ", ".join(f"{name} {code}" for name, code in run.exit_codes.items()),
        ),
    ]


def _matching(run: Run) -> Iterator[Promise]:
    for topic, table in MATCHING.items():
        topic_count, rows = run.counted.identities(topic), run.counted.rows[table]
        yield Promise(
            f"identities on {topic} are rows of {table}",
            topic_count == rows and table in {one.name for one in TABLES},
            f"{topic_count} and {rows}",
        )
    telemetry = len(run.counted.journal.telemetry)
    rows = run.counted.rows["telemetry"]
    yield Promise(
        "accepted telemetry on the journal is rows of telemetry", telemetry == rows, f"{telemetry} and {rows}"
    )


def _said_once(run: Run) -> Promise:
    wrong = run.counted.contradictions()
    return Promise("nothing was said in two ways, the kill included", wrong == 0, f"{wrong} contradictions")


def _refused(run: Run) -> Promise:
    expected = {(one.partition, one.offset): (one.reason.value, one.payload) for one in run.injected}
    found = dict(run.counted.refused)
    return Promise(
        "exactly the bad records were refused, each for its reason, byte for byte",
        found == expected and bool(expected),
        f"{len(found)} refused, {len(expected)} put there",
    )


def _repeats(run: Run) -> Promise:
    changed = sum(len(values) > 1 for values in run.counted.journal.telemetry.values())
    return Promise(
        "the repeated block changed nothing",
        run.repeated > 0 and changed == 0 and run.counted.journal.repeats >= run.repeated,
        f"{run.repeated} sent again, {run.counted.journal.repeats} repeats dropped",
    )


def _no_gap(run: Run, sample: Sample) -> Promise:
    issued = {at for plant_id, at in run.counted.forecasts.appended_ms if plant_id == sample.plant_id}
    wanted = range(sample.stream_from_ms, sample.at(run.plan.stream_h), ISSUE_MS)
    missing = sum(at not in issued for at in wanted)
    return Promise(
        f"{sample.plant_id} had a forecast every 15 minutes",
        missing == 0,
        f"{missing} of {len(wanted)} missing",
    )


def _silence(run: Run) -> Promise:
    phases = [one["phase"] for one in run.silences]
    kept = bool(phases) and phases[0] == "open" and phases[-1] == "close"
    found = f"{len(phases)} records of the event on {ANOMALIES}"
    return Promise("the silent feed was noticed, and its end too", kept, found)


def _rung(run: Run) -> Promise:
    """Forecasts of the silence, once it had lasted two hours, came from the weather alone."""
    wind, plan = run.plan.wind, run.plan
    silent = range(wind.at(plan.silent_from_h + 2), wind.at(plan.silent_to_h), ISSUE_MS)
    rungs = [run.counted.forecasts.rungs.get((wind.plant_id, at), -1) for at in silent]
    lower = sum(rung == 1 for rung in rungs)
    return Promise(
        "without telemetry forecasts went on, from the weather alone",
        lower == len(silent),
        f"{lower} of {len(silent)}",
    )


def _taken_up(run: Run) -> Promise:
    versions = [run.counted.forecasts.releases.get(key, ("", ""))[1] for key in _last_issues(run)]
    first, second = run.releases
    used = {version for _, version in run.counted.forecasts.releases.values()}
    return Promise(
        "the running worker took up both releases",
        {first, second} <= used and set(versions) == {second} and run.adopted_by_same_worker,
        f"releases in use were {', '.join(sorted(used))}",
    )


def _last_issues(run: Run) -> Iterator[tuple[str, int]]:
    for sample in run.plan.samples:
        yield max(key for key in run.counted.forecasts.appended_ms if key[0] == sample.plant_id)


def _skill(run: Run) -> Iterator[Promise]:
    for sample in run.plan.samples:
        found = {one.horizon: one for one in run.scores[sample.plant_id]}
        for horizon in BEATEN_AT:
            one = found.get(horizon)
            yield Promise(
                f"{sample.plant_id} beats persistence at {horizon}",
                one is not None and one.nmae < one.nmae_persistence,
                f"{one.nmae:.2f} % against {one.nmae_persistence:.2f} %" if one else "no pair",
            )
