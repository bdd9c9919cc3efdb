"""What the demo says at its end: skill, rows, faults, promises, the picture, and what to try next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.demo.latency import Latency
from cli.demo.plan import HINDSIGHT
from cli.demo.promises import Promise, Run
from cli.demo.summary import Scores
from cli.output import table

_COMMANDS: Final = (
    ".venv/bin/gridcast up && .venv/bin/gridcast serve    (the page, with a plant as if it stood there now)",
    "or, in a home of its own (GRIDCAST_HOME): .venv/bin/gridcast up",
    ".venv/bin/gridcast worker & .venv/bin/gridcast sink &",
    ".venv/bin/gridcast publish samples/la_haute_borne --speed 0 --to 2014-12-17",
    ".venv/bin/gridcast lag --wait && .venv/bin/gridcast train --fast --hindsight",
    ".venv/bin/gridcast publish samples/la_haute_borne --speed 3600 --from 2014-12-17",
    ".venv/bin/gridcast forecast la-haute-borne",
    ".venv/bin/gridcast status; .venv/bin/gridcast lag; .venv/bin/gridcast score live",
    ".venv/bin/gridcast replay --from 2014-12-20 --to 2014-12-22 --as again",
    ".venv/bin/gridcast plot; .venv/bin/gridcast down",
    ".venv/bin/gridcast demo --keep    (this demo again; its servers and all it holds stay)",
)


def lines(
    run: Run,
    promises: Sequence[Promise],
    document: Mapping[str, Any],
    took: Latency,
    seconds: Mapping[str, float],
    picture: Path,
) -> Iterator[str]:
    """Everything, line by line."""
    yield f"Skill of the {run.plan.stream_h // 24} streamed days, errors in % of capacity:"
    yield from table(_skill(run.scores))
    yield ""
    yield HINDSIGHT
    yield ""
    yield "Rows in PostgreSQL: " + ", ".join(f"{name} {n}" for name, n in document["rows"].items())
    yield (
        f"From Kafka's stamp of the telemetry to that of the forecast: {took.p50_ms:.0f} ms in the middle, "
        f"{took.p99_ms:.0f} ms for 99 of 100 ({took.n} forecasts)"
    )
    yield ""
    yield "The faults:"
    yield from _faults(run, took)
    yield ""
    yield "What was promised:"
    yield from (f"  {'ok  ' if one.kept else 'FAIL'} {one.text}: {one.found}" for one in promises)
    yield ""
    yield "Where the time went:"
    yield from (f"  {taken:5.0f} s  {title}" for title, taken in seconds.items())
    yield f"Picture: {picture}"
    yield ""
    yield from _next()


def _skill(scores: Scores) -> list[dict[str, Any]]:
    return [
        {
            "plant": plant_id,
            "horizon": one.horizon,
            "issues": one.n,
            "error": round(one.nmae, 2),
            "persistence": round(one.nmae_persistence, 2),
            "gain": f"{100 * one.skill:+.0f} %",
            "in the 80 % band": f"{100 * one.coverage80:.0f} %",
            "from weather": f"{100 * one.by_weather:.0f} %",
        }
        for plant_id, told in scores.items()
        for one in told
    ]


def _faults(run: Run, took: Latency) -> Iterator[str]:
    plan = run.plan
    hours = plan.silent_to_h - plan.silent_from_h
    for one in run.injected:
        yield f"  {one.what}: on records.rejected as {one.reason.value}, the rest flowed on"
    yield f"  {run.repeated} records sent twice: dropped as repeats"
    yield (
        f"  {plan.wind.plant_id} silent for {hours:.0f} h: forecasts went on from the weather alone; an "
        "alert opened and closed; the data that came late changed no forecast already made"
    )
    yield (
        f"  worker killed with SIGKILL: forecasts were back after {took.outage_s:.1f} s; {took.waited} had "
        "waited, none was lost, none came out differently"
    )


def _next() -> Iterator[str]:
    yield "What to try next, with servers that stay (.venv/bin/gridcast --help shows all):"
    yield from (f"  {command}" for command in _COMMANDS)
