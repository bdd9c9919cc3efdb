"""Grows quantile boosting with LightGBM: one ensemble for each knot on the same binned rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.forecast.base import KNOTS
from models.forecast.boosting import Boosting
from models.training.families import BoostingConfig
from models.training.lesson import Lesson, with_masked


def fit(lesson: Lesson, config: BoostingConfig, threads: int, seed: int) -> Boosting:
    """Trees of all known rows of a lesson."""
    import lightgbm

    names = lesson.row_names
    every = max(-(-int(lesson.known.sum()) // config.max_rows), 1)
    rows = np.zeros(len(lesson.power), np.bool_)
    rows[np.flatnonzero(lesson.known)[::every]] = True
    matrix, power = with_masked(lesson, names, lesson.of(names, rows), lesson.power[rows], seed)
    shared = _params(config) | {"seed": seed}
    data = lightgbm.Dataset(matrix, power, params=shared, free_raw_data=False).construct()

    def grow(level: float) -> str:
        made = lightgbm.train(shared | {"alpha": level}, data, config.trees)
        return str(made.model_to_string(num_iteration=-1))

    # LightGBM's own threads wait for each other spinning, which on a busy machine is slower by a factor of
    # ten.
    with ThreadPoolExecutor(threads) as pool:
        return Boosting(names, tuple(pool.map(grow, KNOTS)))


def _params(config: BoostingConfig) -> dict[str, object]:
    return {
        "objective": "quantile",
        "num_leaves": config.leaves,
        "learning_rate": config.rate,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging,
        "bagging_freq": 1,
        "extra_trees": config.extra_trees,
        "min_data_in_leaf": config.min_rows,
        "lambda_l2": config.l2,
        "max_bin": config.bins,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
