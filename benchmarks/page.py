"""`docs/skill.md`, written from `results.json` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.catalog import BENCHMARKS, Benchmark

Result = Mapping[str, Any]

_WORDS: Final = Path(__file__).parent


def page(results: Mapping[str, Result]) -> str:
    """The page for what has been run; what has not is said so."""
    intro, rules = ((_WORDS / f"page_{name}.md").read_text(encoding="utf-8") for name in ("intro", "rules"))
    parts = [intro, *_summary(results), rules, *_competitions(results), *_horizons(results), *_how(results)]
    return "\n".join(parts).rstrip() + "\n"


def _summary(results: Mapping[str, Result]) -> Iterator[str]:
    yield "## Scores\n"
    yield "Lower is better. The unit is a share of capacity in competitions, else % of capacity.\n"
    heads = ("benchmark", "gridcast", "direct LightGBM", *_BESIDE[1:], "published")
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for one in BENCHMARKS:
        yield _row(one, results.get(one.name))
    yield ""


def _row(one: Benchmark, result: Result | None) -> str:
    if result is None:
        return f"| {one.title} | not run | | | | | | {_published(one)} |"
    if "missing" in result:
        return f"| {one.title} | data missing | | | | | | {_published(one)} |"
    beside = [_number(result["references"].get(name), one) for name in _BESIDE]
    quick = " (fast training)" if result.get("fast") else ""
    ours = f"**{_number(result['score'], one)}**{quick}"
    return f"| {one.title} | {ours} | {' | '.join(beside)} | {_published(one)} |"


_BESIDE: Final = ("lightgbm", "climatology", "persistence", "yesterday", "smart")


def _published(one: Benchmark) -> str:
    if not one.published:
        return ""
    first = one.published[0]
    return f"{first.score} ({first.who})"


def _competitions(results: Mapping[str, Result]) -> Iterator[str]:
    for one in BENCHMARKS:
        result = results.get(one.name)
        if one.kind == "competition" and result is not None and "missing" not in result:
            yield f"## {one.title}\n"
            yield f"{_plural(result['plants'])}, {result['from']} to {result['to']}, {_time(result)}.\n"
            yield "| published | months | its score | gridcast, the same months |\n|---|---|---|---|"
            for other in result["published"]:
                span = f"{other['first']} to {other['last']}"
                yield f"| {other['who']} | {span} | {other['score']} | {_number(other['ours'], one)} |"
            yield ""
            yield from _months(one, result)


def _months(one: Benchmark, result: Result) -> Iterator[str]:
    names = list(result["months"])
    yield f"| month | {' | '.join('gridcast' if name == 'ours' else name for name in names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for month in result["months"]["ours"]:
        cells = [_number(result["months"][name].get(month), one) for name in names]
        yield f"| {month} | {' | '.join(cells)} |"
    yield ""


_COLUMNS: Final = (
    ("pinball3", "pinball"),
    ("lightgbm", "LightGBM"),
    ("ratio", "ratio"),
    ("nmae", "nMAE"),
    ("weather_only", "without telemetry"),
    ("lightgbm_nmae", "LightGBM nMAE"),
    ("persistence", "persistence nMAE"),
    ("yesterday", "yesterday nMAE"),
    ("smart", "smart nMAE"),
    ("coverage", "80 % band"),
    ("lightgbm_coverage", "LightGBM band"),
)


def _horizons(results: Mapping[str, Result]) -> Iterator[str]:
    for one in BENCHMARKS:
        result = results.get(one.name)
        if one.kind == "intraday" and result is not None and "missing" not in result:
            yield f"## {one.title}\n"
            yield (
                f"{_plural(result['plants'])}, {result['from']} to {result['to']}, {_time(result)}. "
                f"Mean of the horizons' ratios: {_number(result['mean_ratio'], one)}.\n"
            )
            yield f"| horizon | {' | '.join(title for _, title in _COLUMNS)} | MAPE % | R2 |"
            yield "|---" * (len(_COLUMNS) + 3) + "|"
            for row in result["horizons"]:
                own = result["scores"].get(row["horizon"], {})
                cells = [_number(row.get(key), one) for key, _ in _COLUMNS]
                cells += [_number(own.get("mape"), one), _number(own.get("r2"), one)]
                yield f"| {row['horizon']} | {' | '.join(cells)} |"
            yield ""
            yield from _plants(one, result["by_plant"])


def _plants(one: Benchmark, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(row["plant"] for row in rows))
    yield "| plant | pinball | LightGBM | 80 % band |\n|---|---|---|---|"
    for name in names:
        own = [row for row in rows if row["plant"] == name]
        cells = [_number(_mean(row[key] for row in own), one) for key in ("pinball3", "lightgbm", "coverage")]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _how(results: Mapping[str, Result]) -> Iterator[str]:
    yield "## The command of each row, and the months it was tuned on\n"
    for one in BENCHMARKS:
        if one.late_s:
            continue
        result = results.get(one.name, {})
        first, end = result.get("from", one.ranges[0][0]), result.get("to", one.ranges[0][1])
        yield f"{one.title}; tuned on: {one.tuned_on}.\n"
        yield "```console"
        yield f"make skill ONLY={one.name}"
        flags = " ".join(one.flags) + _levels(one)
        yield f"gridcast backtest {one.folder} --from {first} --to {end} {flags} --out out"
        if one.kind == "intraday":
            yield f"python -m benchmarks.compare {one.folder} out/forecasts.parquet --train-until {first}"
            yield f"make skill ONLY={one.name}-late  # the row with weather 6 h late"
        yield "```\n"


def _plural(plants: int) -> str:
    return "1 plant" if plants == 1 else f"{plants} plants"


def _levels(one: Benchmark) -> str:
    if len(one.levels) == 9:
        return ""
    return " --levels " + ",".join(f"{level:g}" for level in one.levels)


def _time(result: Result) -> str:
    return f"{result['rows']:,} rows in {result['seconds']:.0f} s on {result['cores']} cores"


def _number(value: float | None, one: Benchmark) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.5f}" if one.kind == "competition" else f"{value:.3f}"


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
