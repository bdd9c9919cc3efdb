"""`docs/benchmarks.md`, written from `results.json` alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.speed.results import QUIET_LOAD

Document = dict[str, Any]
#: Figures of reading a journal: what each of them is.
READERS: Final = {
    "ingest": "gridcast, no forecast due, no units",
    "ingest_units": "gridcast, no forecast due, 8 units",
    "whole": "gridcast, a forecast each 15 min, 8 units",
    "two_workers": "gridcast, two workers, no units",
    "plain_loop": "confluent-kafka and fastavro, decoding only, no units",
    "plain_loop_units": "the same with 8 units",
    "ceiling": "confluent-kafka and the batch decoder, no units",
    "ceiling_units": "the same with 8 units",
    "faust": "Faust, record and table, no units",
    "quix": "Quix Streams, stateful apply, no units",
    "bytewax": "Bytewax, stateful map, no units",
}
INTRO: Final = """\
# Speed

Written by `make bench` from `.gridcast/bench/results.json`; do not edit by hand. What is measured, how and
why: [benchmarks/README.md](../benchmarks/README.md).

```console
make bench
make bench ONLY=ingest,plain_loop RUNS=1
```
"""


def page(results: Document) -> str:
    """The whole page."""
    parts = [
        INTRO,
        *_run(results),
        *_floors(results),
        *_readers(results),
        *_others(results),
        *_scaling(results),
    ]
    return "\n".join(parts).rstrip() + "\n"


def _run(results: Document) -> Iterator[str]:
    run = results["run"]
    machine = run["machine"]
    yield f"| run | {run['at']} |\n|---|---|"
    yield f"| command | `{run['command']}` |"
    yield f"| commit | {run['commit']} |"
    yield (
        f"| machine | {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"Python {machine['python']} |"
    )
    other = sorted(name for name, one in results["figures"].items() if one.get("run_at") != run["at"])
    if other:
        yield f"| older than this run | {', '.join(other)} |"
    noisy = run["load_at_start"] > QUIET_LOAD
    told = "**noisy: others worked on it; CPU a record is the figure to trust**" if noisy else "quiet"
    yield f"| load average | {run['load_at_start']} at the start, {run['load_at_end']} at the end: {told} |\n"


def _floors(results: Document) -> Iterator[str]:
    yield "## Floors\n\n| figure | promised | measured | kept |\n|---|---|---|---|"
    for one in results["floors"]:
        bound = f"at least {one['least']:,}" if one["least"] is not None else f"at most {one['most']:,}"
        kept = {None: "not measured", True: "yes", False: "**no**"}[one["kept"]]
        yield f"| {one['name']} | {bound} {one['unit']} | {number(one['value'])} {one['unit']} | {kept} |"
    yield ""


def _readers(results: Document) -> Iterator[str]:
    yield "## Reading a journal, one core\n"
    yield "Medians; `others` is the most cores that processes apart from the run took.\n"
    yield "| | CPU us a record | records/s | broker CPU us | runs | others |\n|---|---|---|---|---|---|"
    for name, words in READERS.items():
        found = results["figures"].get(name)
        if found is None:
            yield f"| {words} | not run | | | | |"
        elif found.get("none"):
            yield f"| {words} | {found['none'].splitlines()[0][:80]} | | | {found['runs']} | |"
        else:
            version = f" ({found['version']})" if "version" in found else ""
            cells = (found[k] for k in ("cpu_us_per_record", "records_per_s", "broker_cpu_us_per_record"))
            shown = " | ".join(number(one) for one in cells)
            yield f"| {words}{version} | {shown} | {found['runs']} | {number(found.get('others_cores'))} |"
    yield ""


def _others(results: Document) -> Iterator[str]:
    figures = results["figures"]
    restore, sink = figures.get("restore", {}), figures.get("sink", {})
    yield "## The rest\n\n| | |\n|---|---|"
    for shape in ("spread", "at_once"):
        one = figures.get("latency", {}).get(shape, {})
        words = f"{_shown(one, 'p50', 'p99')} ms of {number(one.get('n'))} forecasts"
        yield f"| latency {shape.replace('_', ' ')}, p50 / p99 | {words} |"
    yield f"| restore: first new forecast / all plants | {_shown(restore, 'restore_s', 'all_plants_s')} s |"
    yield f"| a round of all checkpoints, MB / s | {_shown(restore, 'round_mb', 'round_s')} |"
    memory = figures.get("memory", {})
    told = [
        ("under load, median", results["memory_mb"]),
        ("the most ever, restore included", memory.get("peak", {})),
        ("under load, shared pages in parts (PSS)", memory.get("shared", {})),
    ]
    for words, found in told:
        yield f"| memory {words}, at 1,000 / 2,000 plants | {_shown(found, '1000', '2000')} MB |"
    yield f"| memory of a restored worker with 1,000 plants | {_shown(restore, 'settled_mb')} MB |"
    yield f"| sink, rows/s / CPU us a row | {_shown(sink, 'rows_per_s', 'cpu_us_per_row')} |"
    year = "training_s_per_plant_year", "backtest_s_per_plant_year"
    yield f"| a plant-year: training / backtest of hourly issues | {_shown(results, *year)} s |\n"


def _shown(found: Document, *keys: str) -> str:
    return " / ".join(number(found.get(key)) for key in keys)


def _scaling(results: Document) -> Iterator[str]:
    found = results["figures"].get("scaling")
    if found is None:
        return
    yield "## As plants grow\n\n| plants | CPU us a record | records/s | broker CPU us |\n|---|---|---|---|"
    for plants in ("100", "1000", "10000"):
        one = found[plants]
        cells = (one[k] for k in ("cpu_us_per_record", "records_per_s", "broker_cpu_us_per_record"))
        yield f"| {int(plants):,} | {' | '.join(number(cell) for cell in cells)} |"


def number(value: float | None) -> str:
    """As much of a number as says something."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")
