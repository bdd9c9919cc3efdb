"""The fleet of the speed benchmark: the same for a seed, plausible, and near what was measured."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.speed.fleet import Fleet, Scans
from models.validate import validate, versions_of
from models.validate_control import fault_of_plant
from schemas.codec import Codec
from streams.records import PlainRecords

DAY_SCANS = 1440


def together(fleet: Fleet, count: int) -> Scans:
    blocks = list(fleet.scans(count))
    names = [field.name for field in dataclasses.fields(Scans)]
    return Scans(*(np.concatenate([getattr(one, name) for one in blocks]) for name in names))


def test_a_seed_gives_the_same_fleet_and_another_seed_another_one() -> None:
    small = Fleet(plants=20, units=2)
    first, again = together(small, 30), together(small, 30)
    for field in dataclasses.fields(Scans):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    other = together(dataclasses.replace(small, seed=2), 30)
    assert not np.array_equal(first.power_kw[:20], other.power_kw[:20], equal_nan=True)


def test_every_plant_and_every_scan_is_one_that_a_worker_accepts() -> None:
    fleet = Fleet(plants=24, units=8)
    versions = fleet.versions(900)
    assert [fault_of_plant(one) for one in versions] == [None] * 24
    codec, scans = Codec(), together(fleet, 120)
    payloads = codec.encode_arrow("Telemetry", scans.to_arrow(fleet.plant_ids))
    keys: list[bytes | None] = [fleet.plant_ids[plant].encode() for plant in scans.plant]
    records = PlainRecords("plant.telemetry", 0, np.arange(len(scans)), keys, list(payloads))
    batch = codec.decode_journal(
        records.topic, records.partition, records.offsets, records.keys, records.payloads
    )
    assert batch.bad == []
    assert len(batch.telemetry) == len(scans)
    assert len(batch.telemetry.units) == 8 * len(scans)
    known = versions_of(batch.telemetry, {one.plant_id: [one] for one in versions})
    assert validate(batch.telemetry, known).ok.all()


def test_the_first_scan_stands_alone_at_the_start_and_each_plant_has_one_a_minute() -> None:
    fleet = Fleet(plants=10, units=0)
    blocks = list(fleet.scans(5))
    assert set(blocks[0].event_time_ms) == {fleet.start_ms}
    stamps = np.unique(np.concatenate([one.event_time_ms for one in blocks[1:]]))
    assert (np.diff(stamps) == 60_000).all()
    assert len(stamps) == 5


@pytest.mark.parametrize(
    ("solar", "minutes", "lag_1", "lag_6"),
    [(False, 10, (0.955, 0.99), (0.78, 0.93)), (True, 15, (0.93, 0.97), (0.75, 0.9))],
)  # fmt: skip
def test_power_changes_as_fast_as_that_of_the_measured_plants(
    solar: bool, minutes: int, lag_1: tuple[float, float], lag_6: tuple[float, float]
) -> None:
    fleet = Fleet(plants=40, units=0, scan_s=60)
    scans = together(fleet, 6 * DAY_SCANS)
    mine = (scans.plant % 2 == 1) == solar
    step = (scans.event_time_ms[mine] - fleet.start_ms - 1) // (minutes * 60_000) + 1
    cell = step * fleet.plants + scans.plant[mine]
    power = scans.power_kw[mine] / fleet.capacity_kw[scans.plant[mine]]
    known = np.isfinite(power)
    shape = int(step.max()) + 1, fleet.plants
    sums = np.bincount(cell[known], power[known], shape[0] * shape[1]).reshape(shape)
    counts = np.bincount(cell[known], minlength=shape[0] * shape[1]).reshape(shape)
    means = (sums / np.maximum(counts, 1))[1:, int(solar) :: 2]
    for lag, (low, high) in ((1, lag_1), (6, lag_6)):
        found = np.mean([np.corrcoef(one[:-lag], one[lag:])[0, 1] for one in means.T])
        assert low < found < high, f"lag {lag}: {found:.4f}"


def test_shares_of_nulls_negatives_and_digits_are_those_of_the_measured_plants() -> None:
    fleet = Fleet(plants=40, units=0, scan_s=60)
    scans = together(fleet, DAY_SCANS)
    wind = scans.plant % 2 == 0
    nulls = np.isnan(scans.power_kw)
    assert 0.001 < nulls[wind].mean() < 0.004  # La Haute Borne: 0.25 %
    assert 0.014 < nulls[~wind].mean() < 0.022  # kaggle-solar-1: 1.8 %
    assert 0.05 < (scans.power_kw[wind] < 0).mean() < 0.3  # La Haute Borne: 16 %
    given = scans.power_kw[~nulls]
    np.testing.assert_array_equal(given, np.round(given, 2))
