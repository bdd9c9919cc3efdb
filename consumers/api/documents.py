"""What answers look like: the models that OpenAPI shows, and the columns of CSV and Parquet."""

from __future__ import annotations

from pydantic import BaseModel, Field


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
