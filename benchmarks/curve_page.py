"""`docs/learning-curve.md`, written from the curves that were measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.times import iso_day

Curve = Mapping[str, Any]
_WORDS = Path(__file__).parent


def page(curves: Sequence[Curve]) -> str:
    """A table for each curve, with the command that gives it."""
    intro = (_WORDS / "page_curve.md").read_text(encoding="utf-8")
    parts = [line for curve in curves for line in _curve(curve)]
    return "\n".join([intro, *parts]).rstrip() + "\n"


def name(curve: Curve) -> str:
    """What tells a curve from others."""
    first, end = iso_day(curve["from_ms"]), iso_day(curve["to_ms"])
    newcomer = f", newcomer {curve['newcomer']}" if curve["newcomer"] else ""
    return f"{curve['folder']}, {first} to {end}{newcomer}"


def _curve(curve: Curve) -> Iterator[str]:
    yield f"## {name(curve)}\n"
    yield _about(curve) + "\n"
    yield "```console"
    yield _command(curve)
    yield "```\n"
    horizons = list(curve["rows"][0]["horizons"]) if curve["rows"] else []
    heads = [f"nMAE {h}" for h in horizons] + [f"pinball {h}" for h in horizons] + ["80 % band"]
    yield f"| days | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    for row in curve["rows"]:
        own = [row["horizons"][h] for h in horizons]
        cells = [f"{one['nmae']:.2f}" for one in own] + [f"{one['pinball3']:.2f}" for one in own]
        yield f"| {row['days']} | {' | '.join(cells)} | {100 * row['coverage']:.0f} % |"
    yield ""


def _about(curve: Curve) -> str:
    quick = " Smaller trainings (`--fast`)." if curve["fast"] else ""
    if curve["newcomer"]:
        others = curve["plants"] - 1
        return f"The plant's own scores; {others} other plants have their whole history.{quick}"
    plants = "The one plant" if curve["plants"] == 1 else f"Means over {curve['plants']} plants, all"
    return f"{plants} with a history of so many days.{quick}"


def _command(curve: Curve) -> str:
    extra = f" --newcomer {curve['newcomer']}" if curve["newcomer"] else ""
    extra += " --fast" if curve["fast"] else ""
    extra += " --days " + ",".join(str(row["days"]) for row in curve["rows"])
    first, end = iso_day(curve["from_ms"]), iso_day(curve["to_ms"])
    return f"python -m benchmarks.learning_curve {curve['folder']} --from {first} --to {end}{extra}"
