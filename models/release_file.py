"""The file of a release: a safetensors container, so that reading it runs no code, with a probe in it that is
checked when it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import weather_file
from models.forecast import learned
from models.forecast.base import KNOTS, TRAILING_HOURS, CorrectionInput, Floats
from models.forecast.climatology import Climatology, Table
from models.forecast.closed_form import ClosedForm
from models.release import Release
from models.release_check import fault_of_release
from schemas.errors import ReleaseRefused

FORMAT = 3
MOST_BYTES = 1 << 30  # of an artifact; a plant of its own models takes half a megabyte
LONGEST = 200  # what is told of an exception
PROBE_TOLERANCE = 1e-4  # shares; another CPU may round otherwise, other weights are much further away
Tensors = dict[str, NDArray[Any]]


def save(release: Release) -> bytes:
    """The file of a release; the same bytes for the same release."""
    import safetensors.numpy

    tensors: Tensors = {
        "closed_form/weights": release.closed_form.weights,
        "closed_form/spread": release.closed_form.spread,
    }
    head: dict[str, Any] = {
        "format": FORMAT,
        "name": release.name,
        "version": release.version,
    }
    head |= {"manifest": dict(release.manifest), "climatology": {}, "correction": None}
    for key, table in release.climatology.tables.items():
        narrow = table.quantiles.dtype == np.float32  # as `load` keeps it
        tensors[f"climatology/{key}"] = table.quantiles.astype(np.float64) if narrow else table.quantiles
        head["climatology"][key] = table.of_clear_sky
    head["weather"], families = weather_file.packed(release.weather)
    tensors |= families
    for plant_id, columns in release.reference.items():
        tensors |= {f"reference/{plant_id}/{name}": values for name, values in columns.items()}
    if release.correction is not None:
        head["correction"] = release.correction.about()
        tensors |= {f"correction/{name}": tensor for name, tensor in release.correction.tensors.items()}
    tensors |= {f"probe/{name}": values for name, values in probe(release).items()}
    solid = {name: np.array(values, order="C") for name, values in tensors.items()}
    return bytes(safetensors.numpy.save(solid, {"gridcast": json.dumps(head, sort_keys=True)}))


def load(content: bytes, tried: bool = False) -> Release:
    """The release of a file. `tried`: its parts were, and only the probe is made again.

    Raises:
        ReleaseRefused: it is no such file, of another format, its numbers on the probe are not those it was
        saved with, or a part of it gives no numbers.
    """
    head, tensors = _read(content)
    said = {
        name.removeprefix("probe/"): values for name, values in tensors.items() if name.startswith("probe/")
    }
    try:
        release = _assemble(head, tensors, hashlib.sha256(content).hexdigest())
        _compare(probe(release), said)
        fault = None if tried else fault_of_release(release) or _fault_of_correction(release)
    except (ReleaseRefused, MemoryError):
        raise
    except Exception as error:  # its author chose what stands in it, so anything may be raised
        told = " ".join(repr(error).split())
        raise ReleaseRefused(f"the artifact is damaged or of another version: {told[:LONGEST]}") from error
    if fault is not None:
        raise ReleaseRefused(fault)
    return release


def _read(content: bytes) -> tuple[dict[str, Any], Tensors]:
    import safetensors
    import safetensors.numpy

    try:
        tensors = safetensors.numpy.load(content)
        size = int.from_bytes(content[:8], "little")
        head = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["gridcast"])
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReleaseRefused(f"the artifact is no release of gridcast: {error}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ReleaseRefused(f"the artifact's format is not {FORMAT}, which this version reads")
    return head, tensors


def _assemble(head: Mapping[str, Any], tensors: Tensors, sha256: str) -> Release:
    tables = {
        k: Table(_narrow(tensors[f"climatology/{k}"]), bool(of)) for k, of in head["climatology"].items()
    }
    closed_form = ClosedForm(tensors["closed_form/weights"], tensors["closed_form/spread"])
    return Release(
        name=str(head["name"]),
        version=str(head["version"]),
        sha256=sha256,
        climatology=Climatology(tables),
        closed_form=closed_form,
        correction=_correction(head["correction"], tensors),
        weather=weather_file.unpacked(head["weather"], tensors),
        reference=_reference(tensors),
        manifest=head["manifest"],
    )


def _correction(about: Mapping[str, Any] | None, tensors: Tensors) -> learned.LearnedCorrection | None:
    if about is None:
        return None
    prefix = "correction/"
    own = {n.removeprefix(prefix): values for n, values in tensors.items() if n.startswith(prefix)}
    return learned.load(about, own)


def _narrow(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """The same numbers in half the memory where that holds each of them, as it does what a training made:
    30 kB a plant in every worker.
    """
    small = values.astype(np.float32) if values.dtype == np.float64 else values
    return small if np.array_equal(small, values) else values


def _reference(tensors: Tensors) -> dict[str, dict[str, Floats]]:
    made: dict[str, dict[str, Floats]] = {}
    for name, values in tensors.items():
        if name.startswith("reference/"):
            plant_id, column = name.removeprefix("reference/").rsplit("/", 1)
            made.setdefault(plant_id, {})[column] = values
    return made


def probe(release: Release) -> dict[str, Floats]:
    """What the release says to fixed made-up inputs, model by model."""
    draw = np.random.default_rng(20_140_101)
    made = {"correction": release.correct(_probe_input(draw)).astype(np.float64)}
    return made | weather_file.probe(release.weather, draw)


def _probe_input(draw: np.random.Generator) -> CorrectionInput:
    issues, steps, knots = 6, 5, len(KNOTS)
    return CorrectionInput(
        plant_ids=["probe"] * issues,
        is_solar=np.arange(issues) % 2 == 1,
        last=draw.random(issues),
        last_age_s=np.zeros(issues),
        base_last=np.sort(draw.random((issues, knots))),
        trailing=draw.random((issues, TRAILING_HOURS)),
        base_trailing=np.sort(draw.random((issues, TRAILING_HOURS, knots))),
        usual_last=np.sort(draw.random((issues, knots))),
        usual_trailing=np.sort(draw.random((issues, TRAILING_HOURS, knots))),
        base=np.sort(draw.random((issues, steps, knots))),
        lead_s=np.tile(np.array([900.0, 3600.0, 10_800.0, 21_600.0, 86_400.0]), (issues, 1)),
        interval_s=np.full((issues, steps), 3600.0),
        daylight=np.ones((issues, steps), np.bool_),
        hour_of_day=np.full((issues, steps), 12.0),
        issue_hour=np.full(issues, 11.0),
        weather_based=np.tile(np.arange(steps) < 4, (issues, 1)),
        physical=np.zeros((issues, steps), np.bool_),
    )


def _fault_of_correction(release: Release) -> str | None:
    """The probe is of a plant that nobody knows; those that were trained on have numbers of their own."""
    x = _probe_input(np.random.default_rng(1))
    issues = len(x.plant_ids)
    known = () if release.correction is None else release.correction.plants
    for first in range(0, len(known), issues):
        some = known[first : first + issues]
        said = release.correct(replace(x, plant_ids=[some[i % len(some)] for i in range(issues)]))
        if not np.isfinite(said).all():
            return f"its correction of {', '.join(some)} gives numbers that are none"
    return None


def _compare(found: Mapping[str, Floats], said: Mapping[str, Floats]) -> None:
    if not set(found) <= set(said):
        raise ReleaseRefused("the artifact's probe does not name the models that are in it")
    for name, values in found.items():
        if values.shape != said[name].shape or not np.abs(values - said[name]).max() <= PROBE_TOLERANCE:
            raise ReleaseRefused(f"the artifact's {name} gives other numbers than when it was saved")
