"""What the demo plays: which days of which sample, what goes wrong when, and how fast time passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
ISSUES_A_DAY: Final = 96
_HEADROOM: Final = 3.5
SAMPLES: Final = Path(__file__).parents[2] / "samples"
#: Both samples: their weather was computed after the event.
HINDSIGHT: Final = (
    "The weather of these two plants is hindsight: a reanalysis and satellite images, computed after the "
    "event and played as if it had been forecast. No real forecast is that good: the skill above is an upper "
    "bound."
)


@dataclass(frozen=True)
class Sample:
    """A plant of the committed samples, and where its history ends and its stream begins."""

    folder: Path
    plant_id: str
    title: str
    capacity_kw: float
    stream_from_ms: int

    def at(self, hour: float) -> int:
        """The time [ms] so many hours after the stream's beginning."""
        return self.stream_from_ms + round(hour * HOUR_MS)


@dataclass(frozen=True)
class Plan:
    """Hours are hours of event time since the stream began, the same for every plant.

    The first part of the stream lasts until a second release is there, the second part follows it.
    """

    wind: Sample
    solar: Sample
    history_days: int = 63
    first_h: int = 156
    second_h: int = 132
    seconds_a_day: float = 5.0
    bad_records_h: float = 12.0
    repeats_h: float = 24.0
    silent_from_h: float = 36.0
    silent_to_h: float = 44.0
    train_h: float = 54.0
    kill_after_h: float = 12.0  # in the second part
    held_back_days: int = 7  # of the first training
    held_back_again_days: int = 2  # of the second

    @property
    def samples(self) -> tuple[Sample, Sample]:
        """Both plants."""
        return self.wind, self.solar

    @property
    def stream_h(self) -> int:
        """Length of the whole stream in hours."""
        return self.first_h + self.second_h

    @property
    def speed(self) -> float:
        """Times real time."""
        return 86_400 / self.seconds_a_day

    def paced(self, forecasts_per_s: float) -> Plan:
        """The plan at a speed that leaves a worker of this throughput idle for most of the time.

        Record by record it is slower than through a backlog, and a training runs beside it. On a machine that
        is busy with other things the stream takes up to twice its time, and no longer.
        """
        needed_s = _HEADROOM * ISSUES_A_DAY * len(self.samples) / max(forecasts_per_s, 1.0)
        return replace(self, seconds_a_day=min(max(needed_s, self.seconds_a_day), 2 * self.seconds_a_day))


def standard() -> Plan:
    """The demo of `make demo`. On 27 and 28 December two turbines stand still: that is in the data."""
    wind = Sample(
        SAMPLES / "la_haute_borne", "la-haute-borne", "wind farm in France", 8200.0, _ms("2014-12-17")
    )
    solar = Sample(SAMPLES / "serf_east", "serf-east", "solar system in Colorado", 6.0, _ms("2016-09-11"))
    return Plan(wind, solar)


def _ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
