"""How good forecasts were: single scores, coverage, performance over a range, trends, releases compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from consumers.api.answers import answer, page_of, problems
from consumers.api.documents import ComparedDay, Coverage, Performance, Score, Trend
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing
from consumers.api.params import (
    TEXT,
    Cursor,
    From,
    Lead,
    Limit,
    Name,
    OfPlant,
    OneLead,
    PlantId,
    To,
    epoch_ms,
    lead_of,
)
from consumers.api.parts import Given
from consumers.api.problems import Problem
from consumers.api.routes.plants import expect_plant
from consumers.chart_data import read_measured, read_steps
from consumers.digest import TimeRange
from consumers.live_coverage import read_coverage
from consumers.live_losses import side_by_side
from consumers.releases import find
from consumers.skill import ALL_PLANTS, horizon_name, numbers, over_plants, skill
from consumers.stored import read_plants, read_releases
from consumers.trends import newest_score, read_trends
from models.live_losses import compared
from models.steps import LEADS_S
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as DatabaseCursor

router = APIRouter(tags=["scores"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

#: Where no range is asked for: so long before the newest score.
_USUAL: Final = timedelta(days=30)
_SCORES: Final = Listing(
    "score_leads as t",
    ", ".join(Score.model_fields),
    {"valid_at": "timestamptz", "lead_s": "integer", "model": "text", "version": "text"},
    {
        "plant_id": "t.plant_id = %(plant_id)s",
        "lead_s": "t.lead_s = %(lead_s)s",
        "model": "t.model = %(model)s",
        "version": "t.version = %(version)s",
        "from": "t.valid_at >= %(from)s",
        "to": "t.valid_at < %(to)s",
        "published": "t.published = %(published)s",
    },
    descending=True,
)
Days = Annotated[int, Query(ge=1, le=366, description="Newest days of each plant's own scores.")]
Period = Annotated[Literal["day", "week", "month"], Query(description="What a row is of, in UTC.")]
Version = Annotated[
    str,
    Query(min_length=1, max_length=200, pattern=TEXT, description="Version of a release.", examples=["3"]),
]


@router.get(
    "/v1/plants/{plant_id}/scores",
    response_class=Response,
    responses=page_of(Score, "Scores, newest first.", 404),
)
def scores(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: PlantId,
    lead: Lead = None,
    model: Name = None,
    version: Name = None,
    published: Annotated[bool | None, Query(description="False: what shadows forecast.")] = None,
    from_: From = None,
    to: To = None,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Response:
    """Each forecast of a plant against its actual, by lead time; of champions and of shadows."""
    asked = {
        "plant_id": plant_id, "lead_s": lead and lead_of(lead), "model": model, "version": version,
        "from": from_, "to": to, "published": published,
    }  # fmt: skip
    with given.database.reading() as question:
        expect_plant(question, plant_id)
        rows, following = _SCORES.page(question, asked, limit, cursor)
    return answer(request, Score, rows, following=following)


@router.get("/v1/coverage", response_class=Response, responses=page_of(Coverage, "In one page."))
def coverage(request: Request, given: Given, _key: Reader, lead: Lead = None, days: Days = 30) -> Response:
    """How often the published 80 % bands of each plant held lately, at one lead time or at all."""
    wanted = LEADS_S if lead is None else (lead_of(lead),)
    rows = []
    with given.database.reading() as question:
        for lead_s in wanted:
            for plant_id, held in sorted(read_coverage(question, lead_s, days).items()):
                told = {"plant_id": plant_id, "horizon": horizon_name(lead_s), "lead_s": lead_s}
                rows.append({**told, "days": days, "coverage80": round(held, 4)})
    return answer(request, Coverage, sorted(rows, key=lambda row: (row["plant_id"], row["lead_s"])))


@router.get(
    "/v1/performance",
    response_class=Response,
    responses=page_of(Performance, "By plant and lead time, in one page.", 404),
)
def performance(
    request: Request, given: Given, _key: Reader, plant_id: OfPlant = None, from_: From = None, to: To = None
) -> Response:
    """Skill by plant and lead time over a range of issues, beside that of naive forecasts.

    As `gridcast score` counts, from what PostgreSQL holds. Without a range: the newest 30 days. Several
    plants have a row `all` beside them: the mean over plants, each counting the same.
    """
    with given.database.reading() as question:
        if plant_id is not None:
            expect_plant(question, plant_id)
        since, until = _range(question, from_, to, plant_id)
        within = TimeRange(epoch_ms(since), epoch_ms(until))
        steps = read_steps(question, () if plant_id is None else (plant_id,), within)
        versions = {one.plant_id: one for one in read_plants(question)}
        skills = [
            one
            for plant, own in steps.items()
            if plant in versions
            for one in skill(plant, own, read_measured(question, versions[plant], own))
        ]
    skills += over_plants(skills) if len({one.plant_id for one in skills}) > 1 else []
    more = {"from": since, "to": until}
    return answer(request, Performance, [numbers(one) for one in skills if one.n], more)


@router.get(
    "/v1/trends",
    response_class=Response,
    responses=page_of(Trend, "By plant and period, in one page.", 404),
)
def trends(
    request: Request,
    given: Given,
    _key: Reader,
    plant_id: OfPlant = None,
    lead: OneLead = "1h",
    by: Period = "day",
    from_: From = None,
    to: To = None,
) -> Response:
    """Error, bias, coverage and load of each day, week or month. Without a range: the newest 30 days."""
    lead_s = lead_of(lead)
    with given.database.reading() as question:
        if plant_id is not None:
            expect_plant(question, plant_id)
        since, until = _range(question, from_, to, plant_id)
        rows = read_trends(question, by, lead_s, since, until, plant_id)
    more = {"from": since, "to": until, "horizon": horizon_name(lead_s)}
    return answer(request, Trend, rows, more)


@router.get(
    "/v1/performance/releases",
    response_class=Response,
    responses=page_of(ComparedDay, "Days, oldest first, and the verdict.", 404),
)
def releases(
    request: Request,
    given: Given,
    _key: Reader,
    first: Version,
    second: Version,
    name: Name = None,
    plant_id: OfPlant = None,
) -> Response:
    """Two releases side by side on live data, champion and shadow, over the newest 60 days.

    As `gridcast models compare`: `all` and `plants` say which loses less and how likely that is by chance;
    the rows are the days, for a chart.
    """
    with given.database.reading() as question:
        records = read_releases(question)
        try:
            one, other = find(records, first, name), find(records, second, name)
        except InputError as error:
            raise Problem(404, str(error).replace("--name", "name")) from None
        days = side_by_side(question, one, other, None if plant_id is None else (plant_id,))
    by_plant = sorted({row.plant_id for row in days})
    more = {
        ALL_PLANTS: compared(days).to_json(),
        "plants": {p: compared([row for row in days if row.plant_id == p]).to_json() for p in by_plant},
    }
    rows = [
        {
            "plant_id": row.plant_id,
            "day": datetime.fromtimestamp(row.day * 86_400, UTC),
            "horizon": row.lead,
            "n": row.n,
            "first": round(100 * row.first, 4),
            "second": round(100 * row.second, 4),
        }
        for row in days
    ]
    return answer(request, ComparedDay, rows, more)


def _range(
    question: DatabaseCursor, from_: datetime | None, to: datetime | None, plant_id: str | None
) -> tuple[datetime, datetime]:
    until: Any = to
    if until is None:
        newest = newest_score(question, plant_id)
        until = datetime.now(UTC) if newest is None else newest + timedelta(seconds=1)
    return (until - _USUAL if from_ is None else from_), until
