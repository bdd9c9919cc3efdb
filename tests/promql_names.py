"""What an expression of Prometheus asks for: which metrics, which labels, and which labels its answer has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import promql_parser
import yaml
from prometheus_client.metrics import MetricWrapperBase

from infra import metrics
from infra.topics import TOPICS

ROOT: Final = Path(__file__).parents[1]
RULES: Final = sorted((ROOT / "infra/prometheus/rules").glob("*.yml"))
#: What Prometheus sets on everything that it scrapes, by `infra/prometheus/prometheus.yml`.
SCRAPED: Final = frozenset({"job", "instance", "part"})
SCRAPE: Final = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
_PROCESS: Final = (
    "start_time_seconds", "cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes", "open_fds",
    "max_fds",
)  # fmt: skip
_NOTHING: Final = ("NumberLiteral", "StringLiteral")


@cache
def declared() -> dict[str, frozenset[str]]:
    """Every name that a process of ours answers with, and its labels."""
    found: dict[str, frozenset[str]] = {"up": SCRAPED}
    found |= {f"process_{name}": SCRAPED for name in _PROCESS}
    for name, metric in documented().items():
        labels = SCRAPED | set(metric._labelnames)
        if metric._type == "counter":
            found[f"{name}_total"] = labels
        elif metric._type == "histogram":
            found[f"{name}_bucket"] = labels | {"le"}
            found |= {f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[name] = labels
    return found


def documented() -> dict[str, MetricWrapperBase]:
    """The metrics of `infra/metrics.py` by the name that they were given."""
    ours = (one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase))
    return {one._name: one for one in ours}


def rules(kind: str) -> Iterator[dict[str, Any]]:
    """Every rule that is an `alert`, or a `record`."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from (rule for rule in group["rules"] if kind in rule)


@cache
def known() -> dict[str, frozenset[str]]:
    """Metrics and recorded rules, with the labels of each."""
    found = dict(declared())
    for rule in rules("record"):
        found[rule["record"]] = Asked(rule["expr"], found).labels
    return found


class Asked:
    """One expression. `labels` are those of its answer; `selectors` the names with their matchers.

    Raises `ValueError` where it cannot be read, names what is not there, or groups by what is not there.
    """

    def __init__(self, expression: str, names: dict[str, frozenset[str]]) -> None:
        self.selectors: list[tuple[str, list[Any]]] = []
        self._names = names
        self.labels = self._of(promql_parser.parse(expression))

    def _of(self, node: Any) -> frozenset[str]:
        kind = type(node).__name__
        if kind in _NOTHING:
            return frozenset()
        found: frozenset[str] = getattr(self, f"_{kind}")(node)
        return found

    def _VectorSelector(self, node: Any) -> frozenset[str]:
        labels = self._names.get(node.name)
        if labels is None:
            raise ValueError(f"there is no metric {node.name}")
        matchers = list(node.matchers.matchers)
        unknown = {one.name for one in matchers} - labels
        if unknown:
            raise ValueError(f"{node.name} has no label {', '.join(sorted(unknown))}")
        self.selectors.append((node.name, matchers))
        return labels

    def _MatrixSelector(self, node: Any) -> frozenset[str]:
        return self._VectorSelector(node.vector_selector)

    def _ParenExpr(self, node: Any) -> frozenset[str]:
        return self._of(node.expr)

    def _UnaryExpr(self, node: Any) -> frozenset[str]:
        return self._of(node.expr)

    def _Call(self, node: Any) -> frozenset[str]:
        inner: frozenset[str] = frozenset().union(*(self._of(one) for one in node.args))
        if node.func.name in ("absent", "vector", "time"):
            return frozenset()
        return inner - {"le"} if node.func.name == "histogram_quantile" else inner

    def _AggregateExpr(self, node: Any) -> frozenset[str]:
        inner = self._of(node.expr)
        if node.modifier is None:
            return inner if str(node.op) in ("topk", "bottomk") else frozenset()
        by = frozenset(node.modifier.labels)
        if by - inner:
            raise ValueError(f"grouped by {', '.join(sorted(by - inner))}, which is not there")
        return by if node.modifier.type == promql_parser.AggModifierType.By else inner - by

    def _BinaryExpr(self, node: Any) -> frozenset[str]:
        left, right = self._of(node.lhs), self._of(node.rhs)
        matching = node.modifier.matching if node.modifier is not None else None
        if matching is not None and set(matching.labels) - (left & right):
            raise ValueError(f"matched on {matching.labels}, which both sides do not have")
        return left or right


def parts() -> set[str]:
    """What `part` may be: the processes that are scraped, and those that the docs say may be."""
    named = SCRAPE[0]["dns_sd_configs"][0]["names"]
    return {*named, "api", "telemetry"}


def check_values(metric: str, label: str, value: str) -> None:
    """What a label is compared with must be something that the code says it can be."""
    words = [word for word in value.split("|") if word]
    if label == "part":
        assert set(words) <= parts()
    elif label == "topic":
        assert set(words) <= {topic.name for topic in TOPICS}
    elif label in ("outcome", "rung", "feed", "reason", "step"):
        said = documented()[metric.removesuffix("_total").removesuffix("_bucket")]._documentation
        assert [word for word in words if not re.search(rf"\b{word}\b", said)] == [], f"{metric}: {said}"
