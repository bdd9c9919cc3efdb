"""Senders without servers: what an answer means, what a mail looks like, what a secret must be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from consumers.alerts.events import undelivered, written
from consumers.alerts.hearing import hear
from consumers.alerts.incident import Notice
from consumers.alerts.incident import hear as becomes
from consumers.alerts.mail import MailSender
from consumers.alerts.outbox import Delivery, Later, Never, Patience, Sent
from consumers.alerts.rules import MailChannel, Rule, Rules
from consumers.alerts.signals import Heard, Signal
from consumers.alerts.stalls import signals
from consumers.alerts.ways_out import sender
from consumers.alerts.webhook import judge
from consumers.alerts.wording import slack_body
from consumers.lag import Position
from infra.settings import Settings, isolated
from infra.stalls import Stall
from infra.topics import ANOMALIES
from schemas.codec import Codec
from schemas.errors import SettingsError
from tests import output_records as made

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CODEC = Codec()


@pytest.mark.parametrize(
    ("status", "retry_after", "meant"),
    [
        (200, "", Sent()),
        (204, "", Sent()),
        (429, "7", Later("answered 429", 7.0)),
        (503, "Sun, 22 Nov 2026 08:00:30 GMT", Later("answered 503", 30.0)),
        (503, "Sun, 22 Nov 2026 07:00:00 GMT", Later("answered 503", 0.0)),
        (500, "soon", Later("answered 500", None)),
        (408, "\N{SUPERSCRIPT TWO}", Later("answered 408", None)),
        (425, "", Later("answered 425", None)),
    ],
)
def test_what_an_answer_means(status: int, retry_after: str, meant: object) -> None:
    assert judge(status, retry_after, NOW) == meant


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 410, 413, 422])
def test_what_would_be_the_same_next_time_is_not_tried_again(status: int) -> None:
    assert isinstance(judge(status, "5", NOW), Never)


def test_pauses_grow_up_to_the_longest() -> None:
    patience = Patience(5.0, 900.0, 86_400.0)
    assert 4.0 <= patience.pause_s(1) <= 5.0
    assert 720.0 <= patience.pause_s(20) <= 900.0
    assert patience.pause_s(10_000) <= 900.0


def heard(record: dict[str, Any], logged_at_ms: int | None = None) -> list[Signal]:
    (payload,) = CODEC.encode("AnomalyEvent", [record])
    at = record["event_time"] if logged_at_ms is None else logged_at_ms
    return hear(CODEC, [Heard(ANOMALIES, 0, 0, payload, (1, at)), Heard(ANOMALIES, 0, 1, b"noise", (1, at))])


def notice(**fields: Any) -> Notice:
    (signal,) = heard(made.anomaly(**fields))
    _, told = becomes(None, signal, Rule(name="a", channels=("grid",)))
    return told[0]


def delivery(event: str) -> Delivery:
    identity = json.loads(event)["id"]
    return Delivery(identity, "m", "ops@example.org", 0, 0.0, event, "4f", NOW, f"{identity[:-1]}1")


def test_a_mail_is_the_same_each_time_and_no_text_of_a_record_makes_a_header(tmp_path: Path) -> None:
    channel = MailChannel(type="mail", host="h", sender="grid@example.org", to=("ops@example.org",))
    told = notice(plant_id="a\r\nBcc: all@example.org", message="umlaut \u00e4\u2028\0 and\r\n.\r\nQUIT")
    event = written(told, "/gridcast")
    mail = MailSender(channel, "").message(delivery(event)).as_bytes(policy=policy.SMTP)
    assert mail == MailSender(channel, "").message(delivery(event)).as_bytes(policy=policy.SMTP)
    parsed = message_from_bytes(mail, policy=policy.default)
    assert parsed["Bcc"] is None
    assert parsed["Subject"] == "[warning] outage a  Bcc: all@example.org"
    assert "umlaut \u00e4" in parsed.get_content()  # type: ignore[attr-defined]
    assert mail.isascii() and b"\r\n.\r\n" not in mail


def test_texts_of_records_cannot_call_people_in_a_chat() -> None:
    body = slack_body(written(notice(plant_id="<!channel>", message="<!here> <https://x|y>"), "/g"))
    assert "<" not in body and "&lt;!channel&gt;" in body


def test_what_cannot_be_is_no_signal_and_numbers_stay_json() -> None:
    assert heard(made.anomaly(energy_kwh=float("nan"))) == []
    assert heard(made.anomaly(started_at=-5)) == []
    assert heard(made.anomaly(event_time=2**62)) == []
    (signal,) = heard(made.anomaly(expected_kw=float("inf"), evidence={"a": float("nan"), "b": 1.0}))
    assert (signal.expected_kw, dict(signal.evidence)) == (None, {"b": 1.0})


def test_a_dead_letter_holds_the_notice_as_it_was() -> None:
    event = written(notice(), "/g")
    letter = json.loads(undelivered(event, "mail", "ops@example.org", "550 no"))
    assert letter["data"]["event"] == json.loads(event)
    assert letter["id"] == f"{json.loads(event)['id']}:mail:ops@example.org"
    assert letter["type"] == "gridcast.alert.undelivered.v1"


def settings(folder: Path, **values: Any) -> Settings:
    return isolated(folder, **values)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!!", "whsec_aGVsbG8=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
)
def test_a_webhook_without_a_good_secret_is_refused_without_quoting_it(tmp_path: Path, secret: str) -> None:
    rules = Rules.model_validate({"channel": {"h": {"type": "webhook", "url": "http://x/"}}})
    found = settings(tmp_path, alerts_webhook_secret=SecretStr(secret))
    with pytest.raises(SettingsError, match="channel h: ") as error:
        sender(found, "h", rules.channel["h"])
    assert secret in ("", "whsec_") or secret not in str(error.value)


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    channel = {"type": "slack", "url_file": str(tmp_path / "url")}
    rules = Rules.model_validate({"channel": {"h": channel}})
    with pytest.raises(SettingsError, match=r"channel h: .*url cannot be read"):
        sender(settings(tmp_path), "h", rules.channel["h"])
    mail = {"type": "mail", "host": "h", "sender": "a@b", "to": ["a@b"], "username": "u"}
    rules = Rules.model_validate({"channel": {"m": mail}})
    with pytest.raises(SettingsError, match="no password for u"):
        sender(settings(tmp_path), "m", rules.channel["m"])


def test_a_group_that_stands_still_is_one_signal_and_is_over_when_all_of_it_has_moved() -> None:
    at = {("g", "t", number): Position(10, 20) for number in range(5)}
    stalls = [Stall(f"g t[{number}]", 200.0 + number) for number in range(5)]
    (began,) = signals(at, stalls, [], 1_000_000)
    assert (began.subject, began.severity, began.open) == ("g", "critical", True)
    assert began.message == ("g has not moved for 204 s with 50 records waiting: t[0], t[1], t[2] and 2 more")
    (alert,), _ = becomes(None, began, Rule(name="a", channels=("grid",)))
    assert signals(at, stalls, [alert], 2_000_000) == []
    # An alerter that has only just started has seen nothing stand still yet: it is not over for that.
    assert signals(at, [], [alert], 2_000_000) == []
    some = {**at, ("g", "t", 0): Position(11, 20)}
    assert signals(some, [], [alert], 2_000_000) == []
    moved = {place: Position(20, 20) for place in at}
    (over,) = signals(moved, [], [alert], 2_000_000)
    assert not over.open and over.order > began.order
    assert replace(over, open=True).key == began.key
