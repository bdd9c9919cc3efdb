"""One protocol for every correction that was learned, and how one is read from a release by the name of its
family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.forecast.base import CorrectionInput, Flags, Singles
from models.forecast.network import Network
from models.forecast.sequence import SequenceNet


class LearnedCorrection(Protocol):
    """A correction with weights: one for all plants and lead times, on top of the closed form."""

    @property
    def plants(self) -> tuple[str, ...]:
        """The plants that it was trained on; others are taken for a mean plant."""
        ...

    @property
    def tensors(self) -> Mapping[str, Singles]:
        """Its weights by name."""
        ...

    def about(self) -> dict[str, Any]:
        """What beside its weights is needed to make it again; JSON-able, with its `family`."""
        ...

    def correct(self, x: CorrectionInput, start: Singles) -> Singles:
        """Quantiles (N, S, 13), rising along the last axis, where the closed form says `start`.

        Issues without a last value stay with `start`. The same bits in whatever batch an issue stands.
        """
        ...


@dataclass(frozen=True)
class Mixture:
    """The mean of the closed form and a learned correction, quantile by quantile."""

    part: LearnedCorrection
    closed_form: float = 0.5  # its weight

    @property
    def plants(self) -> tuple[str, ...]:
        """Those of the part."""
        return self.part.plants

    @property
    def tensors(self) -> Mapping[str, Singles]:
        """Those of the part."""
        return self.part.tensors

    def about(self) -> dict[str, Any]:
        """See `LearnedCorrection`."""
        return {"family": "mean", "closed_form": self.closed_form, "part": self.part.about()}

    def correct(self, x: CorrectionInput, start: Singles) -> Singles:
        """See `LearnedCorrection`."""
        other = self.part.correct(x, start)
        return other + np.float32(self.closed_form) * (start - other)


def load(about: Mapping[str, Any], tensors: Mapping[str, Singles]) -> LearnedCorrection:
    """The correction of a release.

    Raises:
        KeyError, ValueError: its family is unknown, or its weights are not those of that family.
    """
    family = about["family"]
    if family == "mean":
        return Mixture(load(about["part"], tensors), float(about["closed_form"]))
    if family == "net":
        return Network(tensors, tuple(about["plants"]), int(about["members"]))
    encoder, _, form = str(family).partition("-")
    return SequenceNet(tensors, tuple(about["plants"]), encoder, form)


def trusted(correction: LearnedCorrection, x: CorrectionInput) -> Flags:
    """Steps (N, S) that a learned correction may speak of: on trained weather, and on the climatology of a
    plant that it knows; never on the physical start.
    """
    if x.weather_based.all():
        return ~x.physical
    plants = set(correction.plants)
    known = np.array([plant_id in plants for plant_id in x.plant_ids], np.bool_)
    return np.asarray(~x.physical & (x.weather_based | known[:, None]))
