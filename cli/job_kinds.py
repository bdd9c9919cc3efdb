"""What each kind of job does: here, for a body works with several parts that know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cli.training_child import TrainingChild
from consumers.jobs.names import FORECASTS, TRAIN
from consumers.jobs.orders import TriggeredOrder, train_order
from consumers.predictions.bulk import Bulk
from infra.registry import schema_ids
from models.retraining import Outcome
from producers.weather.on_request import WeatherOnRequest
from schemas.codec import Codec
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from consumers.jobs.runner import Body
    from consumers.jobs.work import Work
    from infra.settings import Settings

#: `tell(event, sentence, numbers)`: what happens, for a log or for machines.
Tell = Callable[[str, str, dict[str, Any]], None]
_POLL_S: Final = 0.3
_PART: Final = re.compile(r"([a-z ]+) (\d+) %$")


def bodies(settings: Settings, tell: Tell) -> dict[str, Body]:
    """Every kind that this deployment runs."""
    return {TRAIN: trainer(settings, tell), FORECASTS: forecaster(settings)}


def forecaster(settings: Settings) -> Body:
    """The predictions that a file asks for."""
    weather = WeatherOnRequest(settings, settings.jobs_at_once)
    return Bulk(settings, Codec(schema_ids(settings)), weather)


def trainer(settings: Settings, tell: Tell) -> Body:
    """A training in a process of its own, which ends with this one and publishes once."""

    def train(work: Work) -> Mapping[str, Any]:
        order = train_order(work.arguments)
        tell(
            "training", f"training: {work.because}",
            {"triggers": order.triggers, "plants": order.plants, "job_id": work.job_id},
        )  # fmt: skip
        try:
            document = _finished(settings, work, order, tell)
        except GridcastError as error:
            tell("failed", f"the training failed: {error}", {"job_id": work.job_id})
            raise
        said = _sentence(document)
        told = {key: document[key] for key in ("name", "version", "sha256", "plants", "shadows")}
        tell(document["outcome"], said, {**told, "job_id": work.job_id})
        return {**told, "outcome": document["outcome"], "reason": document["reason"]}

    return train


def _finished(settings: Settings, work: Work, order: TriggeredOrder, tell: Tell) -> dict[str, Any]:
    said: list[str] = []
    child = TrainingChild(settings, _words(work, order), said.append)
    try:
        while not child.ended():
            _pass_on(work, said, tell)
            work.check()
            child.wait(_POLL_S)
    except BaseException:
        child.stop()
        tell("stopped", "the training was ended before its time", {"job_id": work.job_id})
        raise
    for line in said:  # it has ended: whether somebody cancels now changes nothing
        work.say(line)
    document = child.document()
    if document is None:
        raise GridcastError(child.failure())
    return document


def _pass_on(work: Work, said: list[str], tell: Tell) -> None:
    while said:
        line = said.pop(0)
        work.say(line)
        tell("progress", line, {"job_id": work.job_id})
        found = _PART.search(line)
        if found is not None:
            work.progress(int(found[2]) / 100, found[1].strip())


def _words(work: Work, order: TriggeredOrder) -> list[str]:
    """The same as options of `gridcast train`."""
    words = [f"--job={work.job_id}", f"--because={work.because}", f"--name={order.name}"]
    words += [f"--hold-back={order.hold_back_days}d", f"--seed={order.seed}"]
    whom = "--for" if order.learn_from_all else "--plant"
    words += [f"{whom}={plant_id}" for plant_id in order.plants]
    flags = {"--fast": order.fast, "--no-refit": not order.refit}
    flags |= {"--shadow": order.shadow, "--force": order.force}
    return words + [name for name, on in flags.items() if on]


def _sentence(document: Mapping[str, Any]) -> str:
    name = f"{document['name']} {document['version']}"
    return {
        Outcome.PROMOTED.value: f"{name} serves from now on: {document['reason']}",
        Outcome.SHADOW.value: f"{name} runs as a shadow: {document['reason']}",
        Outcome.TOO_EARLY.value: f"not trained: {document['reason']}",
    }.get(document["outcome"], f"{name} is not promoted: {document['reason']}")
