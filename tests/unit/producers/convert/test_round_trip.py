"""Whatever a stranger's clock, stamps, unit and decimals are: told of them, the same folder comes out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.check import read_as
from producers.clock_changes import ZONES
from producers.convert.guesses import Guesses, Stamp, Unit
from producers.convert.write import write_folder
from producers.csv_file import Dialect
from tests.unit.producers.strangers import same_files

NOW_MS = 2_000_000_000_000
FACTOR = {Unit.W: 1000, Unit.KW: 1, Unit.MW: 0.001}
PLANTS = (
    "plant_id,kind,capacity_kw,latitude,longitude,resolution_s\na,wind,1000,50.0,8.0,{}\nb,wind,1000,,,{}\n"
)


def telemetry(start: str, days: int, step_min: int, seed: int) -> pd.DataFrame:
    """Two plants, row by row beside each other; some cells empty."""
    ends = pd.date_range(start, periods=days * 1440 // step_min, freq=f"{step_min}min", tz="UTC")
    random = np.random.default_rng(seed)
    power = np.round(random.uniform(-20, 1100, 2 * len(ends)), 3)
    power[random.uniform(size=power.size) < 0.02] = np.nan
    return pd.DataFrame(
        {
            "plant_id": np.tile(["a", "b"], len(ends)),
            "event_time": np.repeat(ends, 2),
            "power_kw": power,
            "temperature_c": np.round(random.normal(10, 5, power.size), 2),
        }
    )


def canonical(frame: pd.DataFrame, folder: Path, step_min: int) -> None:
    folder.mkdir()
    (folder / "plants.csv").write_text(PLANTS.format(step_min * 60, step_min * 60))
    frame.to_csv(folder / "telemetry.csv.gz", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def stranger(frame: pd.DataFrame, folder: Path, guesses: Guesses, step_min: int) -> None:
    folder.mkdir()
    assert guesses.unit is not None
    (folder / "plants.csv").write_text(PLANTS.format(step_min * 60, step_min * 60))
    begin = pd.Timedelta(minutes=step_min if guesses.stamp is Stamp.START else 0)
    local = (frame["event_time"] - begin).dt.tz_convert(guesses.timezone).dt.tz_localize(None)
    made = frame.assign(event_time=local, power_kw=(frame["power_kw"] * FACTOR[guesses.unit]).round(6))
    sign, decimal = guesses.dialect.separator, guesses.dialect.decimal
    made = made.rename(columns={new: old for old, new in guesses.names})
    form = guesses.time_format or "%Y-%m-%d %H:%M:%S"
    made.to_csv(folder / "telemetry.csv", index=False, sep=sign, decimal=decimal, date_format=form)


@settings(max_examples=25, deadline=None)
@given(
    zone=st.sampled_from((*ZONES, "UTC", "Asia/Kolkata", "Asia/Kathmandu")),
    stamp=st.sampled_from(Stamp),
    unit=st.sampled_from(Unit),
    dialect=st.sampled_from((Dialect(), Dialect(";", ","), Dialect("\t", "."), Dialect("|", ","))),
    form=st.sampled_from((None, "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p")),
    month=st.sampled_from((3, 4, 9, 10, 11)),
    step_min=st.sampled_from((10, 15, 60)),
    seed=st.integers(0, 1000),
)
def test_there_and_back_is_the_same_folder(
    zone: str,
    stamp: Stamp,
    unit: Unit,
    dialect: Dialect,
    form: str | None,
    month: int,
    step_min: int,
    seed: int,
) -> None:
    names = (("When", "event_time"), ("Output", "power_kw"))
    guesses = Guesses(ZoneInfo(zone), stamp, unit, names, time_format=form, dialect=dialect)
    frame = telemetry(f"2019-{month:02}-01T12:30:00Z", 29, step_min, seed)
    with TemporaryDirectory() as home:
        known, theirs, out = (Path(home) / name for name in ("known", "theirs", "out"))
        canonical(frame, known, step_min)
        stranger(frame, theirs, guesses, step_min)
        write_folder(out, read_as(theirs, guesses, NOW_MS).tables)
        same_files(known, out)
