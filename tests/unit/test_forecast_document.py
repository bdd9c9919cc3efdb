"""A lead time that is asked for is answered with the step that it lies in, wherever the issue lies."""

from __future__ import annotations

import pytest

from consumers.forecast_document import chosen
from tests import output_records as made

MINUTE_MS = 60_000
QUARTERS = 24
#: As published: quarters of an hour to 6 h, then whole hours.
ENDS_MS = [made.T0_MS + (one + 1) * 15 * MINUTE_MS for one in range(QUARTERS)] + [
    made.T0_MS + hour * 60 * MINUTE_MS for hour in range(7, 13)
]


def record(issued_ms: int) -> dict[str, object]:
    lengths = [900] * QUARTERS + [3600] * 6
    return made.forecast(steps=len(ENDS_MS), issued_at=issued_ms, valid_at=ENDS_MS, interval_s=lengths)


@pytest.mark.parametrize(
    ("late_min", "lead_min", "end_min"),
    [
        (0, 15, 15),  # on the grid: the step that ends there
        (0, 60, 60),
        (4, 15, 30),  # asked for by a tick at 4 minutes past
        (4, 60, 75),
        (15, 600, 660),  # at a quarter past, among whole hours
        (0, 720, 720),
    ],
)
def test_the_step_that_a_lead_time_lies_in(late_min: int, lead_min: int, end_min: int) -> None:
    found = chosen(record(made.T0_MS + late_min * MINUTE_MS), leads_s=[lead_min * 60])
    assert [one["valid_at_ms"] for one in found] == [made.T0_MS + end_min * MINUTE_MS]


def test_a_lead_time_behind_the_last_step_has_none() -> None:
    assert chosen(record(made.T0_MS), leads_s=[13 * 3600]) == []


def test_two_lead_times_in_one_step_are_one_step() -> None:
    assert len(chosen(record(made.T0_MS), leads_s=[60, 900])) == 1
