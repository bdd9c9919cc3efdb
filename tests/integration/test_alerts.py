"""Alerts reach a topic, webhooks and mail once each, through servers that fail on purpose."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from standardwebhooks.webhooks import Webhook

from consumers.alerts import topic
from consumers.alerts.actions import acknowledge_alert, dead_deliveries, list_alerts, send_again
from infra import topics
from infra.settings import Settings
from infra.topic_reader import read
from schemas.errors import ServiceUnavailable
from tests.integration.alert_help import (
    QUICK,
    SECRET,
    Channels,
    HttpReceiver,
    MailReceiver,
    alerter,
    delivered,
    event,
    events,
    now_ms,
    states,
    told,
)
from tests.integration.live_help import free_port
from tests.integration.sink_help import ask, send, wait_until


def test_an_alert_goes_to_topic_webhook_chat_and_mail_and_its_end_goes_too(
    settings: Settings, tmp_path: Path
) -> None:
    with HttpReceiver() as hook, HttpReceiver() as chat, MailReceiver() as mails:
        rules = (
            Channels(tmp_path).topic().webhook("ops", hook.url).webhook("chat", chat.url, kind="slack")
            .mail("mail", mails.port)
        ).rules()  # fmt: skip
        opened = event("wind-1", message="no power in <9.5> m/s & more")
        with alerter(settings, rules):
            events(settings, opened, opened, event("calm", severity="info"))
            wait_until(lambda: len(mails.mails) == 1 and delivered(settings), "the alert is told")
            raised = list_alerts(settings)
            taken = acknowledge_alert(settings, rules, raised[0].alert_id, "mo", "crew on site")
            events(settings, opened | {"sequence": 1, "phase": "close"})
            wait_until(lambda: len(mails.mails) == 2 and delivered(settings), "its end is told")
        assert [one.plant_id for one in raised] == ["wind-1"]
        assert taken.acked_by == "mo"

    on_topic = told(settings)
    assert [one["type"].split(".")[2] for one in on_topic] == ["raised", "acknowledged", "cleared"]
    assert [one["data"]["what"] for one in map(json.loads, (r.body for r in hook.requests))] == [
        "raised", "cleared",
    ]  # fmt: skip
    assert len({one["id"] for one in on_topic}) == 3
    for request in hook.requests:
        assert Webhook(SECRET).verify(request.body, request.headers)["id"] == request.identity
        assert request.headers["content-type"].startswith("application/cloudevents+json")
    texts = [json.loads(one.body)["blocks"][1]["text"]["text"] for one in chat.requests]
    assert "no power in &lt;9.5&gt; m/s &amp; more" in texts[0]
    first, second = mails.mails
    assert first["Subject"] == "[warning] outage wind-1"
    assert first["Message-ID"] == f"<{on_topic[0]['id']}@example.org>"
    assert second["In-Reply-To"] == first["Message-ID"]
    assert "gridcast alerts ack" in first.get_content()
    assert "taken up by: mo (crew on site)" in second.get_content()
    messages = [message for batch in read(settings, topics.ALERTS) for message in batch]
    for message in messages:
        headers = {name: bytes(value) for name, value in message.headers()}
        parsed = from_kafka_event(KafkaMessage(headers, message.key(), message.value()))
        assert (parsed.get_specversion(), parsed.get_source()) == ("1.0", "/gridcast")
        assert (parsed.get_subject(), message.key()) == ("wind-1", b"wind-1")
    assert settings.postgres.get_secret_value() not in str(on_topic)


def test_a_webhook_is_tried_again_as_long_as_that_may_help_and_no_longer(
    settings: Settings, tmp_path: Path
) -> None:
    failing = (500, "hang", (429, "1"), 503)
    with HttpReceiver(failing) as slow, HttpReceiver((404,)) as gone, HttpReceiver((302,)) as moved:
        nobody = f"http://127.0.0.1:{free_port()}/"
        short = QUICK + 'give_up_after = "1s"\n'
        rules = (
            Channels(tmp_path).webhook("slow", slow.url).webhook("gone", gone.url).webhook("moved", moved.url)
            .webhook("nobody", nobody, short).topic()
        ).rules()  # fmt: skip
        with alerter(settings, rules):
            events(settings, event("wind-1"))
            wait_until(
                lambda: delivered(settings) and len(told(settings, topics.ALERTS_DEAD)) == 3, "all has ended"
            )
        assert len(slow.requests) == 5
        assert len({(one.identity, one.body) for one in slow.requests}) == 1
        assert (len(gone.requests), len(moved.requests)) == (1, 1)
        found = states(settings)
        assert found["slow", ""] == found["grid", ""] == ["delivered"]
        assert found["gone", ""] == found["moved", ""] == found["nobody", ""] == ["dead"]
        dead = {one["data"]["channel"]: one["data"] for one in told(settings, topics.ALERTS_DEAD)}
        assert set(dead) == {"gone", "moved", "nobody"}
        assert "404" in dead["gone"]["reason"] and "nobody took it" in dead["nobody"]["reason"]
        assert dead["gone"]["event"] == told(settings)[0]
        assert {one["channel"] for one in dead_deliveries(settings)} == set(dead)

        # Somebody mends the address and says: again.
        notice = dead["gone"]["event"]["id"]
        assert send_again(settings, notice) == 3
        with alerter(settings, rules):
            wait_until(lambda: len(gone.requests) == 2 and len(moved.requests) == 2, "they are sent again")
        assert gone.requests[1].identity == notice
        assert len(slow.requests) == 5


def test_a_mail_server_that_fails_delays_a_mail_and_refuses_one_address_alone(
    settings: Settings, tmp_path: Path
) -> None:
    answers = ("451 greylisted", "hang", "421 busy")
    to = ("ops@example.org", "nobody@example.org")
    with MailReceiver(answers, refused=("nobody@example.org",)) as mails:
        rules = Channels(tmp_path).mail("mail", mails.port, to=to).rules()
        with alerter(settings, rules):
            events(settings, event("wind-1"))
            wait_until(lambda: len(mails.mails) == 1 and delivered(settings), "the mail has come")
    assert states(settings) == {
        ("mail", "ops@example.org"): ["delivered"],
        ("mail", "nobody@example.org"): ["dead"],
        ("dead-letters", "mail:nobody@example.org"): ["delivered"],
    }
    assert mails.answers == []
    assert "550 no such user" in told(settings, topics.ALERTS_DEAD)[0]["data"]["reason"]


def test_repeats_history_and_what_cannot_be_read_tell_nobody_and_flapping_tells_once(
    settings: Settings, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "slow"\nclear_after = "1h"\nchannels = ["grid"]\n'
    rules = Channels(tmp_path).topic().rules(rule)
    start = now_ms() - 60_000
    flapping = [
        event("flaps", sequence, phase, at=start + 1000 * minute)
        for minute in range(6)
        for sequence, phase in ((0, "open"), (1, "close"))
    ]
    old = now_ms() - 30 * 86_400_000
    with alerter(settings, rules):
        events(settings, *flapping, *flapping, event("old", at=old), event("later"))
        wait_until(lambda: "later" in {one["data"]["plant_id"] for one in told(settings)}, "the last is told")
    counts = Counter(one["data"]["plant_id"] for one in told(settings))
    assert counts == {"flaps": 1, "later": 1}
    assert ask(settings, "select energy_before_kwh + energy_kwh from alerts where plant_id = 'flaps'") == [
        (6 * 125.0,)
    ]


def test_a_record_whose_acknowledgement_was_lost_stands_on_the_topic_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, tried = topic.produce_all, []

    def lost(*arguments: Any) -> int:
        tried.append(arguments[1])
        really(*arguments)
        raise ServiceUnavailable("Kafka acknowledged 0 of 1 records in 1 s")

    monkeypatch.setattr(topic, "produce_all", lost)
    with alerter(settings, Channels(tmp_path).topic().rules()):
        events(settings, event("wind-1"))
        wait_until(lambda: delivered(settings) and states(settings) != {}, "it is told")
    assert states(settings) == {("grid", ""): ["delivered"]}
    assert len(told(settings)) == len(tried) == 1


def test_drift_is_told_and_a_worker_that_nobody_runs_is_told_until_it_moves(
    settings: Settings, tmp_path: Path
) -> None:
    from confluent_kafka import TopicPartition

    from infra.kafka import consumer
    from infra.topic_reader import spans
    from tests import output_records as made

    quick = settings.model_copy(update={"stall_s": 0.5})
    rules = Channels(tmp_path).topic().rules()
    drift = made.drift("wind-1", event_time=now_ms())
    with alerter(quick, rules):
        send(settings, ("DriftEvent", [drift, drift]), ("Telemetry", [made.scan("wind-1")]))
        stalled = lambda: [one["data"] for one in told(settings) if one["data"]["kind"] == "stall"]  # noqa: E731
        wait_until(lambda: len(stalled()) == 2, "both groups are told")
        assert {one["subject"] for one in stalled()} == {settings.worker_group, settings.sink_group}
        assert {one["severity"] for one in stalled()} == {"critical"}
        ends = spans(settings, topics.JOURNAL)
        for group in (settings.worker_group, settings.sink_group):
            client = consumer(settings, group)
            others = [
                TopicPartition(topics.DRIFT, p, span.end) for p, span in spans(settings, topics.DRIFT).items()
            ]
            mine = [TopicPartition(topics.JOURNAL, p, span.end) for p, span in ends.items()]
            client.commit(offsets=mine + others, asynchronous=False)
            client.close()
        wait_until(lambda: len(stalled()) == 4, "both are over")
    assert Counter(one["what"] for one in stalled()) == {"raised": 2, "cleared": 2}
    assert Counter(one["data"]["kind"] for one in told(settings)) == {"stall": 4, "drift": 1}
