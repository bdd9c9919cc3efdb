"""What the routes work with, made once for an app."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request

from consumers.api.database import Database
from consumers.api.follower import Follower
from consumers.api.gate import Doorkeeper
from consumers.api.hands import Hands
from consumers.api.hub import Hub
from consumers.api.lag_look import LagLook
from consumers.api.latest import Latest
from consumers.api.limits import Limits
from consumers.api.predictions import PredictionLog
from consumers.api.requests import RequestLog
from consumers.predictions.predictor import Predictor
from consumers.predictions.sources import Sources
from consumers.predictions.weather import Weather
from consumers.predictions.what_if import WhatIf
from infra.registry import schema_ids
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings


#: Files of questions and answers that are taken apart at once: each takes a processor and much memory.
_ROOMS: Final = 2


@dataclass(frozen=True)
class Parts:
    """Settings, and everything that holds state. `rooms` are for who works on a whole file."""

    settings: Settings
    codec: Codec
    database: Database
    doorkeeper: Doorkeeper
    limits: Limits
    requests: RequestLog
    latest: Latest
    hub: Hub
    follower: Follower
    lag: LagLook
    started_s: float
    predictor: Predictor | None
    what_if: WhatIf | None
    predictions: PredictionLog
    hands: Hands | None
    rooms: asyncio.Semaphore

    @classmethod
    def of(cls, settings: Settings, sources: Sources | None = None, hands: Hands | None = None) -> Parts:
        """Nothing is asked or started yet, but a schema registry where there is one."""
        codec, database, hub = Codec(schema_ids(settings)), Database(settings), Hub()
        latest = Latest(codec)
        return cls(
            settings, codec, database, Doorkeeper(database), Limits(settings), RequestLog(), latest, hub,
            Follower(settings, latest, hub), LagLook(settings, codec), time.monotonic(),
            _predictor(settings, codec, sources),
            _what_if(settings, codec, sources), PredictionLog(), hands, asyncio.Semaphore(_ROOMS),
        )  # fmt: skip

    def close(self) -> None:
        """Let go of everything, writing down what is not yet."""
        self.follower.close()
        if self.predictor is not None:
            self.predictor.close()
        if self.what_if is not None:
            self.what_if.close()
        self.doorkeeper.note_uses(at_once=True)
        self.database.close()


def _predictor(settings: Settings, codec: Codec, sources: Sources | None) -> Predictor | None:
    if sources is None:
        return None
    return Predictor.of(Weather(sources.weather, settings.api_weather_s), codec, settings.levels)


def _what_if(settings: Settings, codec: Codec, sources: Sources | None) -> WhatIf | None:
    return None if sources is None else WhatIf(sources.states, codec, settings.api_what_if_s)


async def parts(request: Request) -> Parts:
    """Those of the app that was asked. Async, or FastAPI would take a thread for it at each request."""
    found: Parts = request.app.state.parts
    return found


Given = Annotated[Parts, Depends(parts)]
