"""Scores of a champion and its shadow on their way into PostgreSQL, and what is read there."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from consumers.live_coverage import read_coverage
from consumers.stored_scores import read_scores
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topics import JOURNAL
from models import coverage
from models.engine import Engine
from models.steps import LEADS_S, EngineSettings
from schemas.records import ReleaseRole
from streams.outputs import LIVE, outgoing
from tests.integration.sink_help import ask, sink_all
from tests.journals import T0_MS, Item, batches
from tests.stream.live_run import CODEC, load, payload, release
from tests.unit.test_shadows import days, hourly


def live(settings: Settings) -> Engine:
    """Four days of two plants as a worker would do them: journal, forecasts and scores in the tables."""
    beside = release("5", 1, role=ReleaseRole.SHADOW)
    items: list[Item] = [hourly("a"), hourly("b"), release("1", 0), beside]
    items += [item for _, item in days(96, ("a", "b"))]
    machine = Engine(EngineSettings(), load)
    sent = [Outgoing(JOURNAL, *payload(item)) for item in items]
    for batch in batches(items, [100]):
        sent += outgoing(CODEC, machine.apply(batch), LIVE)
    produce_all(producer(settings), sent)
    sink_all(settings)
    return machine


def test_both_are_paired_in_the_tables_and_only_the_champion_counts_as_published(settings: Settings) -> None:
    machine = live(settings)
    found = ask(
        settings,
        "select version, published, count(*), count(distinct (plant_id, valid_at, lead_s))"
        " from score_leads group by 1, 2 order by 1",
    )
    (one, published, rows, times), (other, unpublished, more, theirs) = found
    assert (one, published, other, unpublished) == ("1", True, "5", False)
    assert rows == times == more == theirs > 500
    assert ask(settings, "select count(*) from forecasts where version = '5'") == [(0,)]
    differing = ask(
        settings,
        "select count(*) from score_leads c join score_leads s using (plant_id, valid_at, lead_s)"
        " where c.version = '1' and s.version = '5'"
        " and (c.actual_kw <> s.actual_kw or c.issued_at <> s.issued_at)",
    )
    assert differing == [(0,)]
    with closing(psycopg2.connect(settings.postgres.get_secret_value())) as server, server.cursor() as cursor:
        scores = {one.lead_s: one for one in read_scores(cursor, "a", T0_MS, T0_MS + 10**9)}
        for lead_s in (3600, 21_600):
            held = read_coverage(cursor, lead_s, 30)
            every = coverage.counts(machine.fleet, 30).inside[:, LEADS_S.index(lead_s)]
            assert [held["a"], held["b"]] == pytest.approx(every.tolist())
    assert scores[3600].n > 80, "what is read of stored forecasts is the champion's alone"
