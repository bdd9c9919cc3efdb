"""The newest forecasts of all plants side by side, in few numbers: for a page of the fleet, for a desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from consumers.api.answers import answer, page_of, problems
from consumers.api.documents import Outlook
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing
from consumers.api.params import Cursor, Horizons, Limit, seconds_of
from consumers.api.parts import Given
from consumers.api.routes.plants import newest
from consumers.forecast_document import RUNGS, iso, iso_or_none
from models.steps import LEADS_S

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as DatabaseCursor

router = APIRouter(tags=["forecasts"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_LEVELS: Final = (0.1, 0.5, 0.9)
_NAMES: Final = Listing(
    "(select distinct plant_id from plants) as t", "plant_id", {"plant_id": "text"}, conditions={}
)
_MEASURED: Final = (
    "select a.plant_id, a.power_kw from unnest(%s::text[], %s::timestamptz[]) as w (plant_id, at)"
    " join actuals a on a.plant_id = w.plant_id and a.event_time = w.at"
)


@router.get(
    "/v1/forecasts/latest",
    response_class=Response,
    responses=page_of(Outlook, "Plants that have a forecast, by name.", 404),
)
def outlooks(
    request: Request,
    given: Given,
    _key: Reader,
    horizons: Horizons = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """The newest forecast of every plant at a few lead times: P10, P50, P90, beside what was measured last.

    Of each lead time the step that it falls into, so plants of any resolution stand beside each other.
    """
    leads_s = LEADS_S if horizons is None else seconds_of(horizons) or ()
    with given.database.reading() as question:
        page, following = _NAMES.page(question, {}, limit, cursor)
        records = [one for row in page if (one := newest(given, row["plant_id"])) is not None]
        measured = _measured(question, records)
    rows = [_outlook(one, leads_s, measured.get(one["plant_id"])) for one in records]
    return answer(request, Outlook, rows, following=following)


def _measured(question: DatabaseCursor, records: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """By plant the power [kW] at the newest telemetry that its forecast knew."""
    wanted = [one for one in records if one["telemetry_at"] is not None]
    names = [one["plant_id"] for one in wanted]
    question.execute(_MEASURED, (names, [iso(one["telemetry_at"]) for one in wanted]))
    return dict(question.fetchall())


def _outlook(record: Mapping[str, Any], leads_s: Sequence[int], measured_kw: float | None) -> dict[str, Any]:
    return {
        "plant_id": record["plant_id"],
        "issued_at": iso(record["issued_at"]),
        "model": record["model"],
        "version": record["version"],
        "capacity_kw": record["capacity_kw"],
        "stale": record["stale"],
        "telemetry_at": iso_or_none(record["telemetry_at"]),
        "measured_kw": measured_kw,
        "steps": list(_steps(record, leads_s)),
    }


def _steps(record: Mapping[str, Any], leads_s: Sequence[int]) -> Iterator[dict[str, Any]]:
    ends_ms, levels, power_kw = record["valid_at"], record["levels"], record["power_kw"]
    columns = {f"p{100 * level:.0f}_kw": _place(levels, level) for level in _LEVELS}
    wanted_ms = {record["issued_at"] + 1000 * lead_s for lead_s in leads_s}
    within = {_first(ends_ms, record["interval_s"], at_ms) for at_ms in wanted_ms}
    for place in sorted(one for one in within if one is not None):
        yield {
            "valid_at": iso(ends_ms[place]),
            "interval_s": record["interval_s"][place],
            "rung": RUNGS[record["rung"][place]],
            **{
                name: None if column is None else power_kw[place * len(levels) + column]
                for name, column in columns.items()
            },
        }


def _place(levels: Sequence[float], level: float) -> int | None:
    return levels.index(level) if level in levels else None


def _first(ends_ms: Sequence[int], interval_s: Sequence[int], at_ms: int) -> int | None:
    """The step whose interval ends at or after a time and begins before it."""
    for place, end_ms in enumerate(ends_ms):
        if end_ms >= at_ms:
            return place if end_ms - 1000 * interval_s[place] < at_ms else None
    return None
