"""Releases: what serves, what each was trained on, and what became of trainings."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from consumers.api.answers import JSON, answer, document_of, page_of, problems, tagged
from consumers.api.documents import Release, ReleaseDocument, Training
from consumers.api.gate import KeyFirst, Reader
from consumers.api.listing import Listing
from consumers.api.params import TEXT, Cursor, Limit
from consumers.api.parts import Given, Parts
from consumers.api.problems import Problem
from consumers.releases import champion, find, identity, manifest_of
from consumers.stored import read_releases
from models.training.card import card as written
from schemas.errors import InputError
from schemas.records import ReleaseRecord

router = APIRouter(tags=["releases"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

MARKDOWN: Final = "text/markdown"
ReleaseName = Annotated[str, Path(min_length=1, max_length=200, pattern=TEXT)]
_TRAININGS: Final = Listing(
    "trainings as t", ", ".join(Training.model_fields), {"training_id": "bigint"}, {}, descending=True
)


@router.get("/v1/releases", response_class=Response, responses=page_of(Release, "Oldest first, in one page."))
def releases(request: Request, given: Given, _key: Reader) -> Response:
    """Every release as its newest record has it, and how many plants' newest forecast it made."""
    return answer(request, Release, rows(given))


@router.get(
    "/v1/releases/{name}/{version}",
    response_class=Response,
    responses=document_of(ReleaseDocument, "The release.", 404),
)
def release(
    request: Request, given: Given, _key: Reader, name: ReleaseName, version: ReleaseName
) -> Response:
    """One release with its manifest: data, settings, scores on the days held back, verdict."""
    record, records = _find(given, name, version)
    told = {**_row(record, records, _forecasts_by(given)), "manifest": manifest_of(record)}
    return tagged(request, to_json(told, inf_nan_mode="null"), JSON)


@router.get(
    "/v1/releases/{name}/{version}/card",
    response_class=Response,
    responses={
        200: {"description": "The page.", "content": {MARKDOWN: {"schema": {"type": "string"}}}},
        **problems(304, 404),
    },
)
def card(request: Request, given: Given, _key: Reader, name: ReleaseName, version: ReleaseName) -> Response:
    """The model card in Markdown: what it is for, what it learned from, how well it does."""
    record, _ = _find(given, name, version)
    text = written(record.name, record.version, record.artifact_sha256, manifest_of(record))
    return tagged(request, text.encode(), f"{MARKDOWN}; charset=utf-8")


@router.get("/v1/trainings", response_class=Response, responses=page_of(Training, "Newest first.", 404))
def trainings(
    request: Request, given: Given, _key: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """What was trained when, why, and what came of it."""
    with given.database.reading() as question:
        found, following = _TRAININGS.page(question, {}, limit, cursor)
    return answer(request, Training, found, following=following)


def rows(given: Parts) -> list[dict[str, Any]]:
    """Every release, for a list."""
    with given.database.reading() as question:
        records = read_releases(question)
    newest = {identity(one): one for one in records}
    made = _forecasts_by(given)
    return [_row(one, records, made) for one in newest.values()]


def _forecasts_by(given: Parts) -> Counter[tuple[str, str]]:
    """By release the plants whose newest forecast it made."""
    return Counter(held.release for held in given.latest.all().values())


def _row(
    record: ReleaseRecord, records: list[ReleaseRecord], made: Counter[tuple[str, str]]
) -> dict[str, Any]:
    plants: tuple[str | None, ...] = record.plants or (None,)
    serving = [champion(records, plant_id) for plant_id in plants]
    return {
        "name": record.name,
        "version": record.version,
        "role": record.role.value,
        "serves": any(one is not None and identity(one) == identity(record) for one in serving),
        "forecasts_of": made[identity(record)],
        "since": datetime.fromtimestamp(record.valid_from_ms / 1000, UTC),
        "plants": list(record.plants),
        "sha256": record.artifact_sha256,
        "bytes": record.artifact_bytes,
    }


def _find(given: Parts, name: str, version: str) -> tuple[ReleaseRecord, list[ReleaseRecord]]:
    with given.database.reading() as question:
        records = read_releases(question)
    try:
        return find(records, version, name), records
    except InputError:
        raise Problem(404, "there is no such release: /v1/releases lists them") from None
