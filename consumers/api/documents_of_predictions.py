"""What predictions on request look like."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Predicted(BaseModel):
    """One interval."""

    valid_at: datetime = Field(description="End of the interval.")
    interval_s: int = Field(description="Length of the interval [s].", examples=[900])
    prediction_kw: float = Field(description="Median of the mean power [kW].", examples=[1850.0])
    available_kw: float | None = Field(description="The same without known limits [kW]; null where equal.")
    rung: str = Field(description="What it was made of.", examples=["physical start"])


class ConfidenceInterval(BaseModel):
    """How sure it is."""

    valid_at: datetime = Field(description="End of the interval.")
    low_kw: float = Field(description="Quantile 0.1 [kW].")
    high_kw: float = Field(description="Quantile 0.9 [kW].")
    power_kw: dict[str, float] = Field(description="Mean power [kW] by quantile level.")


class PredictionMetadata(BaseModel):
    """Where it comes from."""

    source: str = Field(description="The physical start, or the newest forecast of the worker.")
    plant_id: str | None = Field(description="Null for a plant that is not registered.")
    kind: str = Field(description="wind or solar")
    latitude: float | None
    longitude: float | None
    issued_at: datetime
    model: str = Field(description="Name of the release; cold-start is the built-in one.")
    version: str
    release_sha256: str | None
    capacity_kw: float
    levels: list[float] = Field(description="Quantile levels of `power_kw`.")
    interval: list[float] = Field(description="Levels of `low_kw` and `high_kw`.")
    rungs: list[str] = Field(description="Every rung of the steps told.")
    energy_kwh: float = Field(description="Energy of the medians [kWh].")
    stale: bool = Field(description="Issued after its first valid_at, in a catch-up.")
    trusted: bool
    why_not: str | None = Field(description="Why it should not be relied on now.")
    telemetry_at: datetime | None
    telemetry_age_s: float | None
    telemetry_quality: float | None
    weather_source: str | None
    weather_published_at: datetime | None
    weather_age_s: float | None
    weather_quality: float | None
    weather_cached: bool | None = Field(description="Whether the weather was known from another question.")
    weather_until: datetime | None = Field(description="How far the weather reaches.")


class Prediction(BaseModel):
    """A prediction on request; the lists have one element for each interval, in the same order."""

    predictions: list[Predicted]
    confidence_intervals: list[ConfidenceInterval]
    metadata: PredictionMetadata


class Difference(BaseModel):
    """What would be less what is."""

    energy_kwh: float
    baseline_kwh: float
    what_if_kwh: float
    prediction_kw: list[float] = Field(description="Of the medians, interval by interval [kW].")


class SideMetadata(BaseModel):
    """Where one side comes from."""

    issued_at: datetime
    model: str
    version: str
    release_sha256: str | None
    capacity_kw: float
    levels: list[float]
    interval: list[float]
    rungs: list[str]
    energy_kwh: float
    stale: bool
    telemetry_at: datetime | None
    telemetry_age_s: float | None
    telemetry_quality: float | None
    weather_source: str | None
    weather_published_at: datetime | None
    weather_age_s: float | None
    weather_quality: float | None


class Side(BaseModel):
    """One side of a what-if."""

    predictions: list[Predicted]
    confidence_intervals: list[ConfidenceInterval]
    metadata: SideMetadata


class WhatIf(BaseModel):
    """What is beside what would be, for the same intervals."""

    baseline: Side
    what_if: Side
    difference: Difference
    assumed: list[str] = Field(description="What was taken as given.")
    baseline_is_published: bool = Field(
        description="Whether the baseline is the newest published forecast, to the bit; telemetry that came"
        " late makes it another one."
    )


class BatchResult(BaseModel):
    """What became of one item."""

    status: int = Field(description="As if it had been asked alone.")
    answer: Prediction | WhatIf | None
    problem: str | None = Field(description="Why there is no answer.")


class Batch(BaseModel):
    """What became of the items of a batch, in their order."""

    results: list[BatchResult]
    answered: int
    refused: int


class BulkRow(BaseModel):
    """One interval of what a bulk job has made."""

    row: int = Field(description="Number of the question in the file, from 1.")
    plant_id: str | None
    latitude: float | None
    longitude: float | None
    kind: str | None
    capacity_kw: float | None
    source: str | None
    issued_at: datetime | None
    model: str | None
    version: str | None
    weather_source: str | None
    weather_published_at: datetime | None
    valid_at: datetime | None
    interval_s: int | None
    rung: str | None
    prediction_kw: float | None
    low_kw: float | None
    high_kw: float | None
    available_kw: float | None
    problem: str | None = Field(description="Why there is no answer.")


class Answered(BaseModel):
    """A prediction that was asked of this process."""

    at: datetime
    request_id: str
    key_id: str
    source: str = Field(description="place, plant or what_if")
    about: str = Field(description="The plant, or kind and place to 0.01 degrees.")
    status: int
    milliseconds: float
    why: str | None = Field(description="Why there was none.")
