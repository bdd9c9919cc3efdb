"""Quantile boosting: gradient-boosted trees, one ensemble for each knot, served one row at a time alike."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
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
    def _together(self) -> lightgbm.Booster:
        """All ensembles as one of so many classes: a call costs as much as a run's trees."""
        import lightgbm

        return lightgbm.Booster(model_str=as_classes(self.texts))

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:  # noqa: ARG002 - one plant, or alike for all
        """Quantiles (n, 13) of hours, not in order yet."""
        return self.of_matrix(made.matrix(self.names, hours_ms))

    def of_matrix(self, matrix: NDArray[np.floating]) -> Floats:
        """The same from named features (n, len(names))."""
        # Raw: the sums of leaves, which is what a quantile's ensemble says.
        return np.asarray(self._together.predict(matrix, raw_score=True, num_threads=1))

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """What a release file holds of it."""
        return {"names": self.names}, {"texts": pack_text("\0".join(self.texts))}

    @classmethod
    def unpacked(cls, head: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Boosting:
        """The model of what a release file holds."""
        return cls(tuple(head["names"]), tuple(unpack_text(tensors["texts"]).split("\0")))


def as_classes(texts: Sequence[str]) -> str:
    """One model of as many classes as there are, each with the trees of one; sums are added in the same
    order, so they are the same bits.

    Raises:
        ValueError: one is no model of one class, or of other features than the first.
    """
    count = len(texts)
    heads, trees = zip(*(_trees(text) for text in texts), strict=True)
    widths = [_WIDTH.findall(head) for head in heads]
    if any(width != widths[0] for width in widths):  # they would read beyond the row
        raise ValueError("the trees of the knots are of different features")
    rounds = max(map(len, trees))
    each = [own + [_NOTHING] * (rounds - len(own)) for own in trees]
    turns = (own[turn] for turn in range(rounds) for own in each)
    numbered = "".join(f"Tree={number}\n{body}\n\n\n" for number, body in enumerate(turns))
    head = heads[0]
    for name in ("num_class", "num_tree_per_iteration"):
        if f"\n{name}=1\n" not in head:
            raise ValueError(f"the trees of a knot say no {name}=1")
        head = head.replace(f"\n{name}=1\n", f"\n{name}={count}\n")
    return f"{_SIZES.sub('', head)}\n{numbered}end of trees\n"


def _trees(text: str) -> tuple[str, list[str]]:
    """What stands before a model's trees, and each of them without its number."""
    found, end, _ = text.partition("\nend of trees")
    if not end:
        raise ValueError("the trees of a knot have no end")
    head, *trees = _TREE.split(found)
    return head, [tree.strip("\n") for tree in trees]


_TREE = re.compile(r"^Tree=\d+\n", re.MULTILINE)
_SIZES = re.compile(r"^tree_sizes=.*\n", re.MULTILINE)  # they would be others
_WIDTH = re.compile(r"^max_feature_idx=.*$", re.MULTILINE)
_NOTHING = "num_leaves=1\nnum_cat=0\nleaf_value=0\nis_linear=0\nshrinkage=1"


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
