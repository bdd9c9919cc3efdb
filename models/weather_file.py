"""The part of a release's file that holds weather models; a family that several plants share stands once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from models.forecast.base import HOUR_MS, Floats
from models.forecast.blend import FAMILIES, Blend, Family
from models.forecast.boosting import Tensors
from models.forecast.weather_features import CLEAR_PANEL, RunFeatures, RunShape

PROBE_HOURS = 12
#: Of plants whose models have the same members so many are asked: the members are what may say other numbers.
PROBED_OF_EACH = 8


def packed(models: Mapping[str, Blend]) -> tuple[dict[str, Any], Tensors]:
    """Head and tensors of the models by plant."""
    models, shared = dict(sorted(models.items())), list[Family]()
    for model in models.values():
        shared += [one for one in model.members if not any(one is other for other in shared)]
    tensors: Tensors = {}
    heads = []
    for i, member in enumerate(shared):
        head, own = member.packed()
        heads.append({"family": member.family, **head})
        tensors |= {f"family/{i}/{name}": values for name, values in own.items()}
    plants = {
        key: {
            "members": [next(i for i, other in enumerate(shared) if other is one) for one in model.members],
            "weights": model.weights,
            "spread": model.spread,
            "needed": model.needed,
            "sources": model.sources,
            "columns": model.shape.columns,
            "points": model.shape.points,
        }
        for key, model in models.items()
    }
    return {"families": heads, "plants": plants}, tensors


def unpacked(head: Mapping[str, Any], tensors: Tensors) -> dict[str, Blend]:
    """The models of `packed`."""
    shared = []
    for i, about in enumerate(head["families"]):
        prefix = f"family/{i}/"
        own = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        shared.append(FAMILIES[about["family"]].unpacked(about, own))
    return {key: _blend(about, shared) for key, about in head["plants"].items()}


def _blend(about: Mapping[str, Any], shared: list[Any]) -> Blend:
    return Blend(
        members=tuple(shared[i] for i in about["members"]),
        weights=tuple(float(weight) for weight in about["weights"]),
        spread=float(about["spread"]),
        needed=tuple(about["needed"]),
        sources=tuple(about["sources"]),
        shape=RunShape(tuple(about["columns"]), tuple(about["points"])),
    )


def probe(models: Mapping[str, Blend], draw: np.random.Generator) -> dict[str, Floats]:
    """What models say to a made-up run each: some of those that have the same members."""
    hours_ms = np.arange(PROBE_HOURS, dtype=np.int64) * HOUR_MS
    made, asked = dict[str, Floats](), Counter[tuple[int, ...]]()
    for key, model in sorted(models.items()):
        names = sorted({*model.names, *model.needed})
        columns = {name: draw.normal(5.0, 4.0, PROBE_HOURS) for name in names}
        never_negative = [name for name in (CLEAR_PANEL, "sun_elevation_deg") if name in columns]
        columns |= {name: np.abs(columns[name]) for name in never_negative}
        same = tuple(map(id, model.members))
        asked[same] += 1
        if asked[same] > PROBED_OF_EACH:
            continue
        made[f"weather/{key}"] = model.of_features(key, RunFeatures(hours_ms, columns), hours_ms)
    return made
