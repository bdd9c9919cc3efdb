"""The API's ear on Kafka: silence is looked into, and who listens is told that nobody answers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from consumers.api import follower
from consumers.api.hub import TOPICS, Hub
from consumers.api.latest import Latest
from infra.settings import isolated
from infra.topic_reader import Span
from schemas.codec import Codec


class Silent:
    """A consumer that hears nothing; while it is `away` nobody answers its questions either."""

    away = threading.Event()
    made = 0

    def __init__(self, *_: object, **__: object) -> None:
        type(self).made += 1

    def assign(self, _: Any) -> None:
        self._expect_answer()

    def poll(self, _: float) -> None:
        return None

    def list_topics(self, *_: object, **__: object) -> None:
        self._expect_answer()

    def close(self) -> None:
        pass

    def _expect_answer(self) -> None:
        if self.away.is_set():
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


def test_silence_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(_heard(tmp_path, monkeypatch))


async def _heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "consumer", Silent)
    monkeypatch.setattr(follower, "spans", lambda *_: {0: Span(0, 7)})
    monkeypatch.setattr(follower, "_POLL_S", 0.0)
    monkeypatch.setattr(follower, "_SILENT_S", 0.01)
    monkeypatch.setattr(follower, "_AGAIN_S", 0.01)
    hub = Hub()
    hub.open(asyncio.get_running_loop())
    ear = follower.Follower(isolated(tmp_path), Latest(Codec()), hub)
    ear.start()
    try:
        await until(lambda: bool(hub.at))
        listener, at = hub.listen(), dict(hub.at)
        await asyncio.sleep(0.1)
        assert ear.trouble is None and Silent.made == 1 and listener.queue.empty(), "silence is no trouble"
        Silent.away.set()
        await until(lambda: not hub.at)
        assert ear.trouble is not None and await listener.queue.get() is None, "the end of its stream"
        Silent.away.clear()
        await until(lambda: bool(hub.at))
        assert ear.trouble is None and hub.at == at == dict.fromkeys(((topic, 0) for topic in TOPICS), 7)
    finally:
        Silent.away.clear()
        ear.close()


async def until(reached: Any) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.005)
