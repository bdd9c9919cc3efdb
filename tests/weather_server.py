"""A local stand-in for the sources of weather: answers in the shape that they document, with real values
(reanalysis at La Haute Borne, satellite irradiance at SERF East), and any fault that is asked for."""

from __future__ import annotations

import csv
import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[1]
HOUR_S = 3600
UNITS = {
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "surface_pressure": "hPa",
    "cloud_cover": "%",
    "cloud_cover_low": "%",
    "cloud_cover_mid": "%",
    "cloud_cover_high": "%",
    "precipitation": "mm",
    "shortwave_radiation": "W/m²",
    "direct_normal_irradiance": "W/m²",
    "diffuse_radiation": "W/m²",
}

Query = dict[str, str]
#: What a fault does to an exchange: sends what it likes, or returns the body that shall be sent instead.
Fault = Callable[[BaseHTTPRequestHandler, bytes], bytes | None]


def unit_of(variable: str) -> str:
    if variable.startswith("wind_direction"):
        return "°"
    return "m/s" if variable.startswith("wind_") else UNITS[variable]


@cache
def recorded(plant: str, column: str) -> list[float]:
    """A column of a sample's weather, in the order of the file."""
    with gzip.open(ROOT / "samples" / plant / "weather.csv.gz", "rt") as rows:
        return [float(row[column] or 0.0) for row in csv.DictReader(rows)]


def series(variable: str, first: int, count: int, place: int) -> list[float]:
    """Values of a variable at consecutive hours since 1970, the same whenever they are asked for."""
    hours = range(first, first + count)
    if variable.startswith("wind_direction"):
        return [float((hour * 7 + place) % 360) for hour in hours]
    if variable.startswith("wind_"):
        height = variable.removeprefix("wind_speed_").removesuffix("m")
        factor = 1.6 if "gusts" in variable else (float(height) / 100.0) ** 0.14
        return _of("la_haute_borne", "wind_speed_100m_ms", 1, first + 37 * place, count, factor)
    if variable in SUN:
        return _of("serf_east", "shortwave_radiation_w_m2", 4, 4 * first + place, count, SUN[variable])
    if variable == "temperature_2m":
        return _of("serf_east", "temperature_2m_c", 4, 4 * first + place, count, 1.0)
    if variable in STEADY:
        return [STEADY[variable]] * count
    return [float((hour * 3 + place) % 101) for hour in hours]


SUN = {"shortwave_radiation": 1.0, "direct_normal_irradiance": 0.8, "diffuse_radiation": 0.3}
STEADY = {"surface_pressure": 950.0, "relative_humidity_2m": 70.0, "precipitation": 0.1}


def _of(plant: str, column: str, every: int, start: int, count: int, factor: float) -> list[float]:
    """Every so many values of a recorded column, from somewhere on and round and round."""
    values = recorded(plant, column)
    size = len(values)
    return [round(values[(start + at) % size] * factor, 2) for at in range(0, count * every, every)]


def value(variable: str, hour: int, place: int) -> float:
    """One value of a series."""
    return series(variable, hour, 1, place)[0]


def open_meteo(query: Query, now_s: float) -> Any:
    """An object for one place, a list for several."""
    first, count = _hours(query, now_s)
    variables = query["hourly"].split(",")
    hours = range(first, first + count)
    answers = []
    for number, (north, east) in enumerate(
        zip(query["latitude"].split(","), query["longitude"].split(","), strict=True)
    ):
        place = round(float(north) * 100) + round(float(east) * 10)
        stamps = [f"{datetime.fromtimestamp(hour * HOUR_S, UTC):%Y-%m-%dT%H:%M}" for hour in hours]
        answer = {
            "latitude": round(float(north), 1),
            "longitude": round(float(east), 1),
            "generationtime_ms": 0.2,
            "utc_offset_seconds": 0,
            "timezone": "GMT",
            "timezone_abbreviation": "GMT",
            "elevation": 38.0,
            "hourly_units": {"time": "iso8601", **{name: unit_of(name) for name in variables}},
            "hourly": {
                "time": stamps,
                **{name: series(name, first, count, place) for name in variables},
            },
        }
        answers.append(answer | ({"location_id": number} if number else {}))
    return answers[0] if len(answers) == 1 else answers


def _hours(query: Query, now_s: float) -> tuple[int, int]:
    if "start_date" in query:
        first = int(datetime.fromisoformat(query["start_date"] + "T00:00Z").timestamp()) // HOUR_S
        last = int(datetime.fromisoformat(query["end_date"] + "T00:00Z").timestamp()) // HOUR_S
        return first, last + 24 - first
    past = int(query.get("past_hours", 0))
    return int(now_s) // HOUR_S - past, past + int(query["forecast_hours"])


def openweather(query: Query, now_s: float) -> Any:
    """Forty entries, three hours apart."""
    step = 3
    first = int(now_s) // HOUR_S // step * step + step
    entries = [_entry(query, hour, step) for hour in range(first, first + 40 * step, step)]
    coord = {"lat": float(query["lat"]), "lon": float(query["lon"])}
    return {"cod": "200", "message": 0, "cnt": 40, "list": entries, "city": {"id": 1, "coord": coord}}


def openweather_history(query: Query, now_s: float) -> Any:
    """An entry an hour; it does not say of which place."""
    hours = range(int(query["start"]) // HOUR_S, int(query["end"]) // HOUR_S + 1)
    entries = [_entry(query, hour, 1) for hour in hours]
    return {"message": "", "cod": "200", "city_id": 1, "cnt": len(entries), "list": entries}


def _entry(query: Query, hour: int, step: int) -> dict[str, Any]:
    place = round(float(query["lat"]) * 100) + round(float(query["lon"]) * 10)
    rain = {"rain": {f"{step}h": 0.6}} if hour % 2 else {}
    return {
        "dt": hour * HOUR_S,
        "main": {
            "temp": value("temperature_2m", hour, place),
            "pressure": 1015,
            "grnd_level": 950,
            "humidity": 70,
        },
        "weather": [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10d"}],
        "clouds": {"all": round(value("cloud_cover", hour, place))},
        "wind": {"speed": value("wind_speed_10m", hour, place), "deg": 349, "gust": 9.1},
        **rain,
    }


def nasa_power(query: Query, now_s: float) -> Any:
    """Hours in UTC by their beginning; what is not known yet is the fill value: radiation of the last five
    days, the rest of the last two."""
    first = int(datetime.strptime(query["start"] + "Z", "%Y%m%d%z").timestamp()) // HOUR_S
    last = int(datetime.strptime(query["end"] + "Z", "%Y%m%d%z").timestamp()) // HOUR_S + 24
    north, east = float(query["latitude"]), float(query["longitude"])
    names = query["parameters"].split(",")
    known = {name: int(now_s) // HOUR_S - (120 if "SW" in name else 48) for name in names}
    stamps = {hour: f"{datetime.fromtimestamp(hour * HOUR_S, UTC):%Y%m%d%H}" for hour in range(first, last)}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [east, north, 300.5]},
        "properties": {
            "parameter": {
                name: {
                    stamp: _nasa(name, hour) if hour < known[name] else -999.0
                    for hour, stamp in stamps.items()
                }
                for name in names
            }
        },
        "header": {"title": "NASA/POWER", "fill_value": -999.0, "time_standard": "UTC"},
        "messages": [],
        "parameters": {name: {"units": NASA_UNITS[name], "longname": name} for name in names},
    }


NASA_UNITS = {
    **dict.fromkeys(("ALLSKY_SFC_SW_DWN", "ALLSKY_SFC_SW_DNI", "ALLSKY_SFC_SW_DIFF"), "Wh/m^2"),
    **dict.fromkeys(("WS10M", "WS50M"), "m/s"),
    **dict.fromkeys(("WD10M", "WD50M"), "Degrees"),
    "T2M": "C",
    "RH2M": "%",
    "PS": "kPa",
}


def _nasa(name: str, hour: int) -> float:
    same = {
        "ALLSKY_SFC_SW_DWN": "shortwave_radiation",
        "ALLSKY_SFC_SW_DNI": "direct_normal_irradiance",
        "ALLSKY_SFC_SW_DIFF": "diffuse_radiation",
        "T2M": "temperature_2m",
        "WS10M": "wind_speed_10m",
        "WS50M": "wind_speed_50m",
    }
    return value(same[name], hour, 0) if name in same else {"RH2M": 70.0, "PS": 95.0}.get(name, 180.0)


ANSWERS: dict[str, Callable[[Query, float], Any]] = {
    "/v1/forecast": open_meteo,
    "/v1/archive": open_meteo,
    "/data/2.5/forecast": openweather,
    "/data/2.5/history/city": openweather_history,
    "/api/temporal/hourly/point": nasa_power,
}


class WeatherServer:
    """Answers as the sources do. `faults`: called for each request with its path, returns a fault or None.

    `calls` counts requests by path, `asked` keeps their queries.
    """

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self.now_s = now_s
        self.faults: Callable[[str], Fault | None] = lambda _path: None
        self.calls: Counter[str] = Counter()
        self.asked: list[Query] = []
        self.closing = threading.Event()
        self._made: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            weather = outer

            def do_GET(self) -> None:
                with suppress(ConnectionError):
                    outer.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.calls[parts.path] += 1
        self.asked.append(query)
        body = self._body(parts.path, query)
        fault = self.faults(parts.path)
        sent = fault(handler, body) if fault is not None else body
        if sent is not None:
            respond(handler, 200, sent)

    def _body(self, path: str, query: Query) -> bytes:
        """The answer of an hour is made once."""
        hour = int(self.now_s()) // HOUR_S
        key = json.dumps([path, query, hour])
        if key not in self._made:
            self._made[key] = json.dumps(ANSWERS[path](query, self.now_s())).encode()
        return self._made[key]


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, told in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), told)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def weather_server(now_s: Callable[[], float] = time.time) -> Iterator[WeatherServer]:
    server = WeatherServer(now_s)
    try:
        yield server
    finally:
        server.close()


if __name__ == "__main__":
    with weather_server() as running:
        print(running.url, flush=True)
        threading.Event().wait()
