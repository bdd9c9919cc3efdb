"""Dashboards of Grafana: what they ask for is there, each panel says what it shows and in which unit, and no
file knows where it runs.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest
import yaml

from tests.promql_names import ROOT, Asked, check_values, known

FOLDER: Final = ROOT / "infra/grafana"
FILES: Final = sorted((FOLDER / "dashboards").glob("*.json"))
BOARDS: Final = [json.loads(path.read_text()) for path in FILES]
PANELS: Final = [(board["uid"], panel) for board in BOARDS for panel in board["panels"]]
#: As Grafana names units; another word is shown behind the number as it is.
UNITS: Final = {"short", "s", "bytes", "percentunit", "ops", "reqps", "bool_yes_no"}
WIDTH: Final = 24


def panels() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "panel", [one for _, one in PANELS], ids=[f"{uid}-{one['id']}" for uid, one in PANELS]
    )


def test_there_is_one_for_each_subject_named_as_its_file() -> None:
    assert {board["uid"] for board in BOARDS} == {
        f"gridcast-{one}" for one in ("fleet", "worker", "lag", "skill", "feeds")
    }
    assert [board["uid"] for board in BOARDS] == [path.stem for path in FILES]
    for board in BOARDS:
        assert board["schemaVersion"] >= 39 and board["title"] and board["description"]
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@panels()
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"] and len(panel["description"]) > 10
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    place = panel["gridPos"]
    assert place["w"] > 0 and place["h"] > 0 and 0 <= place["x"] <= WIDTH - place["w"]


@panels()
def test_a_panel_asks_for_metrics_and_labels_of_the_code(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        asked = Asked(target["expr"], known())
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named <= asked.labels, f"{target['legendFormat']} of {target['expr']}"
        for name, matchers in asked.selectors:
            for one in matchers:
                check_values(name, one.name, one.value)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
def test_the_data_source_is_chosen_in_the_dashboard(board: dict[str, Any]) -> None:
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert (
        variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    )
    asked = list(board["panels"]) + [t for panel in board["panels"] for t in panel["targets"]]
    asked += [one for one in variables.values() if one["type"] == "query"]
    assert all(one["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for one in asked)
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"])))
    assert used <= set(variables)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
def test_the_choices_of_a_dashboard_come_from_metrics_of_the_code(board: dict[str, Any]) -> None:
    for one in board["templating"]["list"]:
        if one["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", one["definition"])
            assert found is not None and one["query"]["query"] == one["definition"]
            assert found[2] in Asked(found[1], known()).labels


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
def test_panels_do_not_lie_over_each_other(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_knows_a_host(path: Any) -> None:
    assert not re.search(r"https?://|localhost|\d+\.\d+\.\d+\.\d+|:\d{4}\b", path.read_text())


def test_grafana_is_told_where_its_dashboards_lie_and_asks_the_environment_for_prometheus() -> None:
    source = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"][
        0
    ]
    assert source["url"] == "${PROMETHEUS_URL}" and source["isDefault"]
    provider = yaml.safe_load((FOLDER / "provisioning/dashboards/gridcast.yml").read_text())["providers"][0]
    assert provider["type"] == "file" and provider["options"]["path"] == "/var/lib/grafana/dashboards"
