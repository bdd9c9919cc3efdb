"""The gated recurrent unit of Cho et al. (2014, arXiv:1406.1078), as torch defines it, with the additive
attention of Bahdanau et al. (2015, arXiv:1409.0473) over its states, in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.forecast.base import Singles
from models.forecast.network import logistic

UNSEEN = np.float32(-1e4)  # added to the weight of an hour without telemetry


def encode(tokens: Singles, known: Singles, t: Mapping[str, Singles]) -> Singles:
    """The last state beside the attended mean of all (n, 2H) of sequences (n, T, C), of which `known` (n, T).

    `t` holds `in` (C, 3H), `again` (H, 3H), `bias_in`, `bias_again`, gates in the order reset, update, new;
    and of the attention `look` (H, H), `look_bias`, `look_at` (H, 1).
    """
    count, length, channels = tokens.shape
    size = len(t["again"])
    driven = np.matmul(tokens.reshape(-1, channels), t["in"]).reshape(count, length, -1) + t["bias_in"]
    states = np.empty((count, length, size), np.float32)
    hidden = np.zeros((count, size), np.float32)
    for i in range(length):
        again = np.matmul(hidden, t["again"]) + t["bias_again"]
        opened = logistic(driven[:, i, : 2 * size] + again[:, : 2 * size])
        fresh = np.tanh(driven[:, i, 2 * size :] + opened[:, :size] * again[:, 2 * size :])
        hidden = fresh + opened[:, size:] * (hidden - fresh)
        states[:, i] = hidden
    looked = np.tanh(np.matmul(states.reshape(-1, size), t["look"]) + t["look_bias"])
    weight = np.matmul(looked, t["look_at"]).reshape(count, length) + np.where(
        known > 0, np.float32(0), UNSEEN
    )
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    weight = weight / weight.sum(axis=1, keepdims=True)
    return np.concatenate([hidden, (weight[..., None] * states).sum(axis=1)], axis=1)
