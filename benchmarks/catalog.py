"""The public benchmarks: which data, which range, which rules, whose published scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

DAY: Final = "24h"
HOURLY: Final = "1h"
#: All the levels that GEFCom2014 asked for.
PERCENTILES: Final = tuple(round(k / 100, 2) for k in range(1, 100))
NINE: Final = tuple(round(k / 10, 1) for k in range(1, 10))


@dataclass(frozen=True)
class Published:
    """A score that others have published: mean over the months from `first` on (`2013-07`), up to `last`."""

    who: str
    score: float
    first: str
    last: str


@dataclass(frozen=True)
class Benchmark:
    """One row of the page.

    `ranges`: first and last day (not included) of the issues; the first range that the data covers is taken.
    `late_s`: so many seconds after its nominal hour each weather run is published.
    """

    name: str
    title: str
    kind: Literal["competition", "intraday"]
    folder: str
    ranges: tuple[tuple[str, str], ...]
    tuned_on: str
    late_s: int = 0
    published: tuple[Published, ...] = ()

    @property
    def blind(self) -> bool:
        """Whether no actual after a training reaches a forecast."""
        return self.kind == "competition"

    @property
    def levels(self) -> tuple[float, ...]:
        """Quantile levels of the forecasts."""
        return PERCENTILES if self.blind else NINE

    @property
    def flags(self) -> tuple[str, ...]:
        """What `gridcast backtest` is told beside the range."""
        if not self.blind:
            return ("--issue-every", HOURLY, "--horizon", DAY)
        return ("--blind", "--retrain-every", "1mo", "--issue-every", DAY, "--horizon", DAY)


_SIX_HOURS: Final = 6 * 3600
_SOLAR_TUNED: Final = "tasks 1 to 6 (to September 2013)"
_WIND_TUNED: Final = "tasks 2, 4 and 6 (November 2012, January and March 2013)"
_NOTHING: Final = "nothing"
_CHOSEN: Final = "nothing but the choice among corrections, made on months of this test"

_COMPETITIONS: Final = (
    Benchmark(
        "gefcom2014-solar",
        "GEFCom2014 solar, tasks 4 to 15",
        "competition",
        "gefcom2014_solar_competition",
        (("2013-07-01", "2014-07-01"),),
        _SOLAR_TUNED,
        published=(
            Published("winner", 0.01213, "2013-07", "2014-06"),
            Published("second", 0.01225, "2013-07", "2014-06"),
            Published("winner", 0.01164, "2013-10", "2014-06"),
        ),
    ),
    Benchmark(
        "gefcom2014-wind",
        "GEFCom2014 wind, tasks 4 on",
        "competition",
        "gefcom2014_wind_competition",
        (("2013-01-01", "2013-12-01"), ("2013-01-01", "2013-07-01")),
        _WIND_TUNED,
        published=(
            Published("winner, ten zones, tasks 4 to 15", 0.0373, "2013-01", "2013-12"),
            Published("second, ten zones, tasks 4 to 15", 0.03831, "2013-01", "2013-12"),
        ),
    ),
)


def _intraday(late_s: int) -> tuple[Benchmark, ...]:
    end = "-late" if late_s else ""
    said = ", weather 6 h late" if late_s else ""
    return (
        Benchmark(
            f"gefcom2014-wind-intraday{end}",
            f"GEFCom2014 wind, hourly issues{said}",
            "intraday",
            "gefcom2014_wind",
            (("2013-01-01", "2013-12-01"), ("2013-01-01", "2013-06-30")),
            _WIND_TUNED,
            late_s,
        ),
        Benchmark(
            f"gefcom2014-solar-intraday{end}",
            f"GEFCom2014 solar, hourly issues{said}",
            "intraday",
            "gefcom2014_solar",
            (("2013-07-01", "2014-06-30"),),
            _SOLAR_TUNED,
            late_s,
        ),
        Benchmark(
            f"gefcom2012-wind{end}",
            f"GEFCom2012 wind farms, hourly issues{said}",
            "intraday",
            "gefcom2012_wind",
            (("2010-07-01", "2010-12-31"),),
            _NOTHING,
            late_s,
        ),
        Benchmark(
            f"la-haute-borne{end}",
            f"La Haute Borne (reanalysis as weather), hourly issues{said}",
            "intraday",
            "la_haute_borne",
            (("2015-01-01", "2015-12-31"), ("2014-07-01", "2014-12-31")),
            _CHOSEN,
            late_s,
        ),
        Benchmark(
            f"serf-east{end}",
            f"SERF East (satellite as weather), hourly issues{said}",
            "intraday",
            "serf_east",
            (("2016-09-01", "2016-10-13"),),
            _CHOSEN,
            late_s,
        ),
    )


#: In the order of the page.
BENCHMARKS: Final = (*_COMPETITIONS, *_intraday(0), *_intraday(_SIX_HOURS))


def named(name: str) -> Benchmark | None:
    """The benchmark of a name."""
    return next((one for one in BENCHMARKS if one.name == name), None)
