"""What if, over HTTP: the state of a plant put together from the topics, as its worker has it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from cachetools import TTLCache

from consumers.forecast_document import iso
from infra.kafka import Outgoing, produce_all, producer
from infra.postgres import transaction
from infra.settings import Settings
from infra.topics import CHECKPOINTS, FORECASTS_LATEST, JOURNAL
from streams.checkpoints import partition_of
from streams.plant_states import PlantStates
from tests.integration.api.world import World
from tests.integration.sink_help import wait_until
from tests.journals import MINUTE_MS, T0_MS, Item, plant, run, scan, tick
from tests.stream.live_run import CODEC, LiveRun, load, release

HOURS = 20
PARTITION = partition_of(b"a", 4)


def life() -> list[Item]:
    """A day of a plant with a release, and a neighbour in the same partition that nobody asks about."""
    items: list[Item] = [plant("a"), plant("n"), release("1", 0), run("a", 0, hours=90), run("n", 0)]
    for step in range(1, 4 * HOURS + 1):
        items += [scan("a", 15 * step, 300.0 + 3 * step), tick("n", 15 * step)]
        if step == 30:
            items.append(run("a", 15 * step, hours=90, speed_ms=11.0))
    return items


@pytest.fixture(scope="module")
def lived(service: World) -> Iterator[LiveRun]:
    """Its journal and checkpoints on the topics, the newest forecast too; the journal goes on behind the last
    checkpoint.
    """
    live = LiveRun.of(life(), batch=25, round_every=2)
    records = [Outgoing(JOURNAL, key, value, (), PARTITION) for key, value in live.journal]
    records += [
        Outgoing(CHECKPOINTS, key, CODEC.encode(name, [record])[0], (), PARTITION)
        for key, (name, record) in live.states.items()
    ]
    produce_all(producer(service.settings), records)
    newest = [one for one in live.forecasts if one.key == b"a"][-1]
    produce_all(producer(service.settings), [newest._replace(topic=FORECASTS_LATEST)])
    with transaction(service.settings) as cursor:
        for name in ("a", "unborn"):
            cursor.execute(
                "insert into plants (plant_id, valid_from, known_at, kind, capacity_kw, resolution_s,"
                " issue_every_s, journal_partition, journal_offset)"
                " values (%s, now(), now(), 'wind', 1000, 900, 900, 0, 0)",
                (name,),
            )
    states = service.app.state.parts.what_if.states
    states.artifacts = SimpleNamespace(load_release=load)
    issued_at = iso(CODEC.decode(newest.value)[1]["issued_at"])
    wait_until(
        lambda: service.get("/v1/plants/a/forecasts/latest").json()["issued_at"] == issued_at,
        "the newest",
        20,
    )
    yield live


def asked(world: World, body: dict[str, Any], plant_id: str = "a") -> Any:
    with world.client() as client:
        return client.post(f"/v1/plants/{plant_id}/what-if", json=body)


def test_the_baseline_is_what_the_worker_has_published(service: World, lived: LiveRun) -> None:
    assert 0 < len(lived.states) < 10, "from a checkpoint and the tail of the journal"
    told = asked(service, {}).json()
    published = service.get("/v1/plants/a/forecasts/latest").json()
    assert told["baseline_is_published"] is True
    assert told["baseline"] == told["what_if"] and told["difference"]["energy_kwh"] == 0.0
    about = told["baseline"]["metadata"]
    assert (about["model"], about["version"]) == ("test", "1") == (published["model"], published["version"])
    assert [one["power_kw"] for one in told["baseline"]["confidence_intervals"]] == [
        one["power_kw"] for one in published["steps"]
    ]


def test_another_capacity_and_another_run(service: World, lived: LiveRun) -> None:
    told = asked(service, {"capacity_kw": 1500.0, "hours": 6}).json()
    difference = told["difference"]
    assert difference["what_if_kwh"] == pytest.approx(1.5 * difference["baseline_kwh"])
    assert len(difference["prediction_kw"]) == len(told["baseline"]["predictions"]) == 24
    assert told["baseline_is_published"] is True and told["assumed"]
    earlier = {"source": "test", "published_at": iso(T0_MS)}
    told = asked(service, {"weather": earlier, "hours": 24}).json()
    assert told["what_if"]["metadata"]["weather_published_at"] == iso(T0_MS)
    assert told["difference"]["energy_kwh"] < 0, "the run before said less wind"
    now_ms = T0_MS + HOURS * 60 * MINUTE_MS
    rows = [
        {"valid_at": iso(now_ms + hour * 60 * MINUTE_MS), "values": {"wind_speed_100m_ms": 20.0}}
        for hour in range(1, 14)
    ]
    told = asked(service, {"weather": {"source": "test", "rows": rows}, "hours": 12}).json()
    assert told["difference"]["energy_kwh"] > 0 and told["what_if"]["metadata"]["rungs"] == ["both"]


def test_what_cannot_be_told_is_refused_plainly(service: World, lived: LiveRun) -> None:
    nothing = {"source": "test", "published_at": "2001-01-01T00:00:00Z"}
    for body, status, why in (
        ({"units_out": ["T1"]}, 409, "no unit of this plant"),
        ({"weather": nothing}, 409, "there is no run of test of 2001"),
        (
            {"weather": {"rows": [{"valid_at": iso(T0_MS), "values": {"wind_speed_100m_ms": 1.0}}]}},
            409,
            "lacks",
        ),
        ({"levels": [0.4242]}, 409, "not published"),
        ({"capacity_kw": 0}, 422, "capacity_kw"),
        ({"weather": {"rows": [{"valid_at": "soon", "values": {"a": 1.0}}]}}, 422, "no time"),
        ({"weather": {"rows": [{"valid_at": iso(T0_MS), "values": {"a; drop": 1.0}}]}}, 409, "is no column"),
        ({"units_out": True}, 422, "units_out"),
    ):
        answer = asked(service, body)
        assert (answer.status_code, why in answer.json()["detail"]) == (status, True), answer.text
    assert asked(service, {}, "nobody").status_code == 404
    assert "no forecast yet" in asked(service, {}, "unborn").json()["detail"]


def test_a_state_is_put_together_without_any_checkpoint_too(service: World, lived: LiveRun) -> None:
    states = PlantStates(_fresh(service.settings), CODEC, SimpleNamespace(load_release=load))
    fleet = states.fleet_of("a")
    assert list(fleet.ids.values()) == ["a"], "and of this plant alone"


def test_a_checkpoint_gets_old_however_often_it_is_asked_for(
    service: World, lived: LiveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = PlantStates(service.settings, CODEC, SimpleNamespace(load_release=load))
    now_s, read_at_s, read = [0.0], [], states._start
    states._starts = TTLCache(states._starts.maxsize, states._starts.ttl, timer=lambda: now_s[0])
    monkeypatch.setattr(states, "_start", lambda *where: (read_at_s.append(now_s[0]), read(*where))[1])
    for now_s[0] in (0.0, 40.0, 70.0):
        states.fleet_of("a")
    assert read_at_s == [0.0, 70.0]


def _fresh(settings: Settings) -> Settings:
    return settings.model_copy(update={"batch_records": 7})
