"""Anomaly events, drift, and what they cost."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic_core import to_json

from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import Drift, Event, EventDocument, Loss
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing, named
from consumers.api.params import TEXT, Cursor, From, Limit, Name, OfPlant, To, epoch_ms, moment
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.loss_report import document, read_losses, wanted_plants
from consumers.losses import told_range
from schemas.errors import InputError

router = APIRouter(tags=["events"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_IDENTITY: Final = ("plant_id", "unit_id", "detector", "started_at")
_COLUMNS: Final = ", ".join(name for name in Event.model_fields if name != "event_id")
_EVENTS: Final = Listing(
    f"(select distinct on ({', '.join(_IDENTITY)}) {_COLUMNS} from anomalies"
    f" order by {', '.join(_IDENTITY)}, sequence desc) as t",
    _COLUMNS,
    {"started_at": "timestamptz", "plant_id": "text", "unit_id": "text", "detector": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "unit_id": "t.unit_id = %(unit_id)s",
        "detector": "t.detector = %(detector)s",
        "severity": "t.severity = %(severity)s",
        "open": "(t.phase <> 'close') = %(open)s",
        "from": "t.started_at >= %(from)s",
        "to": "t.started_at < %(to)s",
    },
    descending=True,
)
_RECORDS: Final = (
    f"select {_COLUMNS} from anomalies where plant_id = %(plant_id)s and unit_id = %(unit_id)s"
    " and detector = %(detector)s and started_at = %(started_at)s order by sequence"
)
_DRIFT: Final = Listing(
    "drift_events as t",
    ", ".join(Drift.model_fields),
    {
        "event_time": "timestamptz", "plant_id": "text", "detector": "text", "subject": "text",
        "model": "text", "version": "text",
    },
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "detector": "t.detector = %(detector)s",
        "subject": "t.subject = %(subject)s",
        "from": "t.event_time >= %(from)s",
        "to": "t.event_time < %(to)s",
    },
    descending=True,
)  # fmt: skip

Severity = Annotated[Literal["info", "warning", "critical"] | None, Query()]
EventId = Annotated[
    str, Path(min_length=1, max_length=2000, pattern=TEXT, description="As `event_id` in the list.")
]
Price = Annotated[
    float | None,
    Query(ge=-1e6, le=1e6, allow_inf_nan=False, description="EUR/MWh, to tell the losses in money too."),
]


@router.get("/v1/events", response_class=Response, responses=page_of(Event, "Events, newest first.", 404))
def events(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: OfPlant = None,
    unit_id: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
    detector: Name = None,
    severity: Severity = None,
    open: Annotated[bool | None, Query(description="Open ones alone, or closed ones.")] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Outages, curtailments, under-performance, silent feeds: each event as its newest record tells it."""
    asked = {
        "plant_id": plant_id, "unit_id": unit_id, "detector": detector, "severity": severity, "open": open,
        "from": from_, "to": to,
    }  # fmt: skip
    with given.database.reading() as question:
        rows, following = _EVENTS.page(question, asked, limit, cursor)
    return answer(request, Event, [_with_id(row) for row in rows], following=following)


@router.get(
    "/v1/events/{event_id}",
    response_class=Response,
    responses=document_of(EventDocument, "The event.", 404),
)
def event(request: Request, given: Given, _key: Reader, event_id: EventId) -> Response:
    """One event with every record of it: as it opened, grew and closed, with the evidence."""
    identity = _identity(event_id)
    with given.database.reading() as question:
        question.execute(_RECORDS, identity)
        records = [_with_id(row) for row in named(question)]
    if not records:
        raise _no_event()
    return tagged(request, to_json({"event_id": event_id, "records": records}, inf_nan_mode="null"), JSON)


@router.get("/v1/drift", response_class=Response, responses=page_of(Drift, "Drift, newest first.", 404))
def drift(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: OfPlant = None,
    detector: Name = None,
    subject: Name = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Errors or inputs that are no longer what they were."""
    asked = {"plant_id": plant_id, "detector": detector, "subject": subject, "from": from_, "to": to}
    with given.database.reading() as question:
        rows, following = _DRIFT.page(question, asked, limit, cursor)
    return answer(request, Drift, rows, following=following)


@router.get(
    "/v1/losses",
    response_class=Response,
    responses=page_of(Loss, "Losses, in one page, with their sums.", 404),
)
def losses(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: OfPlant = None,
    from_: From = None,
    to: To = None,
    price_eur_mwh: Price = None,
) -> Response:
    """Energy, and money, lost by plant, unit and cause; without a range over all that was measured.

    Energy behind a silent feed was not seen, which is not to say that it was lost: it stands apart.
    """
    price = np.nan if price_eur_mwh is None else price_eur_mwh
    with given.database.reading() as question:
        try:
            plants = wanted_plants(question, () if plant_id is None else (plant_id,))
        except InputError:
            raise Problem(404, f"there is no plant {plant_id}: /v1/plants lists them") from None
        known = told_range(question)
        since, until = known or (0, 0)
        since = since if from_ is None else max(epoch_ms(from_), since)
        until = until if to is None else min(epoch_ms(to), until)
        found = {}
        if since < until:
            found = read_losses(question, plants, since, until, lambda ends: np.full(len(ends), price))
    told = document(since, until, found)
    return answer(request, Loss, told.pop("losses"), told)


def _with_id(row: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": event_id_of(row), **row}


def event_id_of(row: dict[str, Any]) -> str:
    """What identifies an event, as one word for an address."""
    started_at = row["started_at"]
    started = started_at.isoformat() if isinstance(started_at, datetime) else str(started_at)
    parts = [row["plant_id"], row["unit_id"], row["detector"], started.replace("+00:00", "Z")]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _identity(text: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        plant_id, unit_id, detector, started_at = found
        if any(not isinstance(one, str) or "\x00" in one for one in found):
            raise ValueError
        names = {"plant_id": plant_id, "unit_id": unit_id, "detector": detector}
        return {**names, "started_at": moment(started_at)}
    except (ValueError, TypeError, RecursionError):
        raise _no_event() from None


def _no_event() -> Problem:
    return Problem(404, "there is no such event: /v1/events lists them")
