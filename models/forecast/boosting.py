"""Quantile boosting: gradient-boosted trees, one ensemble for each knot, served one row at a time alike."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Floats, Ints
from models.forecast.weather_features import RunFeatures

if TYPE_CHECKING:
    import lightgbm

Tensors = dict[str, NDArray[Any]]
#: All trees of a model; a few kB of zeros must not fill the memory of every worker.
LONGEST_TEXT = 512 << 20


@dataclass(frozen=True, eq=False)
class Boosting:
    """Trees as LightGBM writes them (`texts`, one for each knot) on named features."""

    family: ClassVar[str] = "boosting"
    names: tuple[str, ...]
    texts: tuple[str, ...]

    @cached_property
    def _boosters(self) -> list[lightgbm.Booster]:
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:  # noqa: ARG002 - one plant, or alike for all
        """Quantiles (n, 13) of hours, not in order yet."""
        return self.of_matrix(made.matrix(self.names, hours_ms))

    def of_matrix(self, matrix: NDArray[np.floating]) -> Floats:
        """The same from named features (n, len(names))."""
        return np.stack([np.asarray(b.predict(matrix, num_threads=1)) for b in self._boosters], axis=1)

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """What a release file holds of it."""
        return {"names": self.names}, {"texts": pack_text("\0".join(self.texts))}

    @classmethod
    def unpacked(cls, head: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Boosting:
        """The model of what a release file holds."""
        return cls(tuple(head["names"]), tuple(unpack_text(tensors["texts"]).split("\0")))


def pack_text(text: str) -> NDArray[Any]:
    """A text as compressed bytes."""
    return np.frombuffer(zlib.compress(text.encode(), 6), np.uint8)


def unpack_text(packed: NDArray[Any]) -> str:
    """The text of `pack_text`.

    Raises:
        zlib.error, ValueError: it is none, or longer than any that was ever packed.
    """
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed.tobytes(), LONGEST_TEXT)
    if not unpacking.eof:
        raise ValueError(f"a text is cut short, or longer than {LONGEST_TEXT} bytes")
    return text.decode()
