"""A block of forecasts becomes one payload each, with nothing added and nothing lost."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from schemas.codec import Codec
from schemas.forecasts import ForecastBlock, encode_forecasts, forecast_ids, merged
from schemas.scores import ScoreBlock, encode_scores, records_of
from tests.unit.schemas_samples import YEAR_2014_MS

CODEC = Codec()
LEVELS = np.array([0.1, 0.5, 0.9])
STEPS = 4


def block(count: int = 3) -> ForecastBlock:
    """Forecasts of plants p0, p1, ... with four steps and three levels."""
    power_kw = np.arange(count * STEPS * len(LEVELS), dtype=float).reshape(count, STEPS, len(LEVELS))
    ends_ms = YEAR_2014_MS + 900_000 * np.arange(1, STEPS + 1)
    return ForecastBlock(
        plant_id=[f"p{at}" for at in range(count)],
        issued_at_ms=np.full(count, YEAR_2014_MS),
        known_at_ms=np.full(count, YEAR_2014_MS + 7),
        model=["boost"] * count,
        version=["3"] * count,
        release_sha256=["ab"] * count,
        plant_valid_from_ms=np.full(count, -5),
        capacity_kw=np.full(count, 8200.0),
        valid_at_ms=np.tile(ends_ms, (count, 1)),
        interval_s=np.full((count, STEPS), 900, np.int32),
        rung=np.tile(np.arange(STEPS, dtype=np.int8), (count, 1)),
        levels=LEVELS,
        power_kw=power_kw,
        available_kw=power_kw[:, :, 1].copy(),
        telemetry_offset=np.arange(count),
        telemetry_at_ms=np.full(count, YEAR_2014_MS - 1),
        run_source=["met"] * count,
        run_published_at_ms=np.full(count, YEAR_2014_MS - 2),
        telemetry_quality=np.full(count, 0.75),
        weather_quality=np.full(count, 1.0),
        stale=np.zeros(count, np.bool_),
    )


def decoded(of: ForecastBlock) -> list[dict[str, Any]]:
    """What a subscriber reads."""
    return [CODEC.decode(payload)[1] for payload in encode_forecasts(CODEC, of)]


def test_a_subscriber_reads_the_numbers_of_the_block() -> None:
    source = block()
    for at, record in enumerate(decoded(source)):
        assert record["plant_id"] == f"p{at}"
        assert record["levels"] == LEVELS.tolist()
        assert record["power_kw"] == source.power_kw[at].reshape(-1).tolist()
        assert record["valid_at"] == source.valid_at_ms[at].tolist()
        assert (record["interval_s"], record["rung"]) == ([900] * STEPS, [0, 1, 2, 3])
        assert (record["telemetry_offset"], record["telemetry_at"]) == (at, YEAR_2014_MS - 1)
        assert (record["run_source"], record["run_published_at"]) == ("met", YEAR_2014_MS - 2)
        assert (record["telemetry_quality"], record["weather_quality"], record["stale"]) == (0.75, 1.0, False)
        assert (record["model"], record["version"], record["release_sha256"]) == ("boost", "3", "ab")
        assert (record["plant_valid_from"], record["capacity_kw"]) == (-5, 8200.0)
        assert (record["issued_at"], record["known_at"]) == (YEAR_2014_MS, YEAR_2014_MS + 7)


def test_the_bytes_are_those_of_the_record_encoder() -> None:
    assert encode_forecasts(CODEC, block()) == CODEC.encode("Forecast", decoded(block()))


def test_what_was_not_there_is_null_and_not_a_number_that_stands_for_it() -> None:
    none = np.full(3, -1)
    nan = np.full(3, np.nan)
    without = replace(
        block(),
        telemetry_offset=none,
        telemetry_at_ms=none,
        run_source=[None] * 3,
        run_published_at_ms=none,
        telemetry_quality=nan,
        weather_quality=nan,
    )
    for record in decoded(without):
        assert record["telemetry_offset"] == -1
        names = ("telemetry_at", "run_source", "run_published_at", "telemetry_quality", "weather_quality")
        assert [record[name] for name in names] == [None] * 5


def test_scores_are_the_bytes_of_the_record_encoder() -> None:
    counts, entries = np.array([2, 1]), 3
    kw = np.arange(entries) / 7.0
    long = np.arange(entries) * 900
    block = ScoreBlock(
        plant_id=["a", "b"],
        valid_at=np.array([YEAR_2014_MS, YEAR_2014_MS + 1]),
        known_at=np.array([YEAR_2014_MS, YEAR_2014_MS + 2]),
        capacity_kw=np.array([10.0, 20.0]),
        count=counts,
        releases=[("net", "1"), ("net", "2")],
        release=np.array([1, 0, 1]),
        lead_s=long,
        issued_at=YEAR_2014_MS - long * 1000,
        rung=np.array([0, 1, 4]),
        actual_kw=kw,
        median_kw=kw + 1,
        pinball_kw=kw + 2,
        low_kw=kw + 3,
        high_kw=kw + 4,
        inside=kw > 0.2,
    )
    records = list(records_of([block, block]))
    assert [record["version"] for record in records[:2]] == [["2", "1"], ["2"]]
    assert encode_scores(CODEC, [block, block]) == CODEC.encode("Score", records)
    assert encode_scores(CODEC, []) == []


def test_available_power_is_said_where_it_is_not_the_median() -> None:
    source = block()
    source.available_kw[1, 2] += 50.0
    said = [record["available_kw"] for record in decoded(source)]
    assert said == [[], source.available_kw[1].tolist(), []]


def test_available_power_is_always_said_where_no_median_is_published() -> None:
    source = replace(block(), levels=np.array([0.1, 0.4, 0.9]))
    assert [record["available_kw"] for record in decoded(source)] == source.available_kw.tolist()


@pytest.mark.parametrize("count", [0, 1])
def test_small_blocks_are_blocks(count: int) -> None:
    assert len(encode_forecasts(CODEC, block(count))) == len(forecast_ids(block(count))) == count


def test_an_id_names_plant_issue_model_and_version() -> None:
    assert forecast_ids(block())[1] == "p1|2014-01-01T00:00:00Z|boost|3"


def test_merged_blocks_encode_to_the_same_payloads() -> None:
    whole = block()
    parts = [
        replace(
            whole,
            **{f.name: getattr(whole, f.name)[at : at + 1] for f in fields(whole) if f.name != "levels"},
        )
        for at in range(len(whole))
    ]
    joined = merged(parts)
    assert len(joined) == 1
    assert encode_forecasts(CODEC, joined[0]) == encode_forecasts(CODEC, whole)


def test_blocks_of_other_shapes_stay_apart() -> None:
    whole = block()
    longer = replace(whole, power_kw=np.concatenate([whole.power_kw, whole.power_kw], axis=1))
    assert merged([whole, longer]) == [whole, longer]
