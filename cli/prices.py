"""What energy costs: one price, or a file with one for each hour."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from schemas.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOUR_MS = 3_600_000
COLUMNS = ("time", "price_eur_mwh")


class Price(click.ParamType):
    """EUR/MWh, or the path of a CSV file with the columns `time` (start of the hour, UTC) and
    `price_eur_mwh`.
    """

    name = "price"

    def convert(
        self, value: str | float | dict[int, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> float | dict[int, float]:
        if not isinstance(value, str):
            return value
        from math import isfinite

        try:
            price = float(value)
        except ValueError:
            path = Path(value)
            if not path.is_file():
                self.fail(f"{value!r} is neither a price in EUR/MWh nor a file", param, ctx)
            return read_prices(path)
        if not isfinite(price):
            self.fail(f"{value!r} is no finite number", param, ctx)
        return price


def read_prices(path: Path) -> dict[int, float]:
    """Prices [EUR/MWh] by the start of their hour [ms]. Raises `InputError` with the row that is wrong."""
    with path.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.DictReader(text)
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise InputError(f"{path}: no column {missing[0]!r}; needed are {', '.join(COLUMNS)}")
        return dict(_row(path, number, row) for number, row in enumerate(rows, start=2))


def _row(path: Path, number: int, row: dict[str, str]) -> tuple[int, float]:
    try:
        moment = datetime.fromisoformat(row["time"])
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        price = float(row["price_eur_mwh"])
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}, row {number}: {error}") from error
    if price != price or abs(price) == float("inf"):
        raise InputError(f"{path}, row {number}: price_eur_mwh is no number")
    return round(aware.timestamp() * 1000) // HOUR_MS * HOUR_MS, price


def at(price: float | dict[int, float] | None, end_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """The price (n,) of the intervals that end at `end_ms`, NaN where there is none."""
    import numpy as np

    if price is None or isinstance(price, float):
        return np.full(len(end_ms), np.nan if price is None else price)
    hours = (end_ms - 1) // HOUR_MS * HOUR_MS
    return np.array([price.get(int(hour), np.nan) for hour in hours], np.float64)
