"""Grows a quantile forest with LightGBM's random-forest mode and keeps what each leaf has seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Floats
from models.forecast.forest import GRID, KEPT, Forest
from models.training.families import ForestConfig
from models.training.lesson import Lesson, with_masked


def fit(lesson: Lesson, config: ForestConfig, seed: int) -> Forest:
    """A forest of all known rows of a lesson."""
    import lightgbm

    names = lesson.row_names
    every = max(-(-int(lesson.known.sum()) // config.max_rows), 1)
    rows = np.zeros(len(lesson.power), np.bool_)
    rows[np.flatnonzero(lesson.known)[::every]] = True
    matrix, power = with_masked(lesson, names, lesson.of(names, rows), lesson.power[rows], seed)
    params = _params(config, len(power)) | {"seed": seed}
    made = lightgbm.train(params, lightgbm.Dataset(matrix, power, params=params), config.trees)
    leaf = np.asarray(made.predict(matrix, pred_leaf=True, num_threads=1), np.int64)
    return Forest(names, str(made.model_to_string(num_iteration=-1)), _leaves(leaf, power))


def _params(config: ForestConfig, rows: int) -> dict[str, object]:
    return {
        "objective": "regression",
        "boosting": "rf",
        "num_leaves": max(rows // config.leaf_rows, 2),
        "min_data_in_leaf": config.leaf_rows,
        "feature_fraction_bynode": config.feature_fraction,
        "bagging_fraction": config.bagging,
        "bagging_freq": 1,
        "max_bin": config.bins,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }


def _leaves(leaf: NDArray[np.int64], power: Floats) -> NDArray[np.int16]:
    """For each tree (trees, most leaves, KEPT) quantiles of the actuals in each leaf, on the grid."""
    leaf = leaf.reshape(len(power), -1)
    made = np.zeros((leaf.shape[1], int(leaf.max()) + 1, KEPT), np.int16)
    rank = np.argsort(power, kind="stable")
    rising = np.rint(power[rank] * GRID)
    for tree in range(leaf.shape[1]):
        own = leaf[rank, tree]
        order = np.argsort(own, kind="stable")  # leaf by leaf, the actuals of each rising
        first = np.searchsorted(own[order], np.arange(made.shape[1] + 1))
        count = np.diff(first)
        place = (np.arange(KEPT) + 0.5) / KEPT * count[:, None]
        taken = first[:-1, None] + np.minimum(place.astype(np.int64), np.maximum(count[:, None] - 1, 0))
        made[tree] = rising[order][np.minimum(taken, len(power) - 1)]
    return made
