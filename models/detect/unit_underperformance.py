"""A unit makes less than its peers and its own past say that it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.detect import curve
from models.detect.common import median, unseen
from models.detect.units import RATING_FIELD, rating_kw, shares
from models.detect.view import F8, I8, WARNING, Bools, Case, Findings, PlantView
from models.state import Field

SUMS: Final = "unit_underperformance.sums"
MEAN: Final = "unit_underperformance.curve_kw"
COUNT: Final = "unit_underperformance.curve_n"
GOT, PEERS, HOURS, CURVE_GOT, CURVE, CURVE_HOURS, LONG_GOT, LONG_PEERS, LONG_HOURS = range(9)


@dataclass(frozen=True)
class UnitUnderperformance:
    """Energy of the last productive hours against peers, against the unit's own curve, against its own past.

    Sums forget with the unit's productive hours (`short_h`, `long_h`), so nights and calms neither age nor
    blur them. An interval in which the unit stands, the peers hardly run, or a setpoint binds does not
    count.

    Solar units see the same sun: a unit `weak_solar` under its peers is weak, whatever it used to be,
    unless the peers differ as much among each other. Wind units stand in different winds for ever: there
    the unit must be `weak_wind` under its own usual ratio to its peers, and as much under its own curve of
    power over wind where it has an anemometer. An event stays open until only `relief` of that is missing,
    and what is usual is not learned meanwhile.
    """

    short_h: float = 30.0
    enough_h: float = 20.0
    long_h: float = 600.0
    long_enough_h: float = 200.0
    peers_share: float = 0.10
    still_share: float = 0.03
    weak_solar: float = 0.05
    weak_wind: float = 0.12
    spread_factor: float = 3.0
    relief: float = 0.5
    critical: float = 0.30

    name: str = "unit_underperformance"
    fields: tuple[Field, ...] = (
        RATING_FIELD,
        Field(SUMS, "float64", ("U", 9), 0.0),
        Field(MEAN, "float32", ("U", curve.BINS), 0.0),
        Field(COUNT, "int16", ("U", curve.BINS), 0),
    )
    per_unit: bool = True
    opens_after: int = 2
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        power_kw = view.sound_unit_power_kw
        rating = rating_kw(view)
        counted = np.zeros(rating.shape, np.bool_)
        peers_kw = np.full(rating.shape, np.nan)
        for place, new in unseen(view):
            share, peers = shares(view, place)
            peers_kw = peers * rating
            runs = (share > self.still_share) & (peers_kw >= self.peers_share * rating)
            counts = new[:, None] & runs & ~view.bound[:, place, None]
            self._learn_interval(view, power_kw[..., place], peers_kw, place, counts)
            counted |= counts
        sums = view.state[SUMS]
        ratio, usual, by_curve = (
            _ratio(sums, GOT, PEERS),
            _ratio(sums, LONG_GOT, LONG_PEERS),
            _ratio(sums, CURVE_GOT, CURVE),
        )
        missing = np.where(
            view.is_solar[:, None], 1 - ratio, self._missing_in_wind(sums, ratio, usual, by_curve)
        )
        limit = self._limit(view, ratio) * np.where(view.is_open(self.name), self.relief, 1.0)
        newest_kw = power_kw[..., -1]
        return Findings(
            active=missing > limit,
            judged=counted & (sums[..., HOURS] >= self.enough_h) & np.isfinite(missing),
            severity=np.where(missing >= self.critical, 2, WARNING).astype(np.int8),
            expected_kw=np.where(view.is_solar[:, None], peers_kw, peers_kw * usual),
            actual_kw=newest_kw,
            evidence={
                "missing_share": missing,
                "ratio_to_peers": ratio,
                "usual_ratio_to_peers": usual,
                "ratio_to_own_curve": np.where(view.is_solar[:, None], np.nan, by_curve),
                "productive_h": sums[..., HOURS],
            },
        )

    def _learn_interval(self, view: PlantView, power_kw: F8, peers_kw: F8, place: int, counts: Bools) -> None:
        """Take one interval of the units that count into sums and curves; each argument (N, U)."""
        hours = np.broadcast_to((view.resolution_s / 3600.0)[:, None], counts.shape)
        mean_kw, seen, sums = view.state[MEAN], view.state[COUNT], view.state[SUMS]
        bins = self._bins(view, place, counts.shape)
        curve_kw = curve.expect(mean_kw, seen, bins)
        known = counts & np.isfinite(curve_kw)
        _add(sums, (GOT, PEERS, HOURS), (power_kw, peers_kw), hours, self.short_h, counts)
        usual = counts & ~view.is_open(self.name)
        _add(sums, (LONG_GOT, LONG_PEERS, LONG_HOURS), (power_kw, peers_kw), hours, self.long_h, usual)
        _add(sums, (CURVE_GOT, CURVE, CURVE_HOURS), (power_kw, curve_kw), hours, self.short_h, known)
        curve.learn(mean_kw, seen, bins, power_kw, counts)

    def _bins(self, view: PlantView, place: int, shape: tuple[int, ...]) -> I8:
        poa = np.broadcast_to(view.poa_w_m2[:, place, None], shape)
        return curve.bin_of(view.unit_wind_ms[..., place], poa, view.is_solar[:, None])

    def _missing_in_wind(self, sums: NDArray[Any], ratio: F8, usual: F8, by_curve: F8) -> F8:
        """What is missing by both measures; NaN until the unit's own past is known."""
        by_habit = np.where(sums[..., LONG_HOURS] >= self.long_enough_h, 1 - ratio / usual, np.nan)
        has_curve = sums[..., CURVE_HOURS] >= self.enough_h
        return np.where(has_curve, np.minimum(by_habit, 1 - by_curve), by_habit)

    def _limit(self, view: PlantView, ratio: F8) -> F8:
        """How much may be missing: more where units differ among each other, shape (N, U)."""
        off = np.abs(ratio - median(ratio)[:, None])
        spread = 1.4826 * median(off)[:, None]
        solar = np.maximum(self.weak_solar, self.spread_factor * np.nan_to_num(spread))
        return np.where(view.is_solar[:, None], solar, self.weak_wind)

    def describe(self, case: Case) -> str:
        missing = 100 * case.evidence["missing_share"]
        if "ratio_to_own_curve" in case.evidence:
            return f"{case.who} makes {missing:.0f} % less than its peers and its own power curve say"
        return f"{case.who} makes {missing:.0f} % less than its peers"


def _ratio(sums: NDArray[Any], top: int, bottom: int) -> F8:
    below = sums[..., bottom]
    ratio: F8 = sums[..., top] / np.where(below > 0, below, np.nan)
    return ratio


def _add(
    sums: NDArray[Any],
    at: tuple[int, int, int],
    values: tuple[F8, F8],
    hours: F8,
    memory_h: float,
    where: Bools,
) -> None:
    """Fade three sums by the hours that come, then add the two values' energy and the hours, in place."""
    kept = 1.0 - hours / memory_h
    for place, more in zip(at, (values[0] * hours, values[1] * hours, hours), strict=True):
        sums[..., place] = np.where(where, sums[..., place] * kept + more, sums[..., place])
