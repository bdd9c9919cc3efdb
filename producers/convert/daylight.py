"""Whether the light in a solar plant's power agrees with the zone and the stamps that were guessed."""

from __future__ import annotations

from typing import Final

from producers.convert.guesses import Guesses, Stamp
from producers.findings.base import Columns
from producers.findings.sun_clock import looks_like_start, minutes_later
from producers.problems import Problems

#: Minutes off the sun that no horizon, no cloud and no facing of the panels explains.
_FAR_MIN: Final = 45.0
_LEAST_STEP_MIN: Final = 30.0


def check_light(columns: Columns, guesses: Guesses, problems: Problems) -> None:
    """A fault where the guesses put the light of the days where the sun of the plant's position is not."""
    if not columns.is_solar or (guesses.timezone is None and guesses.stamp is None):
        return
    found = minutes_later(columns)
    if found is None:
        return
    later, row = found
    step_min = columns.step_ms / 60_000
    close = min(20.0, step_min / 2)
    told = f"the light of the days is {abs(later):.0f} minutes {'after' if later > 0 else 'before'} the sun"
    if guesses.stamp is Stamp.END and looks_like_start(columns):
        problems.add(
            columns.file, row, "event_time", f"{told}: the stamps look like starts: say --stamp start"
        )
    elif guesses.stamp is Stamp.START and step_min >= _LEAST_STEP_MIN and abs(later - step_min) <= close:
        what = f"{told}: the stamps look like ends already: say --stamp end"
        problems.add(columns.file, row, "event_time", what)
    elif guesses.timezone is not None and abs(later) > max(_FAR_MIN, step_min + close):
        what = (
            f"{told} in {guesses.timezone.key}: say the zone of the stamps, or mend the position of the plant"
        )
        problems.add(columns.file, row, "event_time", what)
