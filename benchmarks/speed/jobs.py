"""Every figure by name: the data set that it is measured on, and what is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.speed import late, loops, others, ours, pair, resume, sink, year
from benchmarks.speed.fleet import Fleet
from benchmarks.speed.journal import DataSet, Loaded, loaded
from benchmarks.speed.rate import Rate

RECORDS_PLAIN: Final = 2_000_000
RECORDS_UNITS: Final = 1_000_000
TWO_DAYS: Final = 2880  # scans, one a minute
#: Intervals of issues: the first that outlasts the event time of a data set, so that none falls due.
SELDOM_S: Final = (3600, 7200, 10_800, 21_600)
Figure = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What was asked for. `records` None: as many as each data set has by itself."""

    home: Path
    runs: int
    records: int | None
    say: Callable[[str], None]

    def seconds(self, plants: int = 1000) -> DataSet:
        """Scans every ten seconds, without units."""
        return data_set(f"seconds-{plants}", plants, 0, 10, self.records or RECORDS_PLAIN)

    def minutes(self) -> DataSet:
        """Scans every minute, with 8 units."""
        return data_set("minutes", 1000, 8, 60, self.records or RECORDS_UNITS)

    def whole(self) -> DataSet:
        """The same with a forecast for each plant every 15 min, by a trained release."""
        return data_set("whole", 1000, 8, 60, self.records or RECORDS_UNITS, two_stage=True)

    @contextmanager
    def on(self, data: DataSet) -> Iterator[Loaded]:
        """A loaded Kafka."""
        with loaded(data, self.home, self.say) as found:
            yield found

    def rates(self, data: DataSet, once: Callable[[Loaded], Rate]) -> list[Rate]:
        """As many runs as were asked for."""
        with self.on(data) as found:
            made = []
            for number in range(self.runs):
                made.append(one := once(found))
                self.say(
                    f"  run {number + 1}: {one.per_s:,.0f} records/s, CPU {one.cpu_us:.2f} us, "
                    f"broker {one.broker_cpu_us:.2f} us"
                )
            return made


def data_set(
    name: str, plants: int, units: int, scan_s: int, records: int, two_stage: bool = False
) -> DataSet:
    """A data set of so many records; the plants issue every 15 min, or not at all within it."""
    fleet = Fleet(plants, units, scan_s)
    scans = records // plants
    seldom_s = next((s for s in SELDOM_S if s > scans * scan_s), 0)
    if not two_stage and not seldom_s:
        scans, seldom_s = (SELDOM_S[-1] - 1) // scan_s, SELDOM_S[-1]
    return DataSet(name, fleet, scans, 900 if two_stage else seldom_s, two_stage)


def figure(rates: list[Rate]) -> Figure:
    """The medians."""
    return {
        "cpu_us_per_record": round(median(one.cpu_us for one in rates), 3),
        "records_per_s": round(median(one.per_s for one in rates)),
        "broker_cpu_us_per_record": round(median(one.broker_cpu_us for one in rates), 3),
        "peak_mb": round(max(one.peak_mb for one in rates), 1),
        "others_cores": round(max(one.others_cores for one in rates), 2),
        "records": rates[0].records,
    }


def ingest(plan: Plan) -> Figure:
    return figure(plan.rates(plan.seconds(), ours.run))


def ingest_units(plan: Plan) -> Figure:
    return figure(plan.rates(plan.minutes(), ours.run))


def whole(plan: Plan) -> Figure:
    counts: list[int] = []

    def once(found: Loaded) -> Rate:
        made = ours.run(found)
        counts.append(ours.forecasts(found, "bench"))
        return made

    rates = plan.rates(plan.whole(), once)
    found = figure(rates)
    each = median(counts) / rates[0].records
    return found | {"forecasts": counts[-1], "forecasts_per_s": round(found["records_per_s"] * each)}


def plain_loop(plan: Plan) -> Figure:
    return figure(plan.rates(plan.seconds(), lambda found: loops.run("plain", found)))


def plain_loop_units(plan: Plan) -> Figure:
    return figure(plan.rates(plan.minutes(), lambda found: loops.run("plain", found)))


def ceiling(plan: Plan) -> Figure:
    return figure(plan.rates(plan.seconds(), lambda found: loops.run("ceiling", found)))


def ceiling_units(plan: Plan) -> Figure:
    return figure(plan.rates(plan.minutes(), lambda found: loops.run("ceiling", found)))


def peer(name: str) -> Callable[[Plan], Figure]:
    """The figure of a peer; one without results says so and has no numbers."""

    def made(plan: Plan) -> Figure:
        try:
            found = figure(plan.rates(plan.seconds(), lambda one: others.run(name, one)))
        except RuntimeError as error:
            return {"cpu_us_per_record": None, "records_per_s": None, "none": str(error)}
        return found | {"version": others.versions()[name]}

    return made


def latency(plan: Plan) -> Figure:
    """Both shapes; each run begins with a journal of its own."""
    data = DataSet("latency", Fleet(1000, 8, 3), 0, 900, two_stage=True)
    made: Figure = {}
    for shape, at_once in (("spread", False), ("at_once", True)):
        found = []
        for _ in range(plan.runs):
            with plan.on(data) as one:
                found.append(late.run(one, at_once))
            plan.say(f"  {shape}: {found[-1]}")
        made[shape] = {
            "p50": median(one.p50_ms for one in found),
            "p99": median(one.p99_ms for one in found),
            "n": sum(one.n for one in found),
            "missing": sum(one.missing for one in found),
            "offered_per_s": round(median(one.offered_per_s for one in found)),
        }
    return made


def restore(plan: Plan) -> Figure:
    scans = min(TWO_DAYS, (plan.records or 10**9) // 1000)
    data = DataSet("restore", Fleet(1000, 8, 60), scans, 900, two_stage=True)
    with plan.on(data) as loaded_:
        found = resume.run(loaded_, plan.runs)
    for one in found:
        plan.say(f"  {one}")
    return {
        "restore_s": round(median(one.first_s for one in found), 2),
        "all_plants_s": round(median(one.all_s for one in found), 2),
        "round_mb": round(median(one.round_mb for one in found), 1),
        "round_s": round(median(one.round_s for one in found), 2),
        "settled_mb": round(median(one.memory_mb for one in found), 1),
        "event_days": round(scans / 1440, 2),
    }


def memory(plan: Plan) -> Figure:
    """What a worker holds while it replays five hours of a whole job: by plants the median of its samples,
    beside the most that it ever held and what it held with shared pages counted in parts.
    """
    made: Figure = {"peak": {}, "shared": {}}
    for plants in (1000, 2000):
        records = min(plan.records or 300_000, 300_000) * plants // 1000
        data = data_set(f"memory-{plants}", plants, 8, 60, records, two_stage=True)
        rates = plan.rates(data, ours.run)
        made[str(plants)] = round(median(one.steady_mb for one in rates), 1)
        made["peak"][str(plants)] = round(median(one.peak_mb for one in rates), 1)
        made["shared"][str(plants)] = round(median(one.shared_mb for one in rates), 1)
    return made


def sink_rows(plan: Plan) -> Figure:
    with plan.on(plan.whole()) as found:
        ours.run(found)
        made = []
        for _ in range(plan.runs):
            made.append(one := sink.run(found))
            plan.say(f"  {one.rows_per_s:,.0f} rows/s, {one.cpu_us_per_row:.1f} us CPU a row; {one.rows}")
    return {
        "rows_per_s": round(median(one.rows_per_s for one in made)),
        "cpu_us_per_row": round(median(one.cpu_us_per_row for one in made), 2),
        "rows": made[0].rows,
    }


def two_workers(plan: Plan) -> Figure:
    """Both together; the broker shares the core of the second, so their wall time says little."""
    return figure(plan.rates(plan.seconds(), pair.run))


def scaling(plan: Plan) -> Figure:
    """One worker as the plants grow, without units."""
    return {str(plants): figure(plan.rates(plan.seconds(plants), ours.run)) for plants in (100, 1000, 10_000)}


def plant_year(plan: Plan) -> Figure:
    found = [year.run(plan.home) for _ in range(plan.runs)]
    return {
        "training_s": round(median(one["training_s"] for one in found), 1),
        "backtest_s": round(median(one["backtest_s"] for one in found), 1),
        "forecasts": found[0]["forecasts"],
    }


JOBS: Final[dict[str, Callable[[Plan], Figure]]] = {
    "ingest": ingest,
    "ingest_units": ingest_units,
    "whole": whole,
    "plain_loop": plain_loop,
    "plain_loop_units": plain_loop_units,
    "ceiling": ceiling,
    "ceiling_units": ceiling_units,
    "faust": peer("faust"),
    "quix": peer("quix"),
    "bytewax": peer("bytewax"),
    "latency": latency,
    "restore": restore,
    "memory": memory,
    "sink": sink_rows,
    "two_workers": two_workers,
    "scaling": scaling,
    "plant_year": plant_year,
}
