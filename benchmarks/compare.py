"""Forecasts of a backtest beside the references, at exactly the same issues.

    python -m benchmarks.compare FOLDER FORECASTS.parquet --train-until 2013-01-01 [--per-plant] [--json]

By horizon, in % of capacity, each plant counting the same: pinball loss over the levels 0.1, 0.5 and 0.9 of
the forecasts and of direct LightGBM, their ratio, mean absolute errors of the median and of the naive
forecasts, and the coverage of the 80 % band.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.references import climatology, direct_lightgbm, naive
from benchmarks.references.known import Known, known_plants
from cli.main import run as run_command
from cli.output import emit, json_option, progress, table
from cli.times import Duration, Moment, Period
from models import score
from models.backtest_scores import HORIZONS_S, horizon_name, milliseconds
from schemas.errors import InputError

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
Numbers = dict[str, float]

LEVELS: Final = np.array(direct_lightgbm.LEVELS)
_NAMES: Final = [f"{level:g}" for level in direct_lightgbm.LEVELS]
_PERCENT: Final = 100.0
COLUMNS: Final = (
    "horizon", "n", "pinball3", "lightgbm", "ratio", "climatology", "nmae", "lightgbm_nmae", "persistence",
    "yesterday", "smart", "coverage", "lightgbm_coverage",
)  # fmt: skip


@click.command(
    epilog="Example:  python -m benchmarks.compare samples/la_haute_borne bt/forecasts.parquet "
    "--train-until 2014-12-01",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("forecasts", metavar="FORECASTS", type=click.Path(path_type=Path))
@click.option("--train-until", "until_ms", type=Moment(), required=True, help="The reference's first issue.")
@click.option("--retrain-every", type=Duration(months=True), default=None, help="As the backtest's.")
@click.option("--resolution", "step_s", type=Duration(), default="1h", show_default=True)
@click.option("--horizons", default=None, help="As 1h,6h,24h; the six of a backtest's scores unless given.")
@click.option("--trees", default=200, show_default=True, help="Trees of each boosting.")
@click.option("--threads", default=1, show_default=True)
@click.option("--per-plant", is_flag=True, help="A row for each plant and horizon too.")
@json_option
def command(
    folder: Path,
    forecasts: Path,
    until_ms: int,
    retrain_every: Period | None,
    step_s: int,
    horizons: str | None,
    trees: int,
    threads: int,
    per_plant: bool,
    as_json: bool,
) -> None:
    """Compare forecasts with direct LightGBM and with the naive forecasts at the same issues."""
    from producers.folder import read_folder

    plants = known_plants(read_folder(folder, int(time.time() * 1000)), step_s)
    said = pd.read_parquet(forecasts)
    settings = direct_lightgbm.Settings(trees=trees, threads=threads)
    with progress("lightgbm", None, quiet=as_json) as advance:
        rows = compare(
            plants,
            said,
            starts(retrain_every, until_ms, said),
            horizons_s(horizons),
            settings,
            lambda what: advance(1, what),
        )
    document = {"horizons": means(rows), "plants": rows}
    shown = [*document["horizons"], *(rows if per_plant else [])]
    columns = ["plant", *COLUMNS] if per_plant else COLUMNS
    emit(document, as_json, table(shown, columns))


def horizons_s(text: str | None) -> Sequence[int]:
    """Seconds of `1h,6h`, or the usual six."""
    if text is None:
        return HORIZONS_S
    parse = Duration()
    return [int(parse.convert(part, None, None)) for part in text.split(",")]  # type: ignore[arg-type]


def starts(every: Period | None, until_ms: int, said: pd.DataFrame) -> list[int]:
    """When the reference is fitted: once, or again with each period up to the last issue."""
    if every is None:
        return [until_ms]
    return list(every.within(until_ms, int(milliseconds(said["issued_at"]).max()) + 1))


def compare(
    plants: Mapping[str, Known],
    said: pd.DataFrame,
    fits_ms: Sequence[int],
    leads_s: Sequence[int],
    settings: direct_lightgbm.Settings,
    told: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row of numbers for each plant and horizon that has actuals.

    :param said: `plant_id`, `issued_at`, `valid_at` and columns of kW named `0.1`, `0.5`, `0.9`
    :param fits_ms: when the reference is fitted; an issue is served by the last fit at or before it
    :raises InputError: a level or a plant is missing, or nothing can be compared
    """
    _check(plants, said)
    made = []
    for plant_id, rows in said.groupby("plant_id", sort=True):
        plant = plants[str(plant_id)]
        issued, valid = milliseconds(rows["issued_at"]), milliseconds(rows["valid_at"])
        quantiles = rows[_NAMES].to_numpy(np.float64) / plant.capacity_kw
        for lead_s in leads_s:
            told(f"{plant_id} {horizon_name(lead_s)}")
            own = valid - issued == lead_s * 1000
            own &= np.isfinite(_actual(plant, valid))
            if own.any():
                numbers = _numbers(plant, issued[own], lead_s * 1000, quantiles[own], fits_ms, settings)
                made.append({"plant": plant_id, "horizon": horizon_name(lead_s), **numbers})
    if not made:
        raise InputError("no forecast at these horizons meets an actual: see --horizons and --resolution")
    return made


def _check(plants: Mapping[str, Known], said: pd.DataFrame) -> None:
    needed = ["plant_id", "issued_at", "valid_at", *_NAMES]
    missing = [name for name in needed if name not in said.columns]
    if missing:
        raise InputError(f"the forecasts have no column {', '.join(missing)}")
    strange = sorted({str(name) for name in said["plant_id"]} - set(plants))
    if strange:
        raise InputError(f"forecasts of plants that are not in the folder: {', '.join(strange)}")


def _actual(plant: Known, valid_ms: I8) -> F8:
    return plant.power.at(valid_ms, np.iinfo(np.int64).max)


def _numbers(
    plant: Known,
    issued: I8,
    lead_ms: int,
    quantiles: F8,
    fits_ms: Sequence[int],
    settings: direct_lightgbm.Settings,
) -> Numbers:
    actual = _actual(plant, issued + lead_ms)
    reference, usual = np.full_like(quantiles, np.nan), np.full_like(quantiles, np.nan)
    for first, end in zip(fits_ms, [*fits_ms[1:], np.iinfo(np.int64).max], strict=True):
        own = (issued >= first) & (issued < end)
        if own.any():
            reference[own] = direct_lightgbm.forecast(plant, issued[own], lead_ms, first, settings)
            usual[own] = climatology.forecast(plant, issued[own] + lead_ms, first, direct_lightgbm.LEVELS)
    ours, theirs = _loss(actual, quantiles), _loss(actual, reference)
    guesses = naive.forecasts(plant, issued, lead_ms)
    return {
        "n": len(actual),
        "pinball3": ours,
        "lightgbm": theirs,
        "ratio": ours / theirs if theirs > 0 else float("nan"),
        "climatology": _loss(actual, usual),
        "nmae": _mae(actual, quantiles[:, 1]),
        "lightgbm_nmae": _mae(actual, reference[:, 1]),
        **{name: _mae(actual, guess) for name, guess in guesses.items()},
        "coverage": _covered(actual, quantiles),
        "lightgbm_coverage": _covered(actual, reference),
    }


def _loss(actual: F8, quantiles: F8) -> float:
    return float(score.pinball(actual[:, None], quantiles, LEVELS).mean()) * _PERCENT


def _mae(actual: F8, guess: F8) -> float:
    known = np.isfinite(guess)
    return score.mae(actual[known], guess[known]) * _PERCENT


def _covered(actual: F8, quantiles: F8) -> float:
    return score.coverage(actual, quantiles[:, 0], quantiles[:, 2], score.VISIBLE_SHARE).inside


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The means over plants by horizon, and over the horizons as `all`; ratios are those of the means."""
    made = []
    for name in dict.fromkeys(row["horizon"] for row in rows):
        own = [row for row in rows if row["horizon"] == name]
        made.append({"horizon": name, **_mean_of(own)})
    every = {"horizon": "all", **_mean_of(made)}
    # The promise is a mean of ratios: a long horizon's larger loss shall not hide a short one's.
    every["mean_ratio"] = float(np.mean([row["ratio"] for row in made])) if made else float("nan")
    return [every, *made]


def _mean_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {"n": sum(row["n"] for row in rows)}
    for key in COLUMNS[2:]:
        known = [row[key] for row in rows if np.isfinite(row[key])]
        made[key] = float(np.mean(known)) if known else float("nan")
    made["ratio"] = made["pinball3"] / made["lightgbm"] if made["lightgbm"] else float("nan")
    return made


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.compare"))
