"""What a training can be asked to do: one form for the API, schedules, triggers and the command line."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.errors import InputError

_Plant = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


#: JSON has one kind of number: 14.0 is as whole as 14. A yes or no is none.
WHOLE: Final = BeforeValidator(_whole)


class TrainOrder(BaseModel):
    """One training, as `gridcast train` takes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: _Name = Field(default="gridcast", description="Name of the release.")
    plants: list[_Plant] = Field(
        default_factory=list, max_length=1000, description="Judge and serve these alone; empty: every plant."
    )
    learn_from_all: bool = Field(
        default=False,
        description="Whether those plants are served by a release that every plant was trained on.",
    )
    hold_back_days: Annotated[int, Field(ge=1, le=366), WHOLE] = Field(
        default=14, description="Newest days that the candidate is judged on."
    )
    fast: bool = Field(default=False, description="A smaller training, in seconds for a plant.")
    refit: bool = Field(
        default=True, description="Train once more with the held-back days before publishing."
    )
    shadow: bool = Field(default=False, description="Publish it to be promoted later, not to serve now.")
    force: bool = Field(default=False, description="Publish it whatever the verdict is.")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE] = Field(
        default=1, description="The same seed gives the same release."
    )


class TriggeredOrder(TrainOrder):
    """The same, asked for by triggers, and by which."""

    triggers: list[str] = Field(default_factory=list)


def train_order(arguments: object) -> TriggeredOrder:
    """The order that a job's arguments are. Raises `InputError` for what is none."""
    try:
        return TriggeredOrder.model_validate(arguments)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        raise InputError(f"this is no training: {told}") from None
