"""A small transformer encoder (Vaswani et al., 2017, arXiv:1706.03762; normalised before each part) in NumPy.

The last layer asks from the newest interval alone: nothing else of it is used.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.forecast.base import Singles
from models.forecast.network import silu

HEADS, LAYERS = 2, 2
UNSEEN = np.float32(-1e4)
SMALL = np.float32(1e-5)


def encode(tokens: Singles, known: Singles, t: Mapping[str, Singles]) -> Singles:
    """What the newest interval knows in the end (n, H) of sequences (n, T, C), of which `known` (n, T).

    `t` holds `in` (C, H), `place` (T, H); of layer l `l/ask` (H, H), `l/offer` (H, 2H), `l/mix` (H, H),
    `l/wide` (H, F), `l/back` (F, H), each with `_bias`, and `l/norm_1`, `l/norm_2` (2, H); `norm` (2, H).
    """
    unseen = np.where(known > 0, np.float32(0), UNSEEN)[:, None, None]
    state = _layer(tokens, t, "in") + t["place"]
    for layer in range(LAYERS):
        last = slice(-1, None) if layer == LAYERS - 1 else slice(None)
        normed = _normed(state, t[f"{layer}/norm_1"])
        state = state[:, last] + _attended(normed[:, last], normed, unseen, t, f"{layer}")
        wide = silu(_layer(_normed(state, t[f"{layer}/norm_2"]), t, f"{layer}/wide"))
        state = state + _layer(wide, t, f"{layer}/back")
    return _normed(state[:, -1], t["norm"])


def _attended(
    asks: Singles, offers: Singles, unseen: Singles, t: Mapping[str, Singles], layer: str
) -> Singles:
    """Attention (n, A, H) of some tokens (n, A, H) to all (n, T, H)."""
    size = asks.shape[-1]
    ask = _heads(_layer(asks, t, f"{layer}/ask"))
    offer = _layer(offers, t, f"{layer}/offer")
    key, value = _heads(offer[..., :size]), _heads(offer[..., size:])
    weight = np.matmul(ask, key.transpose(0, 1, 3, 2)) * np.float32((size // HEADS) ** -0.5) + unseen
    weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
    weight = weight / weight.sum(axis=-1, keepdims=True)
    found = np.matmul(weight, value).transpose(0, 2, 1, 3).reshape(asks.shape)
    return _layer(found, t, f"{layer}/mix")


def _heads(values: Singles) -> Singles:
    """From (n, T, H) to (n, heads, T, H / heads)."""
    count, length, size = values.shape
    return np.ascontiguousarray(values.reshape(count, length, HEADS, size // HEADS).transpose(0, 2, 1, 3))


def _layer(values: Singles, t: Mapping[str, Singles], name: str) -> Singles:
    flat = np.matmul(np.ascontiguousarray(values).reshape(-1, values.shape[-1]), t[name]) + t[f"{name}_bias"]
    return np.asarray(flat.reshape(*values.shape[:-1], -1))


def _normed(values: Singles, norm: Singles) -> Singles:
    away = values - values.mean(axis=-1, keepdims=True)
    spread = np.sqrt((away * away).mean(axis=-1, keepdims=True) + SMALL)
    return np.asarray(away / spread * norm[0] + norm[1])
