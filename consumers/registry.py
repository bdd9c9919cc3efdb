"""What the sink knows of the plants at a place in the journal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from models.validate import Verdicts, validate, versions_of
from schemas.journal import TelemetryColumns
from schemas.records import PlantVersion


@dataclass(frozen=True)
class Registry:
    """What holds of every plant that was read so far: its versions, oldest `valid_from` first."""

    versions: Mapping[str, tuple[PlantVersion, ...]] = field(default_factory=dict)

    def __contains__(self, plant_id: str) -> bool:
        return plant_id in self.versions

    def with_plants(self, plants: Iterable[PlantVersion]) -> "Registry":
        """The registry after these versions, read in the order of the journal; a later one wins a tie."""
        made = dict(self.versions)
        for plant in plants:
            known = [v for v in made.get(plant.plant_id, ()) if v.valid_from_ms != plant.valid_from_ms]
            made[plant.plant_id] = tuple(sorted((*known, plant), key=lambda one: one.valid_from_ms))
        return Registry(made)

    def judge(self, rows: TelemetryColumns) -> Verdicts:
        """The verdict on each row, as the worker gives it."""
        return validate(rows, versions_of(rows, self.versions))
