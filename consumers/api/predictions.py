"""One question for a prediction, whatever route it came by: answered or refused, counted and written down."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg2
from starlette.concurrency import run_in_threadpool

from consumers.api.problems import RETRY_S, Problem
from consumers.predictions.asked import BatchItem, PlaceAsked, PlantAsked, WhatIfAsked, WhatIfOfPlant
from consumers.predictions.predictor import of_plant
from consumers.predictions.stored import registered
from consumers.predictions.told import expect_levels
from infra import metrics
from schemas.errors import InputError, ServiceUnavailable, TooLate

if TYPE_CHECKING:
    from consumers.api.parts import Parts

KEPT: Final = 1000
_AT_ONCE: Final = 4  # questions of a batch; the others of the service go on beside it
_AGAIN: Final = {"Retry-After": str(RETRY_S)}
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """One prediction that was asked for; `about` is the plant, or the place to 0.01 degrees."""

    at: datetime
    request_id: str
    key_id: str
    source: str
    about: str
    status: int
    milliseconds: float
    why: str | None


class PredictionLog:
    """The newest of this process."""

    def __init__(self, kept: int = KEPT) -> None:
        self._newest: deque[Answered] = deque(maxlen=kept)

    def add(self, answered: Answered) -> None:
        """Write one down, and count it."""
        self._newest.append(answered)
        metrics.API_PREDICTIONS.labels(answered.source, str(answered.status)).inc()
        metrics.API_PREDICTION_SECONDS.labels(answered.source).observe(answered.milliseconds / 1000)

    def newest(self, count: int) -> list[Answered]:
        """The newest, newest first."""
        return list(reversed(self._newest))[:count]


async def predict(given: Parts, state: Mapping[str, Any], asked: PlaceAsked | PlantAsked) -> Told:
    """The answer to one question. `state`: that of the request, with its id and key.

    Raises:
        Problem: there is none, and why.
    """
    if isinstance(asked, PlaceAsked):
        about = f"{asked.kind} {asked.latitude:.2f},{asked.longitude:.2f}"
        return await noted(given, state, "place", about, _of_place(given, asked))
    return await noted(given, state, "plant", asked.plant_id, _of_plant(given, asked))


async def what_if(given: Parts, state: Mapping[str, Any], plant_id: str, asked: WhatIfAsked) -> Told:
    """What the newest forecast of a registered plant would be, beside what it is.

    Raises:
        Problem: there is no answer, and why.
    """
    return await noted(given, state, "what_if", plant_id, _what_if(given, plant_id, asked))


async def one_of_many(given: Parts, state: Mapping[str, Any], asked: BatchItem) -> Told:
    """The answer to one question of a batch, or its refusal: `status` and one of `answer`, `problem`."""
    try:
        if isinstance(asked, WhatIfOfPlant):
            answer = await what_if(given, state, asked.plant_id, asked.what_if)
        else:
            answer = await predict(given, state, asked)
    except Problem as error:
        return {"status": error.status, "answer": None, "problem": error.detail}
    return {"status": 200, "answer": answer, "problem": None}


async def many(given: Parts, state: Mapping[str, Any], asked: Sequence[BatchItem]) -> list[Told]:
    """The answers to a batch in its order, some of them worked on at once."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(item: BatchItem) -> Told:
        async with room:
            return await one_of_many(given, state, item)

    return await asyncio.gather(*(one(item) for item in asked))


async def noted(
    given: Parts, state: Mapping[str, Any], source: str, about: str, answering: Awaitable[Told]
) -> Told:
    """Wait for an answer, turn what it fails with into a `Problem`, and write down what came of it."""
    began = time.perf_counter()
    status, why = 200, None
    try:
        return await answering
    except Exception as error:
        problem = as_problem(error, source)
        status, why = (500, "a fault") if problem is None else (problem.status, problem.detail)
        if problem is None or problem is error:
            raise
        raise problem from error
    finally:
        milliseconds = round(1000 * (time.perf_counter() - began), 2)
        given.predictions.add(
            Answered(
                datetime.now(UTC), str(state["request_id"]), str(state.get("key_id", "")), source, about,
                status, milliseconds, why,
            )
        )  # fmt: skip


def as_problem(error: Exception, source: str) -> Problem | None:
    """What went wrong with a question of this kind, for the asker; None for a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, InputError):  # well said, and there is no such level, hour or unit
        return Problem(409 if source == "what_if" else 404, str(error))
    if isinstance(error, TooLate):
        return Problem(504, str(error), _AGAIN)
    if isinstance(error, ServiceUnavailable):
        return Problem(503, str(error), _AGAIN)
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return Problem(503, "the database does not answer: try again", _AGAIN)
    return None


async def _of_place(given: Parts, asked: PlaceAsked) -> Told:
    if given.predictor is None:
        raise Problem(503, "this service was started without a source of weather")
    return await given.predictor.place(asked)


async def _of_plant(given: Parts, asked: PlantAsked) -> Told:
    plant = await run_in_threadpool(_registered, given, asked.plant_id)
    held = given.latest.get(asked.plant_id)
    if held is None:
        if not given.follower.whole:
            raise Problem(503, "forecasts are still being read: try again", {"Retry-After": "2"})
        raise Problem(404, f"there is no forecast of {asked.plant_id} yet")
    return of_plant(asked, held.record(), plant, time.time_ns() // 1_000_000)


async def _what_if(given: Parts, plant_id: str, asked: WhatIfAsked) -> Told:
    if given.what_if is None:
        raise Problem(503, "this service was started without a way to the states of plants")
    await run_in_threadpool(_registered, given, plant_id)
    held = given.latest.get(plant_id)
    expect_levels(asked.levels, given.settings.levels)
    return await given.what_if.answer(plant_id, asked, None if held is None else held.record())


def _registered(given: Parts, plant_id: str) -> Told:
    with given.database.reading() as question:
        found = registered(question, plant_id)
    if found is None:
        raise Problem(404, f"there is no plant {plant_id}: /v1/plants lists them")
    return found
