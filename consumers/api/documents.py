"""What answers look like: the models that OpenAPI shows, and the columns of CSV and Parquet."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from consumers.api.documents_of_actions import Acknowledged as Acknowledged
from consumers.api.documents_of_actions import Acknowledgement as Acknowledgement
from consumers.api.documents_of_actions import Job as Job
from consumers.api.documents_of_actions import JobDocument as JobDocument
from consumers.api.documents_of_actions import JobLine as JobLine
from consumers.api.documents_of_actions import PromotionOrder as PromotionOrder
from consumers.api.documents_of_actions import ReleaseChange as ReleaseChange
from consumers.api.documents_of_actions import RollbackOrder as RollbackOrder
from consumers.api.documents_of_actions import Schedule as Schedule
from consumers.api.documents_of_actions import ScheduleChange as ScheduleChange
from consumers.api.documents_of_actions import ScheduleOrder as ScheduleOrder
from consumers.api.documents_of_actions import ScheduleRun as ScheduleRun
from consumers.api.documents_of_actions import ShadowOrder as ShadowOrder
from consumers.api.documents_of_actions import TriggerChange as TriggerChange
from consumers.api.documents_of_actions import TriggerValue as TriggerValue
from consumers.api.documents_of_predictions import Answered as Answered
from consumers.api.documents_of_predictions import Batch as Batch
from consumers.api.documents_of_predictions import BatchResult as BatchResult
from consumers.api.documents_of_predictions import BulkRow as BulkRow
from consumers.api.documents_of_predictions import ConfidenceInterval as ConfidenceInterval
from consumers.api.documents_of_predictions import Difference as Difference
from consumers.api.documents_of_predictions import Predicted as Predicted
from consumers.api.documents_of_predictions import Prediction as Prediction
from consumers.api.documents_of_predictions import PredictionMetadata as PredictionMetadata
from consumers.api.documents_of_predictions import Side as Side
from consumers.api.documents_of_predictions import SideMetadata as SideMetadata
from consumers.api.documents_of_predictions import WhatIf as WhatIf


class Health(BaseModel):
    """Whether the process works; the reason stands in its log."""

    ok: bool = Field(examples=[True])
    uptime_s: float = Field(examples=[86400.0])
    follows_kafka: bool = Field(description="Whether newest forecasts and live events come in.")


class Ready(BaseModel):
    """Whether questions can be answered."""

    ok: bool
    forecasts: bool = Field(description="The newest forecast of every plant has been read.")
    database: bool = Field(description="PostgreSQL answers.")


class Version(BaseModel):
    """What runs here."""

    gridcast: str = Field(examples=["0.1.0"])
    api: str = Field(examples=["v1"])


class Plant(BaseModel):
    """A plant of the registry, as its newest version has it."""

    plant_id: str = Field(examples=["la-haute-borne"])
    kind: str = Field(description="wind or solar", examples=["wind"])
    capacity_kw: float = Field(description="Nameplate capacity [kW].", examples=[8200.0])
    latitude: float | None = Field(description="Degrees north.", examples=[48.45])
    longitude: float | None = Field(description="Degrees east.", examples=[5.6])
    resolution_s: int = Field(description="Length of its intervals [s].", examples=[900])
    issue_every_s: int = Field(description="Time between two forecasts [s].", examples=[900])
    min_kw: float | None = Field(description="Lowest power that the meter shows [kW].")
    hub_height_m: float | None
    tilt_deg: float | None
    azimuth_deg: float | None
    timezone: str | None
    valid_from: datetime


class Step(BaseModel):
    """One interval of a forecast."""

    valid_at: datetime = Field(description="End of the interval.")
    interval_s: int = Field(description="Length of the interval [s].", examples=[900])
    rung: str = Field(description="What it was made of.", examples=["both"])
    power_kw: dict[str, float] = Field(
        description="Mean power that the meter will show [kW], by quantile level.",
        examples=[{"0.1": 1200.0, "0.5": 1850.0, "0.9": 2600.0}],
    )
    available_kw: float | None = Field(description="Median without known limits [kW]; null where equal.")


class Forecast(BaseModel):
    """One forecast with its steps."""

    plant_id: str
    issued_at: datetime
    known_at: datetime
    model: str = Field(description="Name of the release; cold-start is the built-in one.")
    version: str
    capacity_kw: float
    stale: bool = Field(description="Issued after its first valid_at, in a catch-up.")
    telemetry_at: datetime | None = Field(description="Newest telemetry used.")
    telemetry_age_s: float | None
    telemetry_quality: float | None = Field(description="0 to 1.")
    weather_source: str | None
    weather_published_at: datetime | None
    weather_age_s: float | None
    weather_quality: float | None = Field(description="0 to 1.")
    steps: list[Step]


class OutlookStep(BaseModel):
    """One interval of an outlook."""

    valid_at: datetime = Field(description="End of the interval.")
    interval_s: int = Field(description="Length of the interval [s].")
    rung: str = Field(description="What it was made of.")
    p10_kw: float | None
    p50_kw: float | None
    p90_kw: float | None


class Outlook(BaseModel):
    """The newest forecast of a plant at a few lead times."""

    plant_id: str
    issued_at: datetime
    model: str
    version: str
    capacity_kw: float
    stale: bool
    telemetry_at: datetime | None = Field(description="Newest telemetry used.")
    measured_kw: float | None = Field(description="Mean power at that time [kW].")
    steps: list[OutlookStep]


class Issue(BaseModel):
    """A forecast without its steps."""

    plant_id: str
    issued_at: datetime
    model: str
    version: str
    known_at: datetime
    capacity_kw: float
    steps: int
    until: datetime | None = Field(description="End of the last step.")
    stale: bool
    telemetry_at: datetime | None
    weather_source: str | None
    weather_published_at: datetime | None
    telemetry_quality: float | None
    weather_quality: float | None


class Revision(BaseModel):
    """What one issue said of an interval."""

    plant_id: str
    valid_at: datetime
    interval_s: int
    issued_at: datetime
    lead_s: int
    model: str
    version: str
    rung: int
    p10_kw: float | None
    p50_kw: float | None
    p90_kw: float | None
    available_kw: float | None


class Actual(BaseModel):
    """A scan of a plant."""

    plant_id: str
    event_time: datetime = Field(description="End of the interval.")
    power_kw: float | None = Field(description="Mean power [kW], corrections applied.", examples=[1830.5])
    first_kw: float | None = Field(description="As it was sent first [kW].")
    known_at: datetime
    corrected_at: datetime | None


class UnitScan(BaseModel):
    """A scan of one unit of a plant: a turbine, an inverter."""

    plant_id: str
    unit_id: str
    event_time: datetime = Field(description="End of the interval.")
    power_kw: float | None = Field(description="Mean power [kW].")
    wind_speed_ms: float | None = Field(description="Wind speed at the unit [m/s].")


class Alert(BaseModel):
    """What people were told of, with its newest numbers."""

    alert_id: str
    kind: str = Field(description="A detector, drift or stall.", examples=["outage"])
    plant_id: str = Field(description="Empty for a stall, which has no plant.")
    unit_id: str
    subject: str
    rule: str
    state: str = Field(description="raised or cleared")
    severity: str = Field(description="info, warning or critical")
    energy_kwh: float = Field(description="Energy at stake in all of its events [kWh].")
    expected_kw: float | None
    actual_kw: float | None
    message: str
    evidence: dict[str, Any]
    started_at: datetime
    event_time: datetime = Field(description="Of the newest record.")
    raised_at: datetime
    cleared_at: datetime | None
    acked_at: datetime | None
    acked_by: str | None
    ack_note: str | None


class Event(BaseModel):
    """An anomaly event as its newest record tells it."""

    event_id: str
    plant_id: str
    unit_id: str = Field(description="Empty for the plant as a whole.")
    detector: str = Field(examples=["outage"])
    started_at: datetime
    sequence: int = Field(description="Number of the record: 0 opens, then updates, the last closes.")
    phase: str = Field(description="open, update or close")
    event_time: datetime
    severity: str = Field(description="info, warning or critical")
    expected_kw: float | None
    actual_kw: float | None
    energy_kwh: float = Field(description="Energy at stake since it opened [kWh].")
    evidence: dict[str, Any] = Field(description="Numbers that the detector looked at.")
    message: str


class Drift(BaseModel):
    """A change of the forecast error or of an input."""

    plant_id: str
    detector: str
    subject: str
    event_time: datetime
    model: str
    version: str
    statistic: float
    p_value: float | None
    before: float
    after: float
    message: str


class Loss(BaseModel):
    """What one cause has cost."""

    plant_id: str
    unit_id: str
    cause: str = Field(examples=["outage"])
    events: int
    hours: float
    unvalued_h: float
    energy_kwh: float | None
    eur: float | None


class Score(BaseModel):
    """A forecast against its actual, at one lead time."""

    plant_id: str
    valid_at: datetime
    lead_s: int
    model: str
    version: str
    issued_at: datetime
    rung: int
    capacity_kw: float
    actual_kw: float
    median_kw: float
    pinball_kw: float
    low_kw: float = Field(description="Quantile 0.1 [kW].")
    high_kw: float = Field(description="Quantile 0.9 [kW].")
    inside: bool
    published: bool = Field(description="False for what a shadow forecast.")


class Coverage(BaseModel):
    """How often the 80 % band held lately."""

    plant_id: str
    horizon: str = Field(examples=["1h"])
    lead_s: int
    days: int
    coverage80: float = Field(description="Share of the actuals inside; 0.8 is right.", examples=[0.79])


class Quality(BaseModel):
    """Whether a plant's newest forecast can be trusted now, and how good its feeds are."""

    plant_id: str
    trusted: bool
    why_not: str | None
    issued_at: datetime | None
    rung: str | None = Field(description="Of the first step.")
    telemetry_at: datetime | None
    telemetry_quality: float | None = Field(description="0 to 1: valid, on time, complete.")
    weather_source: str | None
    weather_published_at: datetime | None
    weather_quality: float | None
    coverage80_1h: float | None


class Performance(BaseModel):
    """Scores of a plant at a lead time over a range, in % of capacity; coverage and skills as shares."""

    plant_id: str
    horizon: str
    lead_s: int
    n: int
    nmae: float | None
    nmae_persistence: float | None
    skill: float | None = Field(description="Gain over persistence: 1 is perfect, 0 no better.")
    nmae_yesterday: float | None
    skill_yesterday: float | None
    nmae_smart: float | None
    skill_smart: float | None
    mape: float | None
    r2: float | None
    pinball: float | None
    coverage80: float | None
    width80: float | None


class Trend(BaseModel):
    """A period of a plant at a lead time: in % of capacity, coverage as a share."""

    plant_id: str
    period: datetime = Field(description="Start of the day, week or month, UTC.")
    n: int
    nmae: float | None
    bias: float | None = Field(description="The median over what was measured.")
    pinball: float | None
    width80: float | None
    coverage80: float | None
    load: float | None = Field(description="What was measured.")


class ComparedDay(BaseModel):
    """Pinball loss of two releases on one day of a plant at a lead time, in % of capacity."""

    plant_id: str
    day: datetime
    horizon: str
    n: int
    first: float
    second: float


class Release(BaseModel):
    """A release, as its newest record has it."""

    name: str
    version: str
    role: str = Field(description="champion, shadow or withdrawn")
    serves: bool = Field(description="Whether it is the newest promotion of all plants, or of its own.")
    forecasts_of: int = Field(description="Plants whose newest forecast it made.")
    since: datetime
    plants: list[str] = Field(description="Whom it is for; empty: every plant.")
    sha256: str
    bytes: int


class ReleaseDocument(Release):
    """A release with all that its record tells."""

    manifest: dict[str, Any]


class Training(BaseModel):
    """A training or an automatic rollback, and what came of it."""

    training_id: int
    started_at: datetime
    ended_at: datetime
    outcome: str
    because: str
    detail: str
    name: str | None
    version: str | None


class Lag(BaseModel):
    """How far a group is behind in a partition of a topic."""

    group: str = Field(examples=["gridcast-worker"])
    topic: str = Field(examples=["plant.telemetry"])
    partition: int
    committed: int = Field(description="The next record to read; -1: the group never committed.")
    end: int = Field(description="Where the log ends.")
    records: int = Field(description="Records that wait.")
    lost: int = Field(description="Records that the log let go before the group read them.")
    seconds: float | None = Field(
        description="known_at of the newest record minus that of the last committed."
    )


class Request(BaseModel):
    """A request to this process."""

    at: datetime
    request_id: str
    address: str
    key_id: str
    method: str
    path: str
    status: int
    milliseconds: float


class Action(BaseModel):
    """A row of the audit trail."""

    audit_id: int
    at: datetime
    who: str
    key_id: str | None
    action: str
    subject: str
    outcome: str
    request_id: str | None
    address: str | None
    detail: dict[str, Any]


class PlantDocument(Plant):
    """A plant with all of its versions."""

    versions: list[Plant]


class EventDocument(BaseModel):
    """An event with every record of it."""

    event_id: str
    records: list[Event]


class ModelVersion(BaseModel):
    """What answers under the name of a model."""

    model: str
    release: str | None = Field(description="Name of the release that serves; null: the cold start.")
    version: str
    since: datetime | None
    sha256: str | None
