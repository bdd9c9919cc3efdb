"""Live events: each of them once, in order, whatever cut the listener off."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import pytest
from confluent_kafka import TopicPartition

from consumers.api import keys, wanted
from consumers.api.audit import Actor
from consumers.api.gate import FRESH_S
from consumers.api.keys import Role
from infra.kafka import admin, await_admin
from infra.postgres import transaction
from infra.topic_reader import spans
from tests import output_records as made
from tests.integration.api.world import World, latest, new_key
from tests.integration.sink_help import send, send_bytes, wait_until

STREAM = "text/event-stream"


@dataclass
class Heard:
    """What a listener has heard: (event, data) and the newest id."""

    events: list[tuple[str, Any]] = field(default_factory=list)
    last_id: str = ""

    def take(self, lines: Iterator[str]) -> None:
        event, data = "", ""
        for line in lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                event = value
            elif name == "data":
                data = value
            elif not line and data:
                self.events.append((event, json.loads(data)))
                event, data = "", ""

    def issues(self) -> list[int]:
        return [
            round(told["steps"][0]["power_kw"]["0.5"]) for kind, told in self.events if kind == "forecast"
        ]


@contextmanager
def listening(service: World, query: str = "", last_id: str = "") -> Iterator[Heard]:
    """A listener in a thread, cut off at the end of the block."""
    heard = Heard()
    headers = {"X-API-Key": service.keys[Role.READER], "Accept": STREAM}
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=60)
    connection.request(
        "GET", f"/v1/live{query}", headers=headers | ({"Last-Event-ID": last_id} if last_id else {})
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    way = connection.sock

    def listen() -> None:
        with suppress(OSError, HTTPException, ValueError):  # cut off
            heard.take(line.decode().rstrip() for line in answer)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    wait_until(lambda: bool(heard.last_id), "the first id", 15)
    try:
        yield heard
    finally:
        way.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def forecasts(*numbers: int, plant_id: str = "a") -> tuple[str, list[dict[str, Any]]]:
    return "Forecast", [made.forecast(plant_id, number, power_kw=float(number)) for number in numbers]


def test_a_listener_that_is_cut_off_goes_on_where_it_was(service: World) -> None:
    with listening(service) as heard:
        send(
            service.settings,
            forecasts(1, 2),
            ("AnomalyEvent", [made.anomaly()]),
            ("DriftEvent", [made.drift()]),
        )
        send_bytes(service.settings, "power.forecasts", b"no record")
        send(service.settings, forecasts(3))
        wait_until(lambda: len(heard.events) == 5, "five events", 20)
    assert heard.issues() == [1, 2, 3]
    told = dict(heard.events)
    assert told["alert"]["energy_kwh"] == 125.0 and told["alert"]["event_id"]
    assert told["drift"]["subject"] == "error"
    send(service.settings, forecasts(4, 5), forecasts(6, plant_id="b"))
    with listening(service, last_id=heard.last_id) as again:
        wait_until(lambda: len(again.events) >= 3, "what it missed", 20)
        send(service.settings, forecasts(7))
        wait_until(lambda: len(again.events) >= 4, "what comes after it", 20)
    assert sorted(again.issues()) == [4, 5, 6, 7] and again.issues()[-1] == 7
    with listening(service, last_id=again.last_id) as third:
        send(service.settings, forecasts(8))
        wait_until(lambda: len(third.events) >= 1, "the next one", 20)
    assert third.issues() == [8]
    wait_until(lambda: service.app.state.parts.hub.listeners == 0, "nobody left listening", 20)


def test_a_listener_hears_what_it_asked_for(service: World) -> None:
    with listening(service, "?kinds=forecast&plant_id=b&levels=0.5&first=true") as heard:
        wait_until(lambda: len(heard.events) == 1, "the newest first", 20)
        send(
            service.settings,
            ("AnomalyEvent", [made.anomaly("b")]),
            forecasts(1, 2),
            forecasts(3, plant_id="b"),
        )
        wait_until(lambda: len(heard.events) == 2, "its own", 20)
    assert [one["plant_id"] for _, one in heard.events] == ["b", "b"]
    assert heard.events[1][1]["steps"][0]["power_kw"] == {"0.5": 3.0}


def test_who_polls_gets_what_there_is_and_an_end(service: World) -> None:
    def poll(last_id: str) -> Heard:
        heard = Heard()
        answer = service.get("/v1/live", **({"Last-Event-ID": last_id} if last_id else {}))
        heard.take(iter(answer.text.splitlines()))
        return heard

    first = poll("")
    assert first.events == [] and first.last_id
    send(service.settings, forecasts(1, 2))
    wait_until(lambda: poll(first.last_id).issues() == [1, 2], "what came since", 20)
    assert poll(poll(first.last_id).last_id).events == []
    for wrong in ("x", "f0.1;drop", "f0." + "9" * 40, "z0.1"):
        assert service.get("/v1/live", **{"Last-Event-ID": wrong}).status_code == 404


def test_the_newest_forecast_follows_the_topic_and_never_goes_back(service: World) -> None:
    def issued() -> str:
        return str(service.get("/v1/plants/a/forecasts/latest").json()["issued_at"])

    before = issued()
    latest(service.settings, made.forecast("a", 8))
    wait_until(lambda: issued() > before, "the newer one", 20)
    newest = issued()
    send_bytes(service.settings, "power.forecasts.latest", b"no record")
    latest(service.settings, made.forecast("a", 4), made.forecast("b", 9))
    other = "/v1/plants/b/forecasts/latest"
    wait_until(lambda: service.get(other).json()["issued_at"] > newest, "the other plant's", 20)
    time.sleep(0.3)
    assert issued() == newest, "a worker that woke up too late repeats an older one"


def test_what_kafka_has_lost_is_said(service: World) -> None:
    with listening(service) as heard:
        before = spans(service.settings, "power.forecasts")
    send(service.settings, forecasts(1, 2, 3))
    after = spans(service.settings, "power.forecasts")
    ((partition, end),) = ((p, span.end) for p, span in after.items() if span != before[p])
    gone = [TopicPartition("power.forecasts", partition, end - 1)]
    client = admin(service.settings)  # one that nobody holds never answers
    for future in client.delete_records(gone).values():
        await_admin(future, "delete records", 20)
    with listening(service, last_id=heard.last_id) as again:
        wait_until(lambda: len(again.events) == 2, "the gap and what is left", 20)
    assert again.events[0] == ("gap", {"lost": 2}) and again.issues() == [3]


def test_the_stream_of_a_key_that_is_revoked_ends(service: World) -> None:
    token = new_key(service.settings, Role.READER)
    other = replace(service, keys={**service.keys, Role.READER: token})
    with listening(other) as heard, listening(service) as stays:
        send(service.settings, forecasts(1))
        wait_until(lambda: len(heard.events) == 1, "the first one", 20)
        with transaction(service.settings) as cursor:
            keys.revoke(cursor, token.split("_")[1], Actor("test"))
        wait_until(lambda: service.app.state.parts.hub.listeners == 1, "its end", FRESH_S + 1)
        send(service.settings, forecasts(2))
        wait_until(lambda: len(stays.events) == 2, "who goes on", 20)
    assert heard.issues() == [1]


def test_streams_end_while_kafka_is_away_and_go_on_where_they_were(service: World) -> None:
    parts = service.app.state.parts
    with listening(service) as heard:
        send(service.settings, forecasts(1))
        wait_until(lambda: len(heard.events) == 1, "the first one", 20)
        parts.hub.lose()
        wait_until(lambda: parts.hub.listeners == 0, "its end", 20)
    refused = service.get("/v1/live", Accept=STREAM)
    assert refused.status_code == 503 and refused.headers["retry-after"]
    parts.hub.publish([], parts.follower._at)
    wait_until(lambda: bool(parts.hub.at), "Kafka again", 20)
    send(service.settings, forecasts(2))
    with listening(service, last_id=heard.last_id) as again:
        wait_until(lambda: len(again.events) == 1, "what came since", 20)
    assert again.issues() == [2]


def test_an_event_is_made_once_for_all_who_hear_it_at_the_same_levels(
    service: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_of, document = [], wanted.document

    def counted(record: Any, levels: Any = None) -> Any:
        made_of.append(levels)
        return document(record, levels)

    monkeypatch.setattr(wanted, "document", counted)
    with (
        listening(service) as one,
        listening(service, "?plant_id=a") as two,
        listening(service, "?levels=0.5") as narrow,
        listening(service, "?levels=0.5") as other,
    ):
        send(service.settings, forecasts(41))
        every = (one, two, narrow, other)
        wait_until(lambda: all(len(heard.events) == 1 for heard in every), "all", 20)
    assert one.events == two.events != narrow.events == other.events
    assert sorted(made_of, key=str) == [None, [0.5]]
