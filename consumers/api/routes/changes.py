"""What releases do, changed: promoted, run beside, rolled back, by the functions of the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request, Response

from consumers.api.acts import changing, done
from consumers.api.answers import document_of, problems
from consumers.api.documents import PromotionOrder, ReleaseChange, RollbackOrder, ShadowOrder
from consumers.api.gate import Admin, KeyFirst
from consumers.api.hands import Changed, Hands
from consumers.api.keys import Key
from consumers.api.parts import Given, Parts
from consumers.api.problems import Problem
from consumers.api.routes.releases import ReleaseName

router = APIRouter(tags=["releases"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

_CHANGED: Final[dict[int | str, Any]] = document_of(ReleaseChange, "What stands now.") | problems(404, 409)
Promotion = Annotated[PromotionOrder, Body(default_factory=PromotionOrder)]
Beside = Annotated[ShadowOrder, Body(default_factory=ShadowOrder)]
Rollback = Annotated[RollbackOrder, Body(default_factory=RollbackOrder)]


@router.post("/v1/releases/{name}/{version}/promote", response_class=Response, responses=_CHANGED)
def promote(
    request: Request, given: Given, key: Admin, name: ReleaseName, version: ReleaseName, order: Promotion
) -> Response:
    """Let a release serve; what served before runs on as a shadow. One that was judged to be no better is
    refused unless it is forced. Where it serves already nothing is sent: asking twice promotes once.
    """
    plants = tuple(order.plants)
    return _change(
        given, request, key, "release.promote", (name, version), order.model_dump(),
        lambda hands: hands.promote(name, version, plants, order.force),
    )  # fmt: skip


@router.post("/v1/releases/{name}/{version}/shadow", response_class=Response, responses=_CHANGED)
def shadow(
    request: Request, given: Given, key: Admin, name: ReleaseName, version: ReleaseName, order: Beside
) -> Response:
    """Let a release run beside what serves: its forecasts are scored and never published."""
    plants = tuple(order.plants)
    return _change(
        given, request, key, "release.shadow", (name, version), order.model_dump(),
        lambda hands: hands.run_beside(name, version, plants),
    )  # fmt: skip


@router.post("/v1/releases/{name}/{version}/rollback", response_class=Response, responses=_CHANGED)
def rollback(
    request: Request, given: Given, key: Admin, name: ReleaseName, version: ReleaseName, order: Rollback
) -> Response:
    """Withdraw this release, which serves, and let what served before it serve again. Asking twice goes back
    once: the second time it does not serve any more.
    """
    plants, why = tuple(order.plants), {"reason": order.because, "by": key.name}
    return _change(
        given, request, key, "release.rollback", (name, version), order.model_dump(),
        lambda hands: hands.rollback(name, version, plants, why),
    )  # fmt: skip


def _change(
    given: Parts,
    request: Request,
    key: Key,
    action: str,
    release: tuple[str, str],
    detail: dict[str, Any],
    act: Callable[[Hands], Changed],
) -> Response:
    hands = given.hands
    if hands is None:
        raise Problem(503, "this service was started to answer alone: releases cannot be changed through it")
    made = changing(given, request, key, action, " ".join(release), detail, lambda: act(hands))
    return done({**vars(made), "plants": list(made.plants), "shadows": list(made.shadows)}, ReleaseChange)
