"""A release's manifest says what it was made of, and its card says it to people."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from cli.training import code_sha256, described
from models.release import cold_start
from models.training.card import card
from models.training.fitness import Fitness
from models.training.gate import judge
from models.training.hold_back import split
from models.training.manifest import brief, data_sha256
from tests.forecast_world import SOLAR, WIND, history, small_release

KNOWN = [history(WIND), history(SOLAR)]


def manifest() -> dict[str, object]:
    verdict = judge(small_release(), {}, cold_start(), split(KNOWN, 10, {}))
    return dict(described(small_release(), verdict, Fitness(12.3456, 4.2), True).manifest)


def test_the_card_says_what_the_manifest_says() -> None:
    said = manifest()
    text = card("gridcast", "7", "ab" * 32, json.loads(json.dumps(said)))
    assert text.startswith("# gridcast 7\n")
    for part in ("wind-1", "solar-1", "made-up", "12.3 us", code_sha256(), "`seed`", "`net.rows`"):
        assert part in text
    verdict = said["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["reason"] in text
    assert f"| {verdict['plants']['wind-1']['candidate_pinball']:.4g} |" in text
    rows = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    assert len(rows) > 30
    tables = re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert all(len({line.count("|") for line in one.splitlines()}) == 1 for one in tables)


def test_the_card_says_which_correction_serves_and_what_the_others_did() -> None:
    table = {"closed_form": {"pinball": 2.5, "1h": 1.5}, "net": {"pinball": 2.25, "1h": 1.25}}
    said = {"plants": {}, "corrections": {"serves": "net", "why": "held-back skill", "table": table}}
    text = card("gridcast", "7", "", said)
    assert "`net` serves: held-back skill." in text
    assert "| `closed_form` | 2.5 | 1.5 |" in text
    assert "Correction" not in card("gridcast", "7", "", {"plants": {}})


def test_hindsight_stands_on_the_card() -> None:
    text = card("gridcast", "7", "", {"hindsight": True, "plants": {"a": {"kind": "wind"}}})
    assert "made after the fact" in text
    assert "made after the fact" not in card("gridcast", "7", "", {"plants": {"a": {"kind": "wind"}}})


def test_a_hash_of_the_data_changes_with_any_value_and_with_nothing_else() -> None:
    known = KNOWN[0]
    same = replace(known, power_kw=known.power_kw.copy())
    assert data_sha256(same) == data_sha256(known)
    power = known.power_kw.copy()
    power[100] += 0.001
    assert data_sha256(replace(known, power_kw=power)) != data_sha256(known)
    assert data_sha256(replace(known, runs=known.runs[:-1])) != data_sha256(known)


def test_a_manifest_fits_into_a_message_and_still_says_until_when_it_was_trained() -> None:
    plants = {
        f"plant-{i}": {"kind": "wind", "to": "2024-01-01T00:00:00Z", "columns": "x" * 400} for i in range(900)
    }
    whole = {
        "plants": plants,
        "features": {"a": ["f" * 50] * 400},
        "scores": {p: {"1h": {"n": 1}} for p in plants},
    }
    short = brief(whole, 100_000)
    assert len(json.dumps(short)) <= 100_000
    assert short["shortened"] is True
    assert short["plants"]["plant-899"]["to"] == "2024-01-01T00:00:00Z"
    assert brief(whole, 10_000_000) == whole
    assert "scores" in whole, "what was given stays as it was"
