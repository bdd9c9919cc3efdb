"""The model card of a release: its manifest as a page in Markdown for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

About = Mapping[str, Any]


def card(name: str, version: str, sha256: str, manifest: About) -> str:
    """The page. Everything in it comes from the manifest; what that does not say is not made up."""
    parts = [
        [f"# {name} {version}", ""],
        _summary(sha256, manifest),
        _use(manifest),
        _data(manifest),
        _verdict(manifest.get("verdict")),
        _scores(manifest.get("scores", {})),
        _corrections(manifest.get("corrections", {})),
        _settings(manifest.get("config", {})),
        _features(manifest),
    ]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _summary(sha256: str, manifest: About) -> list[str]:
    rows = {
        "artifact, SHA-256": f"`{sha256}`" if sha256 else None,
        "code of gridcast": manifest.get("code_version"),
        "code, SHA-256 of `models/`": _code(manifest.get("code_sha256")),
        "data": _span(manifest.get("data", {})),
        "data, SHA-256": _code(manifest.get("data", {}).get("sha256")),
        "trained again on all days after it was judged": _yes(manifest.get("refitted")),
        "one forecast of 66 steps": _unit(manifest.get("speed"), "forecast_us", "us"),
        "one weather run": _unit(manifest.get("speed"), "run_ms", "ms"),
        "withdrawn": (manifest.get("withdrawn") or {}).get("reason"),
    }
    return [*_table(("what", "value"), ((k, v) for k, v in rows.items() if v is not None)), ""]


def _use(manifest: About) -> list[str]:
    plants = manifest.get("plants", {})
    kinds = sorted({str(about.get("kind")) for about in plants.values()})
    lines = [
        "## What it is for",
        "",
        f"Quantiles of the mean power of {len(plants)} plant{'s' if len(plants) != 1 else ''}"
        f" ({', '.join(kinds)}), 15 min to 48 h ahead. It says nothing of plants that it was not trained on:",
        "those are on the physical start.",
        "",
    ]
    if manifest.get("hindsight"):
        lines += [
            "**Its weather was made after the fact** (a reanalysis): live scores will be lower than these.",
            "",
        ]
    return lines


def _data(manifest: About) -> list[str]:
    plants: Mapping[str, About] = manifest.get("plants", {})
    names = ("kind", "from", "to", "intervals", "clean_part", "weather_model", "weather_runs")
    rows = ((plant_id, *(about.get(key) for key in names)) for plant_id, about in plants.items())
    sources = (
        (source, about.get("runs"), _yes(about.get("hindsight")))
        for source, about in manifest.get("weather", {}).items()
    )
    return [
        "## What it learned from",
        "",
        *_table(("plant", *(name.replace("_", " ") for name in names)), rows),
        "",
        *_table(("weather", "runs", "made afterwards"), sources),
        "",
    ]


def _verdict(verdict: About | str | None) -> list[str]:
    if not isinstance(verdict, Mapping):
        return ["## Verdict", "", str(verdict), ""] if verdict else []
    test = verdict.get("test") or {}
    said = "promoted" if verdict.get("promoted") else "not promoted"
    lines = ["## Verdict", "", f"{said}: {verdict.get('reason')}", ""]
    if test:
        lines += [
            f"Diebold-Mariano test over {test.get('days')} days, all plants: better with"
            f" p = {test['p_better']}, worse with p = {test['p_worse']}.",
            "",
        ]
    rows = (
        (plant_id, *(one.get(key) for key in _COMPARED), (one.get("test") or {}).get("p_worse"))
        for plant_id, one in verdict.get("plants", {}).items()
    )
    titles = ("plant", "from", "days", "against", "pinball %", "champion's %", "p that it is worse")
    lines += [*_table(titles, rows), ""]
    return lines + [
        f"- {plant_id} was not judged: {why}" for plant_id, why in verdict.get("not_judged", {}).items()
    ]


_COMPARED = ("from", "days", "against", "candidate_pinball", "champion_pinball")


def _scores(scores: Mapping[str, Mapping[str, About]]) -> list[str]:
    names = ("n", "nmae", "nmae_persistence", "pinball", "coverage80")
    titles = ("plant", "lead", "hours", "error %", "persistence %", "pinball %", "in 80 % band")
    rows = (
        (plant_id, lead, *(leads[lead].get(key) for key in names))
        for plant_id, leads in scores.items()
        for lead in sorted(leads, key=lambda one: int(one.removesuffix("h")))
    )
    found = _table(titles, rows)
    return ["## Scores on the days held back", "", *found, ""] if found else []


def _corrections(found: About) -> list[str]:
    table: Mapping[str, About] = found.get("table", {})
    said = [f"`{found['serves']}` serves: {found.get('why')}.", ""] if "serves" in found else []
    leads = list(dict.fromkeys(lead for losses in table.values() for lead in losses))
    rows = ((f"`{name}`", *(losses.get(lead) for lead in leads)) for name, losses in table.items())
    tried = ["Mean pinball in % of capacity, on blocks of days that none of them saw.", ""] if table else []
    lines = [*said, *tried, *_table(("correction", *leads), rows)]
    return ["## Correction by telemetry", "", *lines, ""] if lines else []


def _settings(config: About) -> list[str]:
    rows = [(f"`{name}`", value) for name, value in _flat(config)]
    return ["## Settings", "", *_table(("setting", "value"), rows), ""] if rows else []


def _flat(config: About, before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in sorted(config.items()):
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _features(manifest: About) -> list[str]:
    found = manifest.get("features", {})
    lines = [f"- {key}: {', '.join(f'`{name}`' for name in names)}" for key, names in found.items()]
    names = manifest.get("correction_features", [])
    lines += [f"- correction: {', '.join(f'`{name}`' for name in names)}"] if names else []
    return ["## Features", "", *lines, ""] if lines else []


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """A table of Markdown; nothing for no rows."""
    body = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles), *body] if body else []


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _span(data: About) -> str | None:
    return f"{data['from']} to {data['to']}" if "from" in data and "to" in data else None


def _code(value: Any) -> str | None:
    return f"`{value}`" if value else None


def _yes(value: Any) -> str | None:
    return None if value is None else "yes" if value else "no"


def _unit(found: About | None, key: str, unit: str) -> str | None:
    value = (found or {}).get(key)
    return None if value is None else f"{value:.4g} {unit}"
