"""Which signals become alerts, when, and who is told: the file of `alerts_file`, checked whole.

Without a file the defaults below hold: warnings and what is worse go to the topic `grid.alerts`.
"""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from consumers.alerts.signals import DRIFT, STALL, Signal, rank
from models.detect.all import DETECTORS
from schemas.errors import InputError

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(\d{1,6})\s*(ms|s|min|h|d)")
KINDS: Final = (*(one.name for one in DETECTORS), DRIFT, STALL)
_ADDRESS: Final = r"^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]+@[A-Za-z0-9.-]+$"
#: Where everything goes that could not be delivered; no channel of a file may be called so.
DEAD: Final = "dead-letters"

Told = Literal["raised", "worse", "reminder", "acknowledged", "cleared"]


def _seconds(value: object) -> object:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration: write one as 30s, 15min, 6h, 2d")
    return int(found[1]) * _UNITS_S[found[2]]


Severity = Literal["info", "warning", "critical"]
Duration = Annotated[float, BeforeValidator(_seconds)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True)


class Threshold(_Part):
    """Both must be reached: a severity, and energy at stake [kWh]."""

    severity: Severity = "warning"
    energy_kwh: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class Rule(_Part):
    """Of the rules of a file the first that fits a signal holds for it. No `channels`: nobody is told."""

    name: str = Field(min_length=1)
    plants: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)
    raise_at: Threshold = Threshold()
    clear_under: Threshold = Threshold()
    raise_after_s: Duration = Field(default=0.0, alias="raise_after")
    clear_after_s: Duration = Field(default=1800.0, alias="clear_after")
    repeat_every_s: Duration = Field(default=21_600.0, alias="repeat_every")
    too_old_s: Duration = Field(default=86_400.0, alias="too_old")
    channels: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _clears_where_it_raises(cls, values: Any) -> Any:
        """What is not told of the lower threshold: the severity of the upper one, and no energy."""
        if not isinstance(values, dict):
            return values
        given, upper = values.get("clear_under", {}), values.get("raise_at", {})
        severity = upper.get("severity", "warning") if isinstance(upper, dict) else "warning"
        lower = {"severity": severity, **given} if isinstance(given, dict) else given
        return {**values, "clear_under": lower}

    @model_validator(mode="after")
    def _threshold_order(self) -> Rule:
        upper, lower = self.raise_at, self.clear_under
        if rank(lower.severity) > rank(upper.severity) or lower.energy_kwh > upper.energy_kwh:
            raise ValueError("clear_under must not lie above raise_at")
        unknown = [kind for kind in self.kinds if not any(fnmatchcase(one, kind) for one in KINDS)]
        if unknown:
            raise ValueError(f"there is no kind {unknown[0]!r}; the kinds are {', '.join(KINDS)}")
        return self

    def fits(self, kind: str, plant_id: str) -> bool:
        """Whether it is meant for such a signal."""
        of_plant = any(fnmatchcase(plant_id, pattern) for pattern in self.plants)
        return of_plant and any(fnmatchcase(kind, pattern) for pattern in self.kinds)


class _Channel(_Part):
    """What every way out has. `after_crash`: what to do where a crash left open whether a notice arrived."""

    at_least: Severity = "info"
    tell: tuple[Told, ...] = ("raised", "worse", "reminder", "cleared")
    timeout_s: Duration = Field(default=10.0, alias="timeout")
    retry_first_s: Duration = Field(default=5.0, alias="retry_first")
    retry_longest_s: Duration = Field(default=900.0, alias="retry_longest")
    give_up_after_s: Duration = Field(default=86_400.0, alias="give_up_after")
    after_crash: Literal["again", "leave"] = "again"

    def wants(self, what: str, severity: str) -> bool:
        """Whether it shall carry such a notice."""
        return what in self.tell and rank(severity) >= rank(self.at_least)

    @property
    def targets(self) -> tuple[str, ...]:
        """Where it leads, one delivery for each."""
        return ("",)


class TopicChannel(_Channel):
    """The topic `grid.alerts`."""

    type: Literal["topic"]
    tell: tuple[Told, ...] = ("raised", "worse", "reminder", "acknowledged", "cleared")


class WebhookChannel(_Channel):
    """A POST, signed as Standard Webhooks says, or in the form that Slack takes."""

    type: Literal["webhook", "slack"]
    url: str = ""
    url_file: Path | None = None
    secret_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _slack_cannot_deduplicate(cls, values: Any) -> Any:
        slack = isinstance(values, dict) and values.get("type") == "slack"
        return {"after_crash": "leave", **values} if slack else values

    @model_validator(mode="after")
    def _has_address(self) -> WebhookChannel:
        if bool(self.url) == (self.url_file is not None):
            raise ValueError("it needs url or url_file, and not both")
        if self.url and not re.match(r"https?://[^/\s]", self.url):
            raise ValueError("url must be as https://host/path")
        return self


class MailChannel(_Channel):
    """Mail by SMTP, one to each of `to`."""

    type: Literal["mail"]
    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    sender: str = Field(pattern=_ADDRESS)
    to: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(min_length=1)
    after_crash: Literal["again", "leave"] = "leave"

    @model_validator(mode="after")
    def _no_password_in_the_clear(self) -> MailChannel:
        if self.username and self.security == "none":
            raise ValueError("a username needs security starttls or tls: a password is not sent in the clear")
        return self

    @property
    def targets(self) -> tuple[str, ...]:
        return self.to


Channel = Annotated[TopicChannel | WebhookChannel | MailChannel, Field(discriminator="type")]
_MUTE: Final = Rule(name="-")


def _grid_alone() -> dict[str, Channel]:
    return {"grid": TopicChannel(type="topic")}


class Rules(_Part):
    """A whole file. `source`: who says it, in each CloudEvent."""

    source: str = Field(default="/gridcast", min_length=1, pattern=r"^\S+$")
    channel: dict[str, Channel] = Field(default_factory=_grid_alone, min_length=1)
    rule: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _channels_are_there(self) -> Rules:
        if DEAD in self.channel:
            raise ValueError(f"channel.{DEAD}: this name is taken")
        for number, rule in enumerate(self.rule, start=1):
            unknown = [name for name in rule.channels if name not in self.channel]
            if unknown:
                raise ValueError(f"rule {number} ({rule.name}), channels: there is no channel {unknown[0]!r}")
        return self

    def of(self, kind: str, plant_id: str) -> Rule:
        """The rule for a kind of signal of a plant; one that tells nobody where none fits."""
        return next((rule for rule in self._in_force() if rule.fits(kind, plant_id)), _MUTE)

    def for_signal(self, signal: Signal) -> Rule:
        """The rule for a signal."""
        return self.of(signal.kind, signal.plant_id)

    def _in_force(self) -> tuple[Rule, ...]:
        return self.rule or (Rule(name="default", channels=tuple(self.channel)),)


def read_rules(path: Path | None) -> Rules:
    """The rules of a file, or the defaults. Raises `InputError` that says every mistake with its place."""
    if path is None:
        return Rules()
    mistakes, found = check(path)
    if found is None:
        raise InputError("; ".join(mistakes))
    return found


def check(path: Path) -> tuple[list[str], Rules | None]:
    """One plain line for each mistake in a file, and its rules where there is none."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [f"{path} does not exist"], None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        return [f"{path}: {error}"], None
    try:
        return [], Rules.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        return [f"{path}: {_place(one['loc'], document)}{_plain(one)}" for one in found], None


def _place(parts: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """`rule 2 (outage), raise_after: ` for what pydantic calls rule.1.raise_after."""
    words: list[str] = []
    rest = list(parts)
    if len(rest) > 1 and rest[0] == "rule" and isinstance(rest[1], int):
        name = document["rule"][rest[1]].get("name") if isinstance(document["rule"][rest[1]], dict) else None
        words, rest = [f"rule {rest[1] + 1}" + (f" ({name})" if name else "")], rest[2:]
    elif len(rest) > 1 and rest[0] == "channel":
        words, rest = [f"channel {rest[1]}"], rest[2:]
        if rest and rest[0] in ("topic", "webhook", "slack", "mail"):
            rest = rest[1:]
    inner = ".".join(str(part) for part in rest)
    return ", ".join([*words, *([inner] if inner else [])]) + ": " if words or inner else ""


def _plain(error: Any) -> str:
    """Pydantic's sentence in the words of the file."""
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "missing":
        return "it is missing"
    if error["type"] == "union_tag_invalid":
        return "type must be topic, webhook, slack or mail"
    if error["type"] == "union_tag_not_found":
        return "type is missing: topic, webhook, slack or mail"
    if error["type"] == "string_pattern_mismatch" and "@" in str(error.get("ctx")):
        return "it must be an address as ops@example.org"
    text = str(error["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
