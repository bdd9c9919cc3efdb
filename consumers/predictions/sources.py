"""What predictions on request need of others: handed in by the command line, which knows who has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.fleet import Fleet
from schemas.records import WeatherRun


class WeatherSource(Protocol):
    """Live weather of any place; `producers.weather.on_request` has one. Called from many threads."""

    def key(self, latitude: float, longitude: float) -> str:
        """What is the same for places whose weather is the same."""

    def known(self, latitude: float, longitude: float) -> WeatherRun | None:
        """What was said of a place lately, at once."""

    def ask(self, latitude: float, longitude: float) -> WeatherRun:
        """What is said of a place now; waits for it. `plant_id` is empty.

        Raises:
            TooLate: nobody answered in time.
            ServiceUnavailable: nobody has an answer.
        """

    def gather(self, positions: Sequence[tuple[float, float]]) -> None:
        """Have the weather of many places at hand for `known`, in few questions.

        Raises:
            ServiceUnavailable: of some of them nobody has any.
        """

    def close(self) -> None:
        """Let go of connections."""


class PlantStates(Protocol):
    """States of registered plants; `streams.plant_states` has them. Called from one thread at a time."""

    def fleet_of(self, plant_id: str) -> Fleet:
        """A fleet of this plant alone, as the journal has it now; the asker may change it.

        Raises:
            ServiceUnavailable: it is not to be had now.
        """


@dataclass(frozen=True)
class Sources:
    """All of them."""

    weather: WeatherSource
    states: PlantStates
