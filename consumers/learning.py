"""How the losses of a release's networks fell while it was trained, out of its manifest in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

F8 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Mean losses by epoch of one network, shape (epochs,) each; `held_back` may be empty."""

    release: str
    stage: str
    train: F8
    held_back: F8


_RELEASES: Final = """
select name, version, manifest from releases
where %(version)s::text is null or version = %(version)s
order by known_at desc, valid_from desc
"""


def read_learning(cursor: cursor, version: str | None) -> list[Curve]:
    """The curves of the newest release (of this version, if one is given) that recorded any; none is [].

    Raises:
        InputError: there is no such version.
    """
    cursor.execute(_RELEASES, {"version": version})
    rows = cursor.fetchall()
    if version is not None and not rows:
        raise InputError(f"PostgreSQL holds no release {version}: see `gridcast models list`")
    for name, number, manifest in rows:
        found = curves(f"{name} {number}", _object(manifest))
        if found:
            return found
    return []


def curves(release: str, manifest: Mapping[str, Any]) -> list[Curve]:
    """The curves in a manifest; what has another shape is passed over."""
    learning = manifest.get("learning")
    if not isinstance(learning, Mapping):
        return []
    made = []
    for stage, losses in learning.items():
        if isinstance(losses, Mapping):
            train, held_back = (_numbers(losses.get(key)) for key in ("train", "held_back"))
            if train.size:
                made.append(Curve(release, str(stage), train, held_back))
    return made


def _object(manifest: Any) -> Mapping[str, Any]:
    found = json.loads(manifest) if isinstance(manifest, str) else manifest
    return found if isinstance(found, Mapping) else {}


def _numbers(values: Any) -> F8:
    try:
        return np.atleast_1d(np.asarray(values if values is not None else [], np.float64))
    except (TypeError, ValueError):
        return np.empty(0)
