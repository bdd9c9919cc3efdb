"""Forecast blocks of a backtest into one Parquet table, a row for each step, and its scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.validate import FIRST_TIME_MS, LAST_TIME_MS
from models.validate_control import LARGEST_KW
from producers.folder import Folder
from schemas.forecasts import ForecastBlock
from schemas.records import PlantKind, PlantVersion

_ROWS_AT_ONCE: Final = 200_000
_TIME: Final = pa.timestamp("ms", tz="UTC")


class ForecastTable:
    """Writes `plant_id, issued_at, valid_at`, a column of kW for each level, `rung` and `release`."""

    def __init__(self, path: Path, levels: tuple[float, ...], from_ms: int, to_ms: int) -> None:
        self._names = [f"{level:g}" for level in levels]
        self._range = from_ms, to_ms
        self._schema = pa.schema(
            [
                ("plant_id", pa.string()),
                ("issued_at", _TIME),
                ("valid_at", _TIME),
                *((name, pa.float64()) for name in self._names),
                ("rung", pa.int8()),
                ("release", pa.string()),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_rows = 0
        self.issues = 0
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()
        self._writer.close()

    def add(self, blocks: Iterable[ForecastBlock]) -> None:
        """Take the forecasts of some issues; those outside the range are not asked for."""
        first_ms, end_ms = self._range
        for block in blocks:
            wanted = np.flatnonzero((block.issued_at_ms >= first_ms) & (block.issued_at_ms < end_ms))
            if wanted.size:
                self._take(self._batch(block, wanted), wanted.size)

    def _take(self, batch: pa.RecordBatch, issues: int) -> None:
        self.issues += issues
        self.rows += batch.num_rows
        self._waiting.append(batch)
        self._waiting_rows += batch.num_rows
        if self._waiting_rows >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._waiting_rows = [], 0

    def _batch(self, block: ForecastBlock, issues: np.ndarray) -> pa.RecordBatch:
        steps = block.valid_at_ms.shape[1]
        releases = [f"{block.model[i]} {block.version[i]}" for i in issues]
        columns: list[Any] = [
            pa.array([block.plant_id[i] for i in issues for _ in range(steps)], pa.string()),
            pa.array(np.repeat(block.issued_at_ms[issues], steps), _TIME),
            pa.array(block.valid_at_ms[issues].ravel(), _TIME),
            *(pa.array(block.power_kw[issues, :, k].ravel()) for k in range(len(self._names))),
            pa.array(block.rung[issues].ravel().astype(np.int8)),
            pa.array([release for release in releases for _ in range(steps)], pa.string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def score(path: Path, folder: Folder, resolution_s: int, horizon_s: int) -> dict[str, Any]:
    """The scores of a table against the telemetry of its folder."""
    import pandas as pd

    from models.backtest_scores import HORIZONS_S, Site, actuals, scores

    rows = folder.telemetry
    with np.errstate(invalid="ignore"):
        # A stamp or a power of no world would fill the memory or the integers that sums are kept in.
        sound = (rows.event_time_ms >= FIRST_TIME_MS) & (rows.event_time_ms <= LAST_TIME_MS)
        sound &= ~(np.abs(rows.numbers["power_kw"]) > LARGEST_KW)
    telemetry = pd.DataFrame(
        {
            "plant_id": np.array(folder.plant_ids)[rows.plant[sound]],
            "event_time": pd.to_datetime(rows.event_time_ms[sound], unit="ms", utc=True),
            "power_kw": rows.numbers["power_kw"][sound],
        }
    )
    sites = {
        plant.plant_id: Site(plant.capacity_kw, plant.kind is PlantKind.SOLAR, _position(plant))
        for plant in folder.plants
    }
    horizons = [seconds for seconds in HORIZONS_S if seconds <= horizon_s and seconds % resolution_s == 0]
    actual = actuals(telemetry, resolution_s)
    return scores(pd.read_parquet(path), actual, sites, resolution_s, horizons or [resolution_s])


def _position(plant: PlantVersion) -> tuple[float, float] | None:
    if plant.latitude is None or plant.longitude is None:
        return None
    return plant.latitude, plant.longitude
