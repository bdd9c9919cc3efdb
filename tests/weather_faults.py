"""What may go wrong between us and a source of weather, each as a fault that `WeatherServer` injects."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.weather_server import Fault, respond

Change = Callable[[Any], Any]


def busy(wait: str | None) -> Fault:
    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        told = b'{"error": true, "reason": "Minutely API request limit exceeded."}'
        respond(handler, 429, told, **({"Retry_After": wait} if wait is not None else {}))

    return fault


def status(code: int) -> Fault:
    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        respond(handler, code, b"<html><body>upstream is gone</body></html>", Content_Type="text/html")

    return fault


def hang(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Takes the request and never says a word."""
    _weather(handler).closing.wait(30)
    handler.close_connection = True


def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """A byte now and then: no time-out of a socket ever sees it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for at in range(len(body)):
        if _weather(handler).closing.wait(0.05):
            break
        handler.wfile.write(body[at : at + 1])
    handler.close_connection = True


def drip_headers(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """The same before the body has even begun."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not _weather(handler).closing.wait(0.05):
        handler.wfile.write(b"a")
    handler.close_connection = True


def cut(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Half of the promised bytes, then the connection ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def cut_in_good_order(handler: BaseHTTPRequestHandler, body: bytes) -> bytes:
    """Half an answer whose length says that it is whole: what a broken proxy keeps."""
    return body[: len(body) // 2]


def huge(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    """Never ends."""
    handler.send_response(200)
    handler.end_headers()
    while not _weather(handler).closing.is_set():
        handler.wfile.write(b"[" * 65_536)


def instead(sent: bytes) -> Fault:
    return lambda _handler, _body: sent


def changed(change: Change) -> Fault:
    """The answer with something in it that cannot be. `change` gets each place's part."""

    def fault(handler: BaseHTTPRequestHandler, body: bytes) -> bytes:
        document = json.loads(body)
        parts = document if isinstance(document, list) else [document]
        for part in parts:
            change(part)
        return json.dumps(document).encode()

    return fault


def hourly(part: Any) -> Any:
    """The series of a part, whichever source it is of: a dict by name, or a list of entries."""
    return part.get("hourly") or part["list"]


def backwards(part: Any) -> None:
    series = hourly(part)
    if isinstance(series, dict):
        series["time"].reverse()
    else:
        series.reverse()


def years_off(part: Any) -> None:
    series = hourly(part)
    if isinstance(series, dict):
        series["time"] = [stamp.replace("20", "19", 1) for stamp in series["time"]]
    else:
        for entry in series:
            entry["dt"] -= 1_000_000_000 // 10_800 * 10_800


def elsewhere(part: Any) -> None:
    if "city" in part:
        part["city"]["coord"] = {"lat": 0.0, "lon": -160.0}
    else:
        part["latitude"], part["longitude"] = 0.0, -160.0


def words(part: Any) -> None:
    """Words where there should be numbers."""
    series = hourly(part)
    if isinstance(series, dict):
        for name in series:
            if name != "time":
                series[name] = ["n/a"] * len(series[name])
    else:
        for entry in series:
            entry["main"], entry["wind"], entry["clouds"] = {"temp": "n/a"}, {"speed": "n/a"}, {"all": "n/a"}


def storm(part: Any) -> None:
    """Numbers of another unit throughout."""
    series = hourly(part)
    if isinstance(series, dict):
        for name in series:
            if name != "time":
                series[name] = [400.0 + value * 100 for value in series[name]]
    else:
        for entry in series:
            entry["main"], entry["wind"], entry["clouds"] = {"temp": 300}, {"speed": 400}, {"all": 1000}


ABSURD: dict[str, Fault] = {
    "empty": instead(b""),
    "html": instead(b"<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"),
    "nan": instead(b'{"latitude": NaN, "hourly": {"time": [NaN]}}'),
    "deep": instead(b"[" * 200_000),
    "null": instead(b"null"),
    "an empty list": instead(b"[]"),
    "cut in good order": cut_in_good_order,
    "backwards": changed(backwards),
    "years off": changed(years_off),
    "elsewhere": changed(elsewhere),
    "words": changed(words),
    "storm": changed(storm),
}
FAULTS: dict[str, Fault] = {
    "busy": busy(None),
    "busy for a while": busy("2"),
    "busy until a date": busy("Wed, 21 Oct 2015 07:28:00 GMT"),
    "busy for nonsense": busy("soon"),
    "500": status(500),
    "502": status(502),
    "503": status(503),
    "hang": hang,
    "drip": drip,
    "drip headers": drip_headers,
    "cut": cut,
    "huge": huge,
    **ABSURD,
}


def at_random(share: float, seed: int) -> Callable[[str], Fault | None]:
    """A fault for this share of requests, any of them."""
    dice = random.Random(seed)

    def choose(_path: str) -> Fault | None:
        return dice.choice(list(FAULTS.values())) if dice.random() < share else None

    return choose


def always(fault: Fault) -> Callable[[str], Fault | None]:
    return lambda _path: fault


def _weather(handler: BaseHTTPRequestHandler) -> Any:
    return handler.weather  # type: ignore[attr-defined]
