"""What the demo shows while it runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from cli.output import iso
from infra.topics import FORECASTS, REJECTED

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

    from cli.demo.plan import Plan, Sample
    from cli.demo.watch import Record, Seen

_HOURS_SHOWN: Final = (1, 6)
_ALERTS_SHOWN: Final = 6
_LINE_EVERY_S: Final = 5.0
RUNGS: Final = ("telemetry and weather", "weather only", "telemetry only", "climatology", "physical start")


class Screen(Protocol):
    """Where the demo speaks."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def show(self, seen: Seen, doing: str) -> None:
        """The state of things, again and again."""

    def close(self) -> None:
        """The end of the view."""


def screen(plan: Plan) -> Screen:
    """The live view on a terminal, plain lines where there is none. Both on standard error."""
    return LiveScreen(plan) if sys.stderr.isatty() else PlainScreen(plan)


class PlainScreen:
    """A line now and then, each with the seconds since the start."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._began_s = time.monotonic()
        self._shown_s = self._began_s

    def say(self, line: str) -> None:
        print(f"{time.monotonic() - self._began_s:6.1f}s  {line}", file=sys.stderr, flush=True)

    def show(self, seen: Seen, doing: str) -> None:
        if time.monotonic() - self._shown_s < _LINE_EVERY_S:
            return
        self._shown_s = time.monotonic()
        plants = "; ".join(_in_short(seen, sample) for sample in self._plan.samples)
        self.say(f"  {doing} | {plants} | {_counts(seen)}")

    def close(self) -> None:
        """Nothing is open."""


class LiveScreen:
    """Plants, forecasts, alerts and lag in place; lines that stay scroll above."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.live import Live

        self._plan = plan
        self._began_s = time.monotonic()
        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
        self._live.start()

    def say(self, line: str) -> None:
        from rich.text import Text

        self._live.console.print(Text(f"{time.monotonic() - self._began_s:6.1f}s  {line}"))

    def show(self, seen: Seen, doing: str) -> None:
        self._live.update(self._view(seen, doing))

    def close(self) -> None:
        self._live.update("")
        self._live.stop()

    def _view(self, seen: Seen, doing: str) -> Group:
        from rich.console import Group
        from rich.text import Text

        head = Text(f"{time.monotonic() - self._began_s:6.1f}s  {doing}", style="bold")
        foot = Text(_counts(seen))
        return Group(head, _plants(self._plan, seen), _alerts(seen), foot)


def _plants(plan: Plan, seen: Seen) -> Table:
    from rich.table import Table

    made = Table(expand=False)
    for name in ("plant", "its time", "power kW", *(f"in {h} h: P10 / P50 / P90" for h in _HOURS_SHOWN)):
        made.add_column(name, justify="left" if name in ("plant", "its time") else "right")
    made.add_column("made from")
    made.add_column("release")
    for sample in plan.samples:
        forecast = seen.forecast.get(sample.plant_id)
        told = [_band(forecast, hours, " / ") for hours in _HOURS_SHOWN]
        rung = RUNGS[forecast["rung"][0]] if forecast else "-"
        release = f"{forecast['model']} {forecast['version']}" if forecast else "-"
        made.add_row(sample.plant_id, _time(seen, sample), _power(seen, sample), *told, rung, release)
    return made


def _alerts(seen: Seen) -> Table:
    from rich.table import Table
    from rich.text import Text

    colours = {"critical": "red", "warning": "yellow"}
    made = Table(expand=False, title="open alerts", title_justify="left")
    for name in ("since", "plant", "unit", "what"):
        made.add_column(name)
    newest = sorted(seen.alerts.copy().values(), key=lambda one: -one["event_time"])[:_ALERTS_SHOWN]
    for one in newest:
        what = Text(one["message"], style=colours.get(one["severity"], ""))
        made.add_row(iso(one["started_at"]), one["plant_id"], one["unit_id"] or "-", what)
    if not newest:
        made.add_row("-", "-", "-", "none")
    return made


def _in_short(seen: Seen, sample: Sample) -> str:
    forecast = seen.forecast.get(sample.plant_id)
    band = _band(forecast, _HOURS_SHOWN[0], "..")
    release = f"{forecast['model']} {forecast['version']}" if forecast else "no forecast"
    return f"{sample.plant_id} {_time(seen, sample)} {_power(seen, sample)} kW, in 1 h {band} ({release})"


def _time(seen: Seen, sample: Sample) -> str:
    forecast = seen.forecast.get(sample.plant_id)
    return iso(forecast["issued_at"])[:16].replace("T", " ") if forecast else "-"


def _power(seen: Seen, sample: Sample) -> str:
    record = seen.power.get(sample.plant_id)
    return _kw(record["power_kw"]) if record else "-"


def _band(forecast: Record | None, hours: int, between: str) -> str:
    """P10, P50 and P90 [kW] of the step that ends so many hours after the issue, or of the one before."""
    if forecast is None:
        return "-"
    wanted = forecast["issued_at"] + hours * 3_600_000
    step = max((i for i, at in enumerate(forecast["valid_at"]) if at <= wanted), default=0)
    levels: list[float] = forecast["levels"]
    row = forecast["power_kw"][step * len(levels) : (step + 1) * len(levels)]
    return between.join(_kw(row[levels.index(level)]) for level in (0.1, 0.5, 0.9))


def _kw(value: Any) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _counts(seen: Seen) -> str:
    behind = seen.behind
    groups = sorted(behind.groups.items()) if behind else []
    lag = ", ".join(f"{group} {records}" for group, records in groups) or "?"
    return (
        f"{seen.records_per_s:.0f} records/s in, {seen.forecasts_per_s:.0f} forecasts/s out, "
        f"{seen.counts[FORECASTS]} forecasts, {seen.counts[REJECTED]} refused, {len(seen.alerts)} alerts, "
        f"behind: {lag}"
    )
