"""Sequence networks as corrections, served by NumPy: an encoder reads the newest day, a decoder corrects each
step.

Encoders: `lstm`, `gru` (with attention), `transformer`, a file each. Forms of the decoder:

- `single`: each step on its own, from the encoding and what is known of the step; a gate and a residual on
  the base;
- `residual`: the same on the closed form, which an untrained net leaves as it is;
- `multi`: gates and residuals of all steps at once, decoded from the encoding at fixed lead times and drawn
  straight between them; residuals in widths of the base.

Trained in `models/training/fit_sequence.py`. Issues are worked on in padded blocks of one shape, so that no
batch can change a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.forecast import sequence_gru, sequence_lstm, sequence_transformer
from models.forecast.base import HIGH, KNOTS, LOW, CorrectionInput, Floats, Singles
from models.forecast.correction_features import STEP_NAMES, NetInput, build
from models.forecast.network import ROWS, combine, product, scale, silu
from models.forecast.sequence_tokens import CHANNELS, KNOWN, STATIC, tokens

Encode = Callable[[Singles, Singles, Mapping[str, Singles]], Singles]
ENCODERS: dict[str, Encode] = {
    "lstm": sequence_lstm.encode,
    "gru": sequence_gru.encode,
    "transformer": sequence_transformer.encode,
}
FORMS = ("single", "multi", "residual")
NAMES = tuple(f"{encoder}-{form}" for encoder in ENCODERS for form in FORMS)
DECODED_H = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0)
PLACES = np.log1p(np.array(DECODED_H))
OUTPUTS = 2 * len(KNOTS)


@dataclass(frozen=True)
class SequenceNet:
    """One encoder and one decoder. `tensors`: those of the encoder under `encoder/`; `embedding`
    (plants + 1, 8), the last row for others; `issue_weight`, `bias_1` and, for single steps, `step_weight`,
    `weight_2`, `bias_2`; `weight_3`, `bias_3`; and `mean` and `scale` of `token`, `issue` and `step` inputs.
    """

    tensors: Mapping[str, Singles]
    plants: tuple[str, ...]
    encoder: str
    form: str

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS or self.form not in FORMS:
            raise ValueError(f"no sequence correction is called {self.encoder}-{self.form}")
        found = tuple(len(self.tensors[f"{name}_mean"]) for name in ("token", "issue", "step"))
        made = (len(CHANNELS), len(STATIC), len(STEP_NAMES))
        if found != made:
            raise ValueError(f"the net takes {found} inputs, this code makes {made}")

    def about(self) -> dict[str, Any]:
        """What beside the tensors makes the net again; JSON-able."""
        return {"family": f"{self.encoder}-{self.form}", "plants": list(self.plants)}

    def correct(self, x: CorrectionInput, start: Singles) -> Singles:
        """Quantiles (N, S, 13), rising along the last axis, from those of the closed form (`start`).

        Issues without a last value stay with the closed form.
        """
        made = np.empty(x.base.shape, np.float32)
        for first in range(0, len(x.plant_ids), ROWS):
            rows = slice(first, first + ROWS)
            made[rows] = self._block(x.take(rows), start[rows])
        return made

    def _block(self, x: CorrectionInput, start: Singles) -> Singles:
        made = build(x)
        encoded = self._encoded(x, made)
        from_ = start if self.form == "residual" else x.base
        if self.form == "multi":
            out = self._between(encoded, x.lead_s / 3600.0)
            size = np.where(x.is_solar[:, None], 1.0, 0.2) * (x.base[..., HIGH] - x.base[..., LOW])
        else:
            out, size = self._each(encoded, made.step), scale(x)
        q = combine(from_.astype(np.float32), made.anchor, out, size)
        return np.where(np.isfinite(x.last)[:, None, None], q, start)

    def _encoded(self, x: CorrectionInput, made: NetInput) -> Singles:
        """The first hidden layer's issue part (n, hidden), from the sequence, the plant and the hour."""
        t, count = self.tensors, len(x.plant_ids)
        own = {n.removeprefix("encoder/"): v for n, v in t.items() if n.startswith("encoder/")}
        told = _padded(tokens(x))
        known = np.ascontiguousarray(told[..., KNOWN])
        context = ENCODERS[self.encoder]((told - t["token_mean"]) / t["token_scale"], known, own)
        place = {plant_id: i for i, plant_id in enumerate(self.plants)}
        row = np.array([place.get(p, len(self.plants)) for p in x.plant_ids], np.int64)
        static = (made.issue[:, STATIC] - t["issue_mean"]) / t["issue_scale"]
        whole = np.concatenate([context[:count], static, t["embedding"][row]], axis=1)
        return product(whole, t["issue_weight"]) + t["bias_1"]

    def _each(self, encoded: Singles, step: Singles) -> Singles:
        """Outputs (n, S, 26), each step on its own."""
        t, (count, steps, inputs) = self.tensors, step.shape
        shown = ((step - t["step_mean"]) / t["step_scale"]).reshape(-1, inputs)
        hidden = silu(product(shown, t["step_weight"]) + np.repeat(encoded, steps, axis=0))
        hidden = silu(product(hidden, t["weight_2"]) + t["bias_2"])
        return (product(hidden, t["weight_3"]) + t["bias_3"]).reshape(count, steps, OUTPUTS)

    def _between(self, encoded: Singles, lead_h: Floats) -> Singles:
        """Outputs (n, S, 26) between those decoded at `DECODED_H`."""
        t = self.tensors
        all_ = (product(silu(encoded), t["weight_3"]) + t["bias_3"]).reshape(-1, len(PLACES), OUTPUTS)
        left, part = between(lead_h)
        issue = np.arange(len(all_))[:, None]
        lower, upper = all_[issue, left], all_[issue, left + 1]
        return np.asarray(lower + part[..., None].astype(np.float32) * (upper - lower))


def between(lead_h: Floats) -> tuple[np.ndarray, Floats]:
    """The decoded lead time (...) before each, and how far (...) it is to the next, 0 to 1."""
    place = np.clip(np.log1p(np.maximum(lead_h, 0.0)), PLACES[0], PLACES[-1])
    left = np.clip(np.searchsorted(PLACES, place, side="right") - 1, 0, len(PLACES) - 2)
    return left, (place - PLACES[left]) / (PLACES[left + 1] - PLACES[left])


def _padded(values: Singles) -> Singles:
    """The rows with zeros after them, `ROWS` in all."""
    made = np.zeros((ROWS, *values.shape[1:]), np.float32)
    made[: len(values)] = values
    return made
