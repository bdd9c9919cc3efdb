"""Rules of Prometheus speak of metrics and labels that are there; each alert has its page and its trial."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import yaml

from tests.promql_names import ROOT, RULES, Asked, check_values, declared, known, rules

BOOK: Final = ROOT / "docs/run-book"
ALERTS: Final = {rule["alert"]: rule for rule in rules("alert")}
TRIALS: Final = yaml.safe_load((ROOT / "infra/prometheus/tests/gridcast-alerts.yml").read_text())


def test_the_checks_refuse_what_is_not_there() -> None:
    for wrong in (
        "gridcast_nothing",
        'gridcast_plants{plant="a"}',
        "sum by (plant) (gridcast_plants)",
        "sum(",
    ):
        with pytest.raises(ValueError, match=r"no metric|no label|not there|unclosed"):
            Asked(wrong, declared())


@pytest.mark.parametrize(
    "rule", [*rules("record"), *rules("alert")], ids=lambda rule: rule.get("alert", rule.get("record"))
)
def test_every_expression_asks_for_metrics_and_labels_of_the_code(rule: dict[str, Any]) -> None:
    asked = Asked(rule["expr"], known())
    for name, matchers in asked.selectors:
        for one in matchers:
            check_values(name, one.name, one.value)


@pytest.mark.parametrize("name", ALERTS)
def test_what_an_alert_says_names_labels_that_it_has(name: str) -> None:
    rule = ALERTS[name]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= Asked(rule["expr"], known()).labels
    assert rule["labels"]["severity"] in ("warning", "critical")


def test_every_alert_has_a_page_that_it_links_to_and_every_page_an_alert() -> None:
    pages = {path.stem for path in BOOK.glob("*.md")} - {"README"}
    assert pages == set(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"] == f"docs/run-book/{name}.md"
        assert f"({name}.md)" in (BOOK / "README.md").read_text()


@pytest.mark.parametrize("name", ALERTS)
def test_a_page_says_when_the_alert_is_told_what_to_look_at_and_what_to_do(name: str) -> None:
    text, rule = (BOOK / f"{name}.md").read_text(), ALERTS[name]
    assert f"```promql\n{rule['expr'].strip()}\n```" in text
    assert f"Severity {rule['labels']['severity']}" in text
    assert f" for {rule['for']}:" in text if "for" in rule else "holds:" in text
    assert re.search(r"## See\n\n```console\ngridcast ", text)  # its commands are checked by test_docs.py
    assert re.search(r"## Do\n\n1\. ", text)


def test_every_alert_is_tried_once_firing_and_once_quiet() -> None:
    tried = {(test["name"], bool(test["promql_expr_test"][0]["exp_samples"])) for test in TRIALS["tests"]}
    assert tried == {(f"{name} fires", True) for name in ALERTS} | {
        (f"{name} stays quiet", False) for name in ALERTS
    }
    assert {path.rpartition("/")[2] for path in TRIALS["rule_files"]} == {path.name for path in RULES}


@pytest.mark.parametrize("test", TRIALS["tests"], ids=lambda test: test["name"])
def test_a_trial_feeds_series_that_processes_can_answer_with(test: dict[str, Any]) -> None:
    for series in test["input_series"]:
        Asked(series["series"], declared())
