"""Values of a plant's nodes, gathered into scans by their stamp. Pure: the clock is an argument.

What a node says comes by subscription and, after a loss, by history, often twice and in either order. A scan
goes out once it is whole, or once it has waited for its last values long enough; what is in it then is
remembered, so that a repeat goes out no second time and a straggler only adds to it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from producers.live.mapping import OpcuaPlant
from producers.live.scan import Scan, Unit

#: A place in a scan: ("power",), ("status",), ("sensor", name), ("unit", unit_id, "power_kw").
Place = tuple[str, ...]
Value = float | str | None

POWER: Final[Place] = ("power",)
STATUS: Final[Place] = ("status",)
_REMEMBERED: Final = 4096


def places(plant: OpcuaPlant) -> dict[Place, str]:
    """Every place of a plant's scan with the node that fills it."""
    found: dict[Place, str] = {POWER: plant.power}
    if plant.status is not None:
        found[STATUS] = plant.status
    for name, source in plant.sensors.items():
        found["sensor", name] = source.source
    for unit_id, unit in plant.units.items():
        wind = None if unit.wind_speed_ms is None else unit.wind_speed_ms.source
        nodes = {"power_kw": unit.power, "wind_speed_ms": wind, "status": unit.status}
        found |= {("unit", unit_id, name): node for name, node in nodes.items() if node is not None}
    return found


@dataclass(slots=True)
class _Open:
    """A scan that still waits."""

    since_s: float
    known_at_ms: int
    values: dict[Place, Value] = field(default_factory=dict)
    from_history: bool = False


class Scans:
    """The scans of one plant. `floor_ms`: stamps up to here went out in an earlier life."""

    def __init__(self, plant: OpcuaPlant, straggler_s: float, floor_ms: int) -> None:
        self.plant = plant
        self._wanted = frozenset(places(plant))
        self._straggler_s = straggler_s
        self._floor_ms = floor_ms
        self._open: dict[int, _Open] = {}
        self._sent: OrderedDict[int, dict[Place, Value]] = OrderedDict()
        self.powerless = 0

    def __len__(self) -> int:
        return len(self._open)

    def stamp_of(self, source_ms: int) -> int:
        """The stamp of the scan that a value of this time belongs to [ms]."""
        if self.plant.scan_s is None:
            return source_ms
        step_ms = self.plant.scan_s * 1000
        return round(round(source_ms / step_ms) * step_ms)

    def add(
        self, place: Place, source_ms: int, value: Value, now_s: float, known_at_ms: int, from_history: bool
    ) -> None:
        """A value of the source. One that is known already changes nothing."""
        stamp_ms = self.stamp_of(source_ms)
        before = self._sent.get(stamp_ms)
        if before is not None and place in before and before[place] == value:
            return
        one = self._open.get(stamp_ms)
        if one is None:
            one = self._open[stamp_ms] = _Open(now_s, known_at_ms, dict(before or {}))
        one.values[place] = value
        one.from_history |= from_history

    def settle(self, until_ms: int) -> None:
        """The history has been read up to here: what it told need not wait for more."""
        for stamp_ms, one in self._open.items():
            if one.from_history and stamp_ms <= until_ms:
                one.since_s = -math.inf

    def due(self, now_s: float, until_ms: int | None = None) -> list[tuple[int, Scan]]:
        """(stamp, scan) of what may go out, oldest first; nothing overtakes a scan that still waits.

        `until_ms`: nothing later than this, as long as the history before it has not been read.
        """
        found: list[tuple[int, Scan]] = []
        for stamp_ms in sorted(self._open):
            one = self._open[stamp_ms]
            whole = self._wanted <= one.values.keys()
            late = now_s - one.since_s >= self._straggler_s
            if (until_ms is not None and stamp_ms > until_ms) or not (whole or late):
                break
            del self._open[stamp_ms]
            if POWER not in one.values:
                # A node that stands still keeps an old stamp of its own: no scan, unless power follows.
                self.powerless += 1
                self._remember(stamp_ms, one.values)
            elif whole or one.from_history or stamp_ms > self._floor_ms:
                self._remember(stamp_ms, one.values)
                found.append((stamp_ms, self._scan(stamp_ms, one)))
        return found

    def forget_open(self) -> None:
        """Drop what waits: it will be read from the history."""
        self._open.clear()

    def _remember(self, stamp_ms: int, values: dict[Place, Value]) -> None:
        self._sent[stamp_ms] = values
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)

    def _scan(self, stamp_ms: int, one: _Open) -> Scan:
        return Scan(
            plant_id=self.plant.plant_id,
            event_time_ms=stamp_ms + self.plant.to_end_ms,
            known_at_ms=one.known_at_ms,
            power_kw=_number(one.values.get(POWER)),
            sensors={name: _number(one.values.get(("sensor", name))) for name in self.plant.sensors},
            status=_text(one.values.get(STATUS)),
            units=tuple(
                Unit(
                    unit_id,
                    _number(one.values.get(("unit", unit_id, "power_kw"))),
                    _number(one.values.get(("unit", unit_id, "wind_speed_ms"))),
                    _text(one.values.get(("unit", unit_id, "status"))),
                )
                for unit_id in self.plant.units
            ),
        )


def _number(value: Value) -> float | None:
    assert not isinstance(value, str)
    return value


def _text(value: Value) -> str | None:
    assert not isinstance(value, float)
    return value
