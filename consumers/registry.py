"""What the sink knows of the plants at a place in the journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from models.validate import Verdicts, validate
from schemas.journal import TelemetryColumns
from schemas.records import PlantVersion


@dataclass(frozen=True)
class Registry:
    """Every version of every plant that was read so far, by plant, oldest `valid_from` first."""

    versions: Mapping[str, tuple[PlantVersion, ...]] = field(default_factory=dict)

    def __contains__(self, plant_id: str) -> bool:
        return plant_id in self.versions

    def with_plants(self, plants: Iterable[PlantVersion]) -> "Registry":
        """The registry after these versions, read in the order of the journal; a later one wins a tie."""
        made = dict(self.versions)
        for plant in plants:
            known = made.get(plant.plant_id, ())
            if plant not in known:
                made[plant.plant_id] = tuple(sorted((*known, plant), key=lambda one: one.valid_from_ms))
        return Registry(made)

    def judge(self, rows: TelemetryColumns) -> Verdicts:
        """The verdict on each row, by the version of its plant that held at its event time.

        Before the first version the first one holds.
        """
        first, versions = self._numbered(rows.plant_ids)
        number = first[rows.plant]
        for place, plant_id in enumerate(rows.plant_ids):
            known = self.versions.get(plant_id, ())
            if len(known) > 1:
                mine = rows.plant == place
                number[mine] += _version_at(known, rows.event_time_ms[mine])
        names = [str(at) for at in range(len(versions))]
        held = {name: version for name, version in zip(names, versions, strict=True) if version is not None}
        return validate(replace(rows, plant=number, plant_ids=names), held)

    def _numbered(self, plant_ids: list[str]) -> tuple[NDArray[np.int32], list[PlantVersion | None]]:
        """All versions of these plants in a row (None for an unknown plant), and where each plant's begin."""
        versions: list[PlantVersion | None] = []
        first = np.zeros(len(plant_ids), np.int32)
        for place, plant_id in enumerate(plant_ids):
            first[place] = len(versions)
            versions += self.versions.get(plant_id) or [None]
        return first, versions


def _version_at(known: tuple[PlantVersion, ...], event_time_ms: NDArray[np.int64]) -> NDArray[np.int32]:
    starts_ms = np.array([version.valid_from_ms for version in known])
    held = np.searchsorted(starts_ms, event_time_ms, side="right") - 1
    return np.maximum(held, 0).astype(np.int32)
