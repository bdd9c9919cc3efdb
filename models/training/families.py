"""The families of weather models: how each is trained, and which of them speak for a kind of plant."""

from __future__ import annotations

from dataclasses import dataclass, field

NAMES = ("boosting", "forest", "dense", "convolution")


@dataclass(frozen=True)
class BoostingConfig:
    """How the trees are grown."""

    trees: int = 150
    leaves: int = 31
    rate: float = 0.06
    feature_fraction: float = 0.3
    bagging: float = 0.7
    min_rows: int = 40
    l2: float = 1.0
    bins: int = 127
    extra_trees: bool = False
    max_rows: int = 60_000


@dataclass(frozen=True)
class ForestConfig:
    """How the forest is grown."""

    trees: int = 80
    leaf_rows: int = 5
    feature_fraction: float = 0.1  # looked at for each split
    bagging: float = 0.8
    bins: int = 127
    max_rows: int = 30_000


@dataclass(frozen=True)
class DenseConfig:
    """How the net is trained."""

    hidden: int = 128
    embedding: int = 8
    dropout: float = 0.2
    noise: float = 0.1  # on the inputs, in standard deviations
    masked: float = 0.05  # part of the rows that is shown without one of the run's columns
    epochs: int = 25
    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 1e-2
    members: int = 1
    max_rows: int = 80_000


@dataclass(frozen=True)
class ConvolutionConfig:
    """How the net is trained."""

    channels: int = 64
    local: int = 32
    dropout: float = 0.25
    noise: float = 0.2
    masked: float = 0.01  # of the inputs, each on its own, in a crop
    crop_h: int = 48
    epochs: int = 20
    batch: int = 8  # crops
    rate: float = 3e-3
    weight_decay: float = 1e-2
    members: int = 1
    most_batches: int = 400  # of an epoch


@dataclass(frozen=True)
class Plan:
    """The families that speak for a kind of plant, each with its weight, and by how much the distances of
    their mean to its median are stretched.
    """

    weights: tuple[tuple[str, float], ...]
    spread: float = 1.0
    pooled: bool = False  # trees of all plants together, as long as all their rows can be used
    boosting: BoostingConfig = field(default_factory=BoostingConfig)
    forest: ForestConfig = field(default_factory=ForestConfig)
    dense: DenseConfig = field(default_factory=DenseConfig)
    convolution: ConvolutionConfig = field(default_factory=ConvolutionConfig)

    def __post_init__(self) -> None:
        strange = [name for name, _ in self.weights if name not in NAMES]
        if strange or not self.weights:
            raise ValueError(f"no such family: {', '.join(strange) or 'none'}; there are {', '.join(NAMES)}")
        if min(weight for _, weight in self.weights) <= 0:
            raise ValueError("the weight of a family must be over 0")


WIND = Plan(
    weights=(("boosting", 2.0), ("convolution", 1.0), ("dense", 1.0)),
    spread=1.05,
    boosting=BoostingConfig(trees=250, leaves=15, extra_trees=True),
    dense=DenseConfig(hidden=192, dropout=0.35, epochs=40),
    convolution=ConvolutionConfig(members=2),
)
SOLAR = Plan(weights=(("boosting", 2.0), ("dense", 1.0)), pooled=True)


def small(trees: int = 60, **changes: float) -> Plan:
    """Boosting alone, quickly grown: for a first look."""
    settings = {"rate": 0.12, "bins": 63, "leaves": 15, "feature_fraction": 0.6, "max_rows": 20_000} | changes
    return Plan((("boosting", 1.0),), boosting=BoostingConfig(trees=trees, **settings))  # type: ignore[arg-type]
