"""What is found: a row for each detector of faults and of drift, and the causes that energy is lost by."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from models.detect.all import DETECTORS
from models.drift import error_drift, input_drift


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown)."""
    rows = [
        f"| `{one.name}` | {'unit' if one.per_unit else 'plant'} | {_first(type(one))} |" for one in DETECTORS
    ]
    yield (
        "reference/events.md",
        "# Types of events\n\nMade from the detectors. What each looks at and how it was measured:"
        " [detectors](../detectors.md); the fields of a record: [AnomalyEvent](records/AnomalyEvent.md),"
        " [DriftEvent](records/DriftEvent.md).\n\n## Anomalies\n\nEach opens, may be updated, and closes.\n\n"
        "| type | of | what it is |\n|---|---|---|\n" + "\n".join(rows) + "\n\n## Drift\n\n"
        "| subject | what it is |\n|---|---|\n"
        f"| `error` | {_first(error_drift)} |\n| an input | {_first(input_drift)} |\n",
    )


def _first(told: object) -> str:
    text = inspect.getdoc(told) or inspect.getdoc(inspect.getmodule(told)) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")
