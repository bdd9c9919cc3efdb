"""The whole solar track of GEFCom2014, out of the wheel `enflow`.

Hong et al. (2016), doi:10.1016/j.ijforecast.2016.02.001. ECMWF's accumulated fields run from each midnight
(UTC); they become means or sums of the hour. Two folders: with each day's run published at its midnight, as a
feed would give it, and with each month's runs published at the month's start, as the competition gave them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from samples.make_samples import rounded, write

TABLE: Final = "enflow/examples/data/gefcom2014-solar.csv"
SITES: Final = ("Site1", "Site2", "Site3")
CAPACITY_KW: Final = 1000
J_PER_WH: Final = 3600.0
#: ECMWF's parameter numbers.
CLOUD_WATER, CLOUD_ICE, PRESSURE, HUMIDITY, CLOUD = "VAR78", "VAR79", "VAR134", "VAR157", "VAR164"
U, V, TEMPERATURE, SOLAR, THERMAL = "VAR165", "VAR166", "VAR167", "VAR169", "VAR175"
TOP_SOLAR, PRECIPITATION = "VAR178", "VAR228"


def make(wheel: Path, folder: Path, monthly: bool) -> None:
    """Write the canonical folder; `monthly`: a month's weather is published at the month's start."""
    table = _read(wheel)
    sites = {site: _site(table, site) for site in SITES}
    names = {site: f"solar-zone-{site[-1]}" for site in SITES}
    weather = [_weather(own, names[site], monthly) for site, own in sites.items()]
    write(folder / "plants.csv", _plants(list(names.values())))
    write(folder / "telemetry.csv.gz", pd.concat([_power(own, names[s]) for s, own in sites.items()]))
    write(folder / "weather.csv.gz", pd.concat(weather))


def _read(wheel: Path) -> pd.DataFrame:
    with zipfile.ZipFile(wheel) as archive, archive.open(TABLE) as file:
        table = pd.read_csv(file, header=[0, 1], index_col=[0, 1])
    if not isinstance(table.columns, pd.MultiIndex):
        raise ValueError(f"{TABLE}: two header rows are expected")
    table.index = pd.MultiIndex.from_arrays(
        [pd.to_datetime(table.index.get_level_values(k)) for k in (0, 1)], names=["run", "valid_at"]
    )
    return table


def _site(table: pd.DataFrame, site: str) -> pd.DataFrame:
    own = table[site].copy()
    return own.reset_index()


def _plants(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "plant_id": names,
            "kind": "solar",
            "capacity_kw": CAPACITY_KW,
            "latitude": None,
            "longitude": None,
            "resolution_s": 3600,
        }
    )


def _power(own: pd.DataFrame, plant_id: str) -> pd.DataFrame:
    table = pd.DataFrame({"plant_id": plant_id, "event_time": own["valid_at"]})
    return rounded(table.assign(power_kw=own["Power"] * CAPACITY_KW)).sort_values("event_time", kind="stable")


def _weather(own: pd.DataFrame, plant_id: str, monthly: bool) -> pd.DataFrame:
    # The source's run stamp is its first valid hour, an hour after midnight.
    midnight = own["run"] - pd.Timedelta("1h")
    published = midnight.dt.to_period("M").dt.to_timestamp() if monthly else midnight

    def hourly(name: str) -> np.ndarray:
        sums = own[name].groupby(own["run"])
        return np.asarray(sums.diff().fillna(sums.transform("first")), np.float64)

    made = pd.DataFrame(
        {"plant_id": plant_id, "source": "ecmwf", "published_at": published, "valid_at": own["valid_at"]}
    )
    return rounded(made.assign(**_fields(own, hourly))).sort_values(
        ["published_at", "valid_at"], kind="stable"
    )


def _fields(own: pd.DataFrame, hourly: Callable[[str], np.ndarray]) -> dict[str, np.ndarray]:
    u, v = own[U].to_numpy(np.float64), own[V].to_numpy(np.float64)
    return {
        "shortwave_radiation_w_m2": hourly(SOLAR) / J_PER_WH,
        "toa_net_solar_w_m2": hourly(TOP_SOLAR) / J_PER_WH,
        "longwave_radiation_w_m2": hourly(THERMAL) / J_PER_WH,
        "cloud_cover_pct": own[CLOUD].to_numpy(np.float64) * 100,
        "cloud_water_kg_m2": own[CLOUD_WATER].to_numpy(np.float64),
        "cloud_ice_kg_m2": own[CLOUD_ICE].to_numpy(np.float64),
        "relative_humidity_pct": own[HUMIDITY].to_numpy(np.float64),
        "temperature_2m_c": own[TEMPERATURE].to_numpy(np.float64) - 273.15,
        "surface_pressure_hpa": own[PRESSURE].to_numpy(np.float64) / 100,
        "wind_speed_10m_ms": np.hypot(u, v),
        "wind_direction_10m_deg": np.degrees(np.arctan2(-u, -v)) % 360,
        "precipitation_mm": hourly(PRECIPITATION) * 1000,
    }
