"""One training from the histories to a release that serves, or to why it does not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cli import training
from cli.output import note, progress
from cli.releasing import Releases, write_beside
from consumers.trainings import Training
from models.retraining import Outcome
from models.training import gate, hold_back
from models.training.gate import Verdict
from schemas.records import ReleaseRecord, ReleaseRole

if TYPE_CHECKING:
    from infra.settings import Settings
    from models.release import Release
    from models.training.config import TrainConfig
    from models.training.dataset import PlantHistory
    from models.training.fitness import Fitness
    from models.training.hold_back import Split


@dataclass
class Job:
    """One training, from the histories to what became of it; `serve` names the plants that it is for, empty
    for all.
    """

    settings: Settings
    releases: Releases
    known: list[PlantHistory]
    config: TrainConfig
    serve: tuple[str, ...]
    refit: bool
    role: ReleaseRole
    force: bool
    quiet: bool
    job_id: int | None = None
    candidate: Release | None = None
    speed: Fitness | None = None
    record: ReleaseRecord | None = None
    shadows: list[ReleaseRecord] = field(default_factory=list)
    verdict: Verdict = field(default_factory=lambda: Verdict(False, "nothing was judged"))

    def run(self, hold_back_days: int) -> None:
        """Hold back, train, judge; publish what passed."""
        judged = [h for h in self.known if not self.serve or h.plant.plant_id in self.serve]
        serving = training.champions(self.settings, self.releases, judged, note)
        split = hold_back.split(judged, hold_back_days, serving)
        early = gate.too_early(split)
        if early is not None and not self.force:
            self.verdict = early
            return
        self.candidate = self._fit(self._seen(split))
        self.verdict, self.speed = training.judge(self.candidate, serving, split)
        if self.verdict.better or self.force:
            self._publish()

    def _seen(self, split: Split) -> list[PlantHistory]:
        cut = {history.plant.plant_id: history for history in split.seen}
        return [cut.get(history.plant.plant_id, history) for history in self.known]

    def _publish(self) -> None:
        assert self.candidate is not None
        final = self._fit(self.known) if self.refit else self.candidate
        final = training.described(final, self.verdict, self.speed, self.refit)
        if self.job_id is not None:
            final = replace(final, manifest={**final.manifest, "job": self.job_id})
        self.record, self.shadows = self.releases.publish(final, self.role, self.serve)
        write_beside(self.settings.home, self.record, dict(final.manifest))

    def _fit(self, histories: list[PlantHistory]) -> Release:
        reached: dict[str, float] = {}
        with progress("training", None, self.quiet) as advance:

            def told(stage: str, part: float) -> None:
                steps = round(100 * part) - round(100 * reached.get(stage, 0.0))
                reached[stage] = part
                advance(max(steps, 0), f"{stage} {100 * part:.0f} %")

            return training.fit(histories, self.config, told)

    @property
    def outcome(self) -> Outcome:
        """What came of it, in a word."""
        if self.candidate is None:
            return Outcome.TOO_EARLY
        if self.record is None:
            return Outcome.NOT_PROMOTED
        return Outcome.PROMOTED if self.record.role.value == "champion" else Outcome.SHADOW

    def row(self, began_ms: int, because: str, keys: tuple[str, ...]) -> Training:
        """Its row in the table of trainings."""
        made = self.candidate is not None
        return Training(
            began_ms, training.now_ms(), self.outcome, because, keys, self.verdict.reason,
            self.config.name if made else None, self.config.version if made else None, self.job_id,
        )  # fmt: skip

    @property
    def params(self) -> dict[str, Any]:
        """What the training was, for the experiments."""
        return {
            **asdict(self.config),
            "refit": self.refit,
            "plants": sorted(h.plant.plant_id for h in self.known),
        }

    @property
    def metrics(self) -> dict[str, float | None]:
        """Mean pinball and errors on the held-back days in % of capacity; plants and lead times count the
        same.
        """
        scores = [score for leads in self.verdict.candidate.values() for score in leads.values()]
        names = ("pinball", "nmae", "nmae_persistence", "coverage80")
        means = {name: _mean([100.0 * float(getattr(one, name)) for one in scores]) for name in names}
        champions = [100.0 * one.champion for one in self.verdict.plants.values()]
        return {**means, "champion_pinball_by_day": _mean(champions)}

    @property
    def hashes(self) -> dict[str, str]:
        """Of the data and of the code."""
        data = {} if self.candidate is None else self.candidate.manifest.get("data", {})
        return {"data": str(data.get("sha256", "")), "code": training.code_sha256()}


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
