"""The encoders of the sequence networks in torch, and their weights as `models/forecast/sequence_*.py` serve
them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.forecast.base import Singles
from models.forecast.sequence_gru import UNSEEN
from models.forecast.sequence_tokens import CHANNELS, TOKENS
from models.forecast.sequence_transformer import HEADS, LAYERS, SMALL

Weights = dict[str, Tensor]


def _cells(cells: nn.RNNBase) -> Weights:
    """Weights of the cells: from the input, and from the state before."""
    return {name.removesuffix("_l0"): weight for name, weight in cells.named_parameters()}


class Lstm(nn.Module):
    """See `models/forecast/sequence_lstm.py`."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.cells = nn.LSTM(len(CHANNELS), hidden, batch_first=True)
        self.size = hidden

    def forward(self, tokens: Tensor, _known: Tensor) -> Tensor:
        """The last state (n, H)."""
        return torch.as_tensor(self.cells(tokens)[1][0][0])

    def export(self) -> Weights:
        """Weights by the names of the serving code."""
        c = _cells(self.cells)
        return {"in": c["weight_ih"].T, "again": c["weight_hh"].T, "bias": c["bias_ih"] + c["bias_hh"]}


class Gru(nn.Module):
    """See `models/forecast/sequence_gru.py`."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.cells = nn.GRU(len(CHANNELS), hidden, batch_first=True)
        self.look = nn.Linear(hidden, hidden)
        self.look_at = nn.Linear(hidden, 1, bias=False)
        self.size = 2 * hidden

    def forward(self, tokens: Tensor, known: Tensor) -> Tensor:
        """The last state and the attended mean (n, 2H)."""
        states, last = self.cells(tokens)
        weight = self.look_at(torch.tanh(self.look(states)))[..., 0]
        weight = torch.softmax(weight + torch.where(known > 0, 0.0, float(UNSEEN)), dim=1)
        return torch.cat([last[0], (weight[..., None] * states).sum(dim=1)], dim=1)

    def export(self) -> Weights:
        """Weights by the names of the serving code."""
        c = _cells(self.cells)
        return {
            "in": c["weight_ih"].T,
            "again": c["weight_hh"].T,
            "bias_in": c["bias_ih"],
            "bias_again": c["bias_hh"],
            "look": self.look.weight.T,
            "look_bias": self.look.bias,
            "look_at": self.look_at.weight.T,
        }


class _Layer(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = (nn.LayerNorm(hidden, eps=float(SMALL)) for _ in range(2))
        self.ask, self.mix = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)
        self.offer = nn.Linear(hidden, 2 * hidden)
        self.wide, self.back = nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)

    def forward(self, state: Tensor, unseen: Tensor, asked: int) -> Tensor:
        """The newest `asked` tokens (n, asked, H) after attention to all."""
        normed = self.norm_1(state)
        key, value = self.offer(normed).chunk(2, dim=-1)
        found = nn.functional.scaled_dot_product_attention(
            _heads(self.ask(normed[:, -asked:])), _heads(key), _heads(value), attn_mask=unseen
        )
        state = state[:, -asked:] + self.mix(found.transpose(1, 2).flatten(2))
        return torch.as_tensor(state + self.back(nn.functional.silu(self.wide(self.norm_2(state)))))

    def export(self) -> Weights:
        """Weights by the names of the serving code."""
        made: Weights = {
            n: torch.stack([m.weight, m.bias]) for n, m in (("norm_1", self.norm_1), ("norm_2", self.norm_2))
        }
        for name in ("ask", "mix", "offer", "wide", "back"):
            linear = getattr(self, name)
            made |= {name: linear.weight.T, f"{name}_bias": linear.bias}
        return made


class Transformer(nn.Module):
    """See `models/forecast/sequence_transformer.py`."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.enter = nn.Linear(len(CHANNELS), hidden)
        self.place = nn.Parameter(torch.randn(TOKENS, hidden) * 0.02)
        self.layers = nn.ModuleList([_Layer(hidden) for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(hidden, eps=float(SMALL))
        self.size = hidden

    def forward(self, tokens: Tensor, known: Tensor) -> Tensor:
        """What the newest token knows (n, H)."""
        unseen = torch.where(known > 0, 0.0, float(UNSEEN))[:, None, None]
        state = self.enter(tokens) + self.place
        for i, layer in enumerate(self.layers):
            state = layer(state, unseen, 1 if i == LAYERS - 1 else TOKENS)
        return torch.as_tensor(self.norm(state[:, -1]))

    def export(self) -> Weights:
        """Weights by the names of the serving code."""
        made: Weights = {
            "in": self.enter.weight.T,
            "in_bias": self.enter.bias,
            "place": self.place,
            "norm": torch.stack([self.norm.weight, self.norm.bias]),
        }
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, _Layer)
            made |= {f"{i}/{name}": weight for name, weight in layer.export().items()}
        return made


ENCODERS: dict[str, type[Lstm] | type[Gru] | type[Transformer]] = {
    "lstm": Lstm,
    "gru": Gru,
    "transformer": Transformer,
}


def plain(weights: Weights) -> dict[str, Singles]:
    """The weights as NumPy arrays of their own."""
    return {n: np.array(w.detach().numpy(), dtype=np.float32, order="C") for n, w in weights.items()}


def _heads(values: Tensor) -> Tensor:
    count, length, size = values.shape
    return values.reshape(count, length, HEADS, size // HEADS).transpose(1, 2)
