"""The LSTM of Hochreiter and Schmidhuber (1997, doi:10.1162/neco.1997.9.8.1735), as torch defines its gates,
in NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.forecast.base import Singles
from models.forecast.network import logistic


def encode(tokens: Singles, _known: Singles, t: Mapping[str, Singles]) -> Singles:
    """The last hidden state (n, H) of sequences (n, T, C); `t` holds `in` (C, 4H), `again` (H, 4H), `bias`.

    Gates stand in the order input, forget, cell, output. What is known is among the channels.
    """
    count, length, channels = tokens.shape
    size = len(t["again"])
    driven = np.matmul(tokens.reshape(-1, channels), t["in"]).reshape(count, length, -1) + t["bias"]
    hidden, cell = np.zeros((count, size), np.float32), np.zeros((count, size), np.float32)
    for i in range(length):
        gates = driven[:, i] + np.matmul(hidden, t["again"])
        opened = logistic(gates)
        fresh = np.tanh(gates[:, 2 * size : 3 * size])
        cell = opened[:, size : 2 * size] * cell + opened[:, :size] * fresh
        hidden = opened[:, 3 * size :] * np.tanh(cell)
    return hidden
