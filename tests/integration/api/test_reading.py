"""What the API tells is what the sink wrote and what the topics hold, in each format, page after page."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest

from cli.lag import readers
from cli.output import iso
from consumers.api.keys import Role
from consumers.lag import lags
from tests import output_records as made
from tests.integration.api.world import DAY, PLANTS, World
from tests.integration.sink_help import CODEC, ask

PARQUET = "application/vnd.apache.parquet"
T0 = iso(made.T0_MS)
LISTS = (
    "/v1/plants", "/v1/plants/a/actuals", "/v1/plants/a/forecasts", "/v1/plants/a/scores", "/v1/events",
    "/v1/drift", f"/v1/plants/a/revisions?valid_at={iso(made.T0_MS + DAY * made.QUARTER_MS)}",
    "/v1/logs/actions", "/v1/trainings", "/v1/plants/a/units", "/v1/forecasts/latest", "/v1/alerts",
)  # fmt: skip
WHOLE = (
    "/v1/quality", "/v1/losses", "/v1/coverage", "/v1/performance", "/v1/trends", "/v1/releases",
    "/api/models", "/v1/performance/releases?first=1&second=2", "/v1/logs/requests", "/v1/lag",
)  # fmt: skip


def rows(world: World, path: str) -> list[dict[str, Any]]:
    answer = world.get(path, Role.OPERATOR)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


@pytest.mark.parametrize("path", LISTS)
def test_pages_come_to_the_same_as_one_large_page(world: World, path: str) -> None:
    joint = "&" if "?" in path else "?"
    whole = rows(world, f"{path}{joint}limit=5000")
    paged: list[dict[str, Any]] = []
    step, cursor = max(len(whole) // 4, 1), ""
    with world.client(Role.OPERATOR) as client:
        for _ in range(len(whole) + 1):
            asked = {**_query(path), "limit": step, **({"cursor": cursor} if cursor else {})}
            page = client.get(path, params=asked)
            paged += page.json()["data"]
            cursor = page.json()["next"]
            assert ("link" in page.headers) == (cursor is not None)
            if cursor is None:
                break
    assert whole and paged == whole
    assert world.get(f"{path}{joint}cursor=W10", Role.OPERATOR).status_code == 404


def _query(path: str) -> dict[str, str]:
    return dict([path.partition("?")[2].split("=")]) if "?" in path else {}


@pytest.mark.parametrize("path", [*LISTS, *WHOLE, "/v1/plants/a/forecasts/latest"])
def test_csv_and_parquet_hold_what_json_holds(world: World, path: str) -> None:
    asked = path if path != "/v1/logs/requests" else f"{path}?limit=1"
    told = world.get(asked, Role.OPERATOR).json()
    data = told["data"] if "data" in told else told["steps"]
    text = world.get(asked, Role.OPERATOR, Accept="text/csv, application/json;q=0.5")
    table = world.get(asked, Role.OPERATOR, Accept=PARQUET)
    assert text.headers["content-type"].startswith("text/csv") and table.headers["content-type"] == PARQUET
    lines = list(csv.DictReader(io.StringIO(text.text)))
    arrow = pq.read_table(io.BytesIO(table.content))
    assert len(lines) == len(data) == arrow.num_rows
    assert text.text.partition("\n")[0].split(",") == arrow.column_names, "a header, also of nothing"
    if data and "power_kw" in data[0]:
        first = data[0]["power_kw"]
        first = first["0.5"] if isinstance(first, dict) else first
        name = "0.5" if "0.5" in arrow.column_names else "power_kw"
        assert float(lines[0][name]) == arrow.column(name)[0].as_py() == first
    assert world.get(asked, Role.OPERATOR, Accept="text/html").status_code == 406


def test_an_etag_saves_the_second_answer(world: World) -> None:
    for path in ("/v1/plants", "/v1/plants/a/forecasts/latest", "/v1/releases/demo/2/card", "/v1/losses"):
        first = world.get(path)
        again = world.get(path, **{"If-None-Match": f'"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"") and again.headers["etag"] == first.headers[
            "etag"
        ]
        assert world.get(path, **{"If-None-Match": '"other"'}).status_code == 200
        assert "Accept" in first.headers["vary"]
    tags = {world.get("/v1/plants", Accept=one).headers["etag"] for one in ("text/csv", PARQUET, "*/*")}
    assert len(tags) == 3


def test_the_latest_forecast_whole_and_in_parts(world: World) -> None:
    whole = world.get("/v1/plants/a/forecasts/latest").json()
    assert whole["issued_at"] == iso(made.T0_MS + DAY * made.QUARTER_MS) and len(whole["steps"]) == DAY
    assert whole["steps"][0]["power_kw"] == {"0.1": 90.0, "0.5": 100.0, "0.9": 110.0}
    part = world.get("/v1/plants/a/forecasts/latest?levels=0.9,0.1&horizons=15min,6h,30d").json()
    assert [one["power_kw"] for one in part["steps"]] == [{"0.1": 90.0, "0.9": 110.0}] * 2
    assert [one["valid_at"] for one in part["steps"]] == [
        iso(made.T0_MS + (DAY + quarters) * made.QUARTER_MS) for quarters in (1, 24)
    ]
    assert world.get("/v1/plants/a/forecasts/latest?levels=0.33").status_code == 404
    assert world.get("/v1/plants/nobody/forecasts/latest").status_code == 404


def test_a_past_issue_is_what_was_published_and_its_revisions_are_all_there(world: World) -> None:
    issued = made.T0_MS + 8 * made.QUARTER_MS
    told = world.get(f"/v1/plants/a/forecasts/{iso(issued)}").json()
    record = made.forecast("a", 8, steps=DAY)
    assert [one["valid_at"] for one in told["steps"]] == [iso(at) for at in record["valid_at"]]
    assert [kw for one in told["steps"] for kw in one["power_kw"].values()] == record["power_kw"]
    valid_at = made.T0_MS + DAY * made.QUARTER_MS
    revised = rows(world, f"/v1/plants/a/revisions?valid_at={iso(valid_at)}")
    assert [one["issued_at"] for one in revised] == [
        iso(made.T0_MS + step * made.QUARTER_MS) for step in range(DAY - 4, -1, -4)
    ]
    assert {one["p50_kw"] for one in revised} == {100.0}
    assert world.get("/v1/plants/a/forecasts/2014-01-01").status_code == 404


def test_actuals_events_losses_and_scores_are_those_of_the_tables(world: World) -> None:
    end = iso(made.T0_MS + 4 * made.QUARTER_MS)
    scans = rows(world, f"/v1/plants/a/actuals?from={T0}&to={end}")
    assert [one["power_kw"] for one in scans] == [90.0 + step % 7 for step in range(4)]
    events = rows(world, "/v1/events?plant_id=a")
    assert sorted((one["detector"], one["phase"], one["energy_kwh"]) for one in events) == [
        ("outage", "close", 300.0), ("unit_outage", "open", 125.0),
    ]  # fmt: skip
    assert [one["unit_id"] for one in rows(world, "/v1/events?plant_id=a&open=true")] == ["T1"]
    assert len(rows(world, "/v1/events?severity=critical")) == 0
    closed = next(one for one in events if one["phase"] == "close")
    records = world.get(f"/v1/events/{closed['event_id']}").json()["records"]
    assert [one["phase"] for one in records] == ["open", "close"]
    lost = world.get("/v1/losses?plant_id=a&price_eur_mwh=100").json()
    assert lost["lost_eur"] == pytest.approx(lost["lost_kwh"] / 10, abs=0.01)
    assert rows(world, "/v1/plants/a/scores?lead=1h&limit=1")[0]["lead_s"] == 3600
    assert {one["plant_id"] for one in rows(world, "/v1/coverage?lead=15min")} == set(PLANTS)
    trend = rows(world, "/v1/trends?plant_id=a&lead=15min&by=month")
    (n,) = ask(world.settings, "select count(*) from scores where plant_id = 'a'")[0]
    assert [(one["n"], one["nmae"], one["load"]) for one in trend] == [(n, 1.0, 9.0)]
    assert {one["plant_id"] for one in rows(world, "/v1/performance")} == {*PLANTS, "all"}
    assert {one["plant_id"] for one in rows(world, "/v1/performance?plant_id=a")} == {"a"}
    assert rows(world, "/v1/performance?from=2030-01-01&to=2030-01-02") == []
    assert rows(world, "/v1/plants/a/actuals?from=2015-01-01&to=2014-01-01") == []


def test_releases_and_the_names_that_others_ask_for(world: World) -> None:
    assert [(one["version"], one["serves"]) for one in rows(world, "/v1/releases")] == [
        ("1", False),
        ("2", True),
    ]
    for model in ("multi_step", "single_step", "multi_model_residual", "demo"):
        for path in (f"/model_version/{model}", f"/api/models/{model}"):
            told = world.get(path).json()
            assert (told["model"], told["release"], told["version"]) == (model, "demo", "2")
    assert world.get("/model_version/nobody").status_code == 404
    assert world.get("/v1/releases/demo/2/card").text.startswith("# demo 2\n")
    assert world.get("/v1/releases/demo/9").status_code == 404
    quality = {one["plant_id"]: one for one in rows(world, "/v1/quality")}
    assert quality["a"]["why_not"] == "its newest forecast lies wholly in the past"
    assert "gridcast_api_requests_total{" in world.get("/metrics").text
    assert 'route="/v1/quality"' in world.get("/metrics").text


def test_a_fleet_its_units_and_its_alerts_stand_beside_each_other(world: World) -> None:
    fleet = rows(world, "/v1/forecasts/latest?horizons=15min,20min,30min,6h,30d")
    assert [one["plant_id"] for one in fleet] == sorted(PLANTS)
    ahead = [iso(made.T0_MS + (DAY + quarters) * made.QUARTER_MS) for quarters in (1, 2, 24)]
    for one in fleet:
        assert [step["valid_at"] for step in one["steps"]] == ahead, "20 min lies in the step of 30 min"
        assert one["steps"][0] | {"p10_kw": 90.0, "p50_kw": 100.0, "p90_kw": 110.0} == one["steps"][0]
    scans = rows(world, f"/v1/plants/a/units?from={T0}&unit_id=T2&limit=2")
    assert [(one["unit_id"], one["power_kw"], one["wind_speed_ms"]) for one in scans] == [
        ("T2", 45.0, 9.5), ("T2", 45.5, 9.5),
    ]  # fmt: skip
    assert world.get("/v1/plants/nobody/units").status_code == 404
    alerts = rows(world, "/v1/alerts?state=raised&severity=critical")
    assert [(one["kind"], one["plant_id"], one["energy_kwh"]) for one in alerts] == [
        ("stall", "", 125.0), ("outage", "a", 125.0),
    ]  # fmt: skip
    assert [one["alert_id"] for one in rows(world, "/v1/alerts?plant_id=a")] == ["3", "1"]


def test_lag_is_that_of_the_command_line(world: World) -> None:
    told = {(one["group"], one["topic"], one["partition"]): one["records"] for one in rows(world, "/v1/lag")}
    settings = world.settings
    assert {group for group, _, _ in told} >= {settings.worker_group, settings.sink_group}
    asked = {
        (one.group, one.topic, one.partition): one.records for one in lags(settings, CODEC, readers(settings))
    }
    assert told == {place: asked[place] for place in told}
