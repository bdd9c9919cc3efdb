"""A folder is the same folder in CSV, Excel and Parquet, and its rows are numbered as a person sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from producers.folder import Folder, read_folder
from producers.problems import BadFolder
from producers.resume import content_hash
from tests.unit.producers.folders import NOW_MS, write

UNITS = "plant_id,unit_id,event_time,power_kw\nw1,t1,2024-01-01T00:10:00Z,50\nw1,t1,2024-01-01T00:20:00Z,\n"
WEATHER = (
    "plant_id,source,published_at,valid_at,wind_speed_100m_ms\n"
    "w1,nwp,2024-01-01T00:00:00Z,2024-01-01T02:00:00Z,7.25\n"
)


def known(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a small folder."""
    write(folder, units=UNITS, weather=WEATHER)
    return {path.stem: pd.read_csv(path) for path in sorted(folder.iterdir())}


def workbook(path: Path, tables: dict[str, pd.DataFrame]) -> None:
    with pd.ExcelWriter(path) as book:
        for name, frame in tables.items():
            frame.to_excel(book, sheet_name=name, index=False)


def same(left: Folder, right: Folder) -> bool:
    return (
        left.plants == right.plants
        and np.array_equal(left.telemetry.event_time_ms, right.telemetry.event_time_ms)
        and np.array_equal(left.telemetry.numbers["power_kw"], right.telemetry.numbers["power_kw"])
        and np.array_equal(left.units.readings.power_kw, right.units.readings.power_kw, equal_nan=True)
        and [run.columns["wind_speed_100m_ms"].tolist() for run in left.runs]
        == [run.columns["wind_speed_100m_ms"].tolist() for run in right.runs]
    )


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    tables = known(tmp_path / "csv")
    made = {kind: tmp_path / kind for kind in ("csv", "book", "sheets", "parquet")}
    for kind in ("book", "sheets", "parquet"):
        made[kind].mkdir()
    workbook(made["book"] / "export of 2024.xlsx", tables)
    for name, frame in tables.items():
        frame.to_excel(made["sheets"] / f"{name}.xlsx", index=False)
        frame.to_parquet(made["parquet"] / f"{name}.parquet", index=False)
    return made


@pytest.mark.parametrize("kind", ["book", "sheets", "parquet"])
def test_a_folder_is_the_same_in_every_kind_of_file(kind: str, folders: dict[str, Path]) -> None:
    assert same(read_folder(folders["csv"], NOW_MS), read_folder(folders[kind], NOW_MS))


def test_timestamps_with_a_zone_in_parquet_are_times(folders: dict[str, Path]) -> None:
    path = folders["parquet"] / "telemetry.parquet"
    frame = pd.read_parquet(path)
    frame["event_time"] = pd.to_datetime(frame["event_time"]).dt.tz_convert("Asia/Kolkata")
    frame.astype({"power_kw": "float32", "plant_id": "category"}).to_parquet(path, index=False)
    assert same(read_folder(folders["csv"], NOW_MS), read_folder(folders["parquet"], NOW_MS))


def said_of(folder: Path) -> str:
    with pytest.raises(BadFolder) as refused:
        read_folder(folder, NOW_MS)
    return str(refused.value)


def test_a_bad_cell_is_named_by_the_row_that_a_person_sees(folders: dict[str, Path]) -> None:
    for kind, file, row in (("sheets", "telemetry.xlsx", 3), ("parquet", "telemetry.parquet", 2)):
        path = folders[kind] / file
        frame = pd.read_excel(path, engine="calamine") if path.suffix == ".xlsx" else pd.read_parquet(path)
        frame["power_kw"] = ["100", "many", "120"]
        frame.to_excel(path, index=False) if path.suffix == ".xlsx" else frame.to_parquet(path, index=False)
        assert f"{file} row {row}, column power_kw: 'many' is not a number" in said_of(folders[kind])


def test_rows_of_a_sheet_are_counted_from_its_top(folders: dict[str, Path]) -> None:
    path = folders["sheets"] / "telemetry.xlsx"
    frame = pd.read_excel(path, engine="calamine")
    frame["power_kw"] = ["100", "many", "120"]
    frame.to_excel(path, index=False, startrow=3)
    assert "telemetry.xlsx row 6, column power_kw" in said_of(folders["sheets"])


def test_a_date_of_excel_says_no_zone_and_is_refused_for_it(folders: dict[str, Path]) -> None:
    path = folders["sheets"] / "telemetry.xlsx"
    frame = pd.read_excel(path, engine="calamine")
    frame["event_time"] = pd.to_datetime(frame["event_time"]).dt.tz_localize(None)
    frame.to_excel(path, index=False)
    assert "'2024-01-01T00:10:00' does not say its time zone" in said_of(folders["sheets"])


def test_two_files_of_one_table_are_refused(folders: dict[str, Path]) -> None:
    (folders["parquet"] / "telemetry.csv").write_text("plant_id,event_time,power_kw\n")
    assert "telemetry.csv: stands beside telemetry.parquet: keep one" in said_of(folders["parquet"])
    workbook(folders["sheets"] / "more.xlsx", {"Telemetry": pd.DataFrame({"a": [1]})})
    assert "more.xlsx: stands beside telemetry.xlsx" in said_of(folders["sheets"])


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("telemetry.xlsx", b"no book", "telemetry.xlsx: is no Excel workbook that can be read"),
        ("telemetry.xlsx", b"PK\x03\x04", "telemetry.xlsx: is no Excel workbook that can be read"),
        ("telemetry.parquet", b"PAR1", "telemetry.parquet: is no Parquet file that can be read"),
    ],
)
def test_a_damaged_file_is_one_plain_line(name: str, content: bytes, what: str, tmp_path: Path) -> None:
    folder = write(tmp_path, telemetry="")
    (folder / name).write_bytes(content)
    assert what in said_of(folder)


def test_a_column_of_lists_is_refused(folders: dict[str, Path]) -> None:
    path = folders["parquet"] / "telemetry.parquet"
    pd.read_parquet(path).assign(power_kw=[[1.0], [2.0], [3.0]]).to_parquet(path, index=False)
    assert "column power_kw: holds list" in said_of(folders["parquet"])


def test_a_column_with_cells_and_no_name_is_refused_by_its_letter(folders: dict[str, Path]) -> None:
    path = folders["sheets"] / "telemetry.xlsx"
    frame = pd.read_excel(path, engine="calamine")
    workbook(path, {"s": frame.assign(x=5).rename(columns={"x": ""})})
    assert "column D has cells and no name" in said_of(folders["sheets"])


@pytest.mark.parametrize("kind", ["csv", "book", "parquet"])
def test_a_publication_knows_its_folder_by_its_content(kind: str, folders: dict[str, Path]) -> None:
    before = content_hash(folders[kind])
    path = sorted(folders[kind].iterdir())[0]
    path.write_bytes(path.read_bytes() + b"\n")
    assert content_hash(folders[kind]) != before
