"""What one training does: the settings of every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from models.training.families import SOLAR, WIND, Plan, small

#: `told(stage, part)`: what is going on, and how much of it is done, 0 to 1.
Progress = Callable[[str, float], None]


def stage(progress: Progress, said: str) -> Callable[[float], None]:
    """Progress of one stage."""
    return lambda part: progress(said, part)


@dataclass(frozen=True)
class NetSettings:
    """How much the net is shown and for how long; the rest stands in `models/training/fit_network.py`."""

    rows: int = 400_000
    steps: int = 8  # of each issue
    epochs: int = 12
    members: int = 1  # a second one gained 0.3 % and costs as much again at every forecast


@dataclass(frozen=True)
class TrainConfig:
    """One training. `blind`: nothing that corrects by telemetry is trained, for a forecast that never sees
    any.
    """

    seed: int = 1
    threads: int = 2
    blind: bool = False
    hindsight: bool = False  # whether the weather was made after the fact, said in the manifest
    name: str = "gridcast"
    version: str = "1"
    code_version: str = "unknown"
    least_days: int = 60  # of history for a weather model of the plant's own
    newest_days: int | None = None  # train on these alone
    folds: int = 3  # of blocks of 10 days, for what the weather models say out of fold
    wind: Plan = WIND
    solar: Plan = SOLAR
    net: NetSettings = field(default_factory=NetSettings)
    corrections: tuple[str, ...] = ("net", "mean")  # by name, the preferred first

    def __post_init__(self) -> None:
        for name, value, least in (
            ("threads", self.threads, 1),
            ("folds", self.folds, 2),
            ("net.rows", self.net.rows, 1),
            ("net.steps", self.net.steps, 1),
            ("net.epochs", self.net.epochs, 1),
            ("net.members", self.net.members, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}: it must be at least {least}")

    @classmethod
    def full(cls, **changes: Any) -> TrainConfig:
        """Everything that the recipes found worth its time."""
        return replace(cls(), **changes)

    @classmethod
    def fast(cls, **changes: Any) -> TrainConfig:
        """A few seconds for a plant: for the demo and for tests."""
        net = NetSettings(rows=60_000, epochs=5, members=1)
        return replace(cls(folds=3, wind=small(), solar=small(), net=net, corrections=("net",)), **changes)
