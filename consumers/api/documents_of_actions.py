"""What is sent and answered where somebody acts: jobs, schedules, triggers, changes of releases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from consumers.jobs.orders import WHOLE, TrainOrder
from consumers.jobs.schedules import CRON

_STRICT = ConfigDict(extra="forbid", strict=True)
_Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Cron = Annotated[
    str,
    Field(
        max_length=200, pattern=CRON, examples=["0 3 * * 1"],
        description="Minute, hour, day, month, weekday, in UTC.",
    ),
]  # fmt: skip


class Job(BaseModel):
    """A job that was asked for."""

    job_id: int = Field(examples=[17])
    kind: str = Field(description="train, forecasts", examples=["train"])
    state: str = Field(description="waiting, running, stopping, done, failed or cancelled")
    progress: float = Field(description="Of what is being done, as a share.", examples=[0.4])
    stage: str = Field(description="What is being done.")
    arguments: dict[str, Any]
    because: str
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    runs: int = Field(description="How often it was begun; more than once where it was put back or lost.")
    losses: int = Field(description="How often the process that ran it ended without a word.")
    result: dict[str, Any] | None
    error: str | None


class JobLine(BaseModel):
    """What a job has said."""

    at: datetime
    text: str


class JobDocument(Job):
    """A job with the newest lines of its log, oldest first."""

    log: list[JobLine]


class Schedule(BaseModel):
    """A training by the clock, whatever the triggers say."""

    name: str = Field(examples=["nightly"])
    cron: str = Field(description="Minute, hour, day, month, weekday, in UTC.", examples=["0 3 * * 1"])
    kind: str
    arguments: dict[str, Any] = Field(description="What it asks for.")
    paused: bool
    next_at: datetime = Field(description="When it asks the next time, unless it is paused.")
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str


class ScheduleRun(BaseModel):
    """One time that a schedule asked for a job."""

    name: str
    due_at: datetime
    asked_at: datetime
    job_id: int | None = Field(description="Null once the job is forgotten.")
    state: str | None


class ScheduleOrder(BaseModel):
    """A schedule to make."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", examples=["nightly"])
    cron: Cron
    train: TrainOrder = TrainOrder()
    paused: bool = False


class ScheduleChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = _STRICT

    cron: Cron | None = None
    train: TrainOrder | None = None
    paused: bool | None = None


class TriggerValue(BaseModel):
    """A value that the triggers go by."""

    name: str = Field(examples=["skill_factor"])
    value: bool | int | float | str
    configured: bool | int | float | str = Field(description="What the settings say.")
    about: str
    changed_at: datetime | None = Field(description="Null where nobody has set it.")
    changed_by: str | None


class TriggerChange(BaseModel):
    """Values to set over the settings; null: as the settings say again. What is left out stays."""

    model_config = _STRICT

    cron: Cron | None = None
    cooldown_s: float | None = Field(None, ge=0, le=1e9, allow_inf_nan=False)
    hold_back_days: Annotated[int, Field(ge=14, le=366), WHOLE] | None = None
    drift: bool | None = None
    new_plant_days: Annotated[int, Field(ge=0, le=3660), WHOLE] | None = None
    skill_factor: float | None = Field(None, ge=0, le=1e6, allow_inf_nan=False)
    live_days: Annotated[int, Field(ge=5, le=60), WHOLE] | None = None
    rollback: bool | None = None
    rollback_factor: float | None = Field(None, ge=0, le=1e6, allow_inf_nan=False)


class PromotionOrder(BaseModel):
    """Whom a release shall serve."""

    model_config = _STRICT

    plants: list[_Text] = Field(default_factory=list, max_length=1000, description="Empty: every plant.")
    force: bool = Field(False, description="Also one that was judged to be no better than what served.")


class ShadowOrder(BaseModel):
    """Beside whose champion a release shall run."""

    model_config = _STRICT

    plants: list[_Text] = Field(default_factory=list, max_length=1000, description="Empty: every plant.")


class RollbackOrder(BaseModel):
    """For whom a release is withdrawn, and why."""

    model_config = _STRICT

    plants: list[_Text] = Field(default_factory=list, max_length=1000, description="Empty: every plant.")
    because: _Note = "by hand"


class ReleaseChange(BaseModel):
    """What a change of releases came to; releases are told as `name version`."""

    release: str = Field(examples=["fleet 3"])
    role: str = Field(description="champion, shadow or withdrawn", examples=["champion"])
    plants: list[str] = Field(description="For whom; empty: every plant.")
    changed: bool = Field(description="False where it was so already, and nothing was sent.")
    serves: str = Field(description="What serves these plants from now on.", examples=["fleet 3"])
    shadows: list[str] = Field(description="Releases that run on as shadows because of it.")


class Acknowledgement(BaseModel):
    """What is done about an alert."""

    model_config = _STRICT

    note: _Note = Field("", examples=["a crew is on site"])


class Acknowledged(BaseModel):
    """An alert that was taken up."""

    alert_id: str
    acknowledged_by: str
    acknowledged_at: datetime
