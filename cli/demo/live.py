"""`gridcast demo --live`: the samples as if their plants stood there now, into the servers of `gridcast up`.

What was measured before now is sent at once, what comes after it when it is due, for as long as the sample
reaches. The wind farm may stand in any season, for its weather moves with it; the solar array only where the
sun stands as it stood.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.demo import signals
from cli.demo.children import Child, ChildEnded, Children, end_left_over
from cli.demo.moved import Cast, moved, same_season
from infra.registry import schema_ids
from infra.settings import PREFIX, Settings
from producers.folder import read_folder
from producers.kafka_out import KafkaOut, cluster_id
from producers.order import Journal, merge
from producers.publish import TOPICS, Range, publish
from producers.registry import registered
from producers.resume import Bookmark
from producers.ticks import gap_ticks
from schemas.codec import Codec
from schemas.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Say = Callable[[str], None]
WIND: Final = Cast("la_haute_borne", "la-haute-borne", datetime(2014, 11, 12, tzinfo=UTC))
SOLAR: Final = Cast("serf_east", "serf-east", datetime(2016, 10, 1, tzinfo=UTC))
#: What gridcast runs beside the stream, as a user would start it.
_BESIDE: Final = ("worker", "sink", "alerts")
_TRAINING: Final = (("lag", "--wait"), ("train", "--fast", "--hindsight", "--because", "the demo's stream"))
_LOOK_EVERY_S: Final = 2.0
#: The whole sample is read, also what is still to come.
_FOR_EVER: Final = timedelta(days=366)


def may_play(settings: Settings, codec: Codec) -> bool:
    """Whether no plants are registered but those that this stream has put there."""
    known = {plant.plant_id for plant in registered(settings, codec)}
    return not known or (
        (_home(settings) / WIND.folder).exists() and known <= {WIND.plant_id, SOLAR.plant_id}
    )


def play(settings: Settings, say: Say) -> None:
    """Play until a signal comes or the samples end.

    Raises:
        InputError: the servers hold plants of somebody.
        GridcastError: a part failed.
    """
    codec = Codec(schema_ids(settings))
    if not may_play(settings, codec):
        raise InputError(
            "there are other plants here, and the demo's would stand among them: set GRIDCAST_HOME to"
            " another folder and run `gridcast up` there"
        )
    home = _home(settings)
    home.mkdir(parents=True, exist_ok=True)
    end_left_over(home)
    children = Children(home, _environment(settings))
    try:
        with signals.raised():
            _play(settings, codec, home, children, say)
    except signals.ToldToEnd:
        say("the demo's stream ends")
    finally:
        with signals.ignored():
            children.end_all()


def _home(settings: Settings) -> Path:
    return settings.home / "live"


def _environment(settings: Settings) -> Mapping[str, str]:
    """Beside a user's own processes: whatever ports are free, the same servers."""
    told = {
        "HOME": str(settings.home.absolute()),
        "KAFKA": settings.kafka_bootstrap,
        "POSTGRES": settings.postgres_dsn.get_secret_value(),
        "METRICS_PORT": "0",
    }
    return {**os.environ, **{f"{PREFIX}{name}": value for name, value in told.items()}}


def _play(settings: Settings, codec: Codec, home: Path, children: Children, say: Say) -> None:
    cluster_id(settings, TOPICS)
    for name in _BESIDE:
        children.start(name)
    out = KafkaOut(settings)
    now = datetime.now(UTC).replace(microsecond=0)
    journals = [_journal(settings, cast, home, now) for cast in casts(_hour(now))]
    sent_ms = _ms(now)
    for journal in journals:
        _send(journal, Range.between(journal, None, sent_ms), out, codec, home)
    say("history sent: forecasts come now; a release is trained beside them (a minute or two)")
    steps = [] if (home / "trained").exists() else list(_TRAINING)
    step: Child | None = None
    while any(Range.between(journal, sent_ms, None).start < len(journal) for journal in journals):
        children.check()
        step = _next_step(children, step, steps, home, say)
        time.sleep(_LOOK_EVERY_S)
        until_ms = _ms(datetime.now(UTC))
        for journal in journals:
            _send(journal, Range.between(journal, sent_ms, until_ms), out, codec, home)
        sent_ms = until_ms
    say("the samples end here: the stream is over")


def _next_step(
    children: Children, step: Child | None, left: list[tuple[str, ...]], home: Path, say: Say
) -> Child | None:
    """The training's step that runs, beside the stream; a failed one leaves the physical start to serve."""
    try:
        if step is not None and not children.finished(step):
            return step
    except ChildEnded as failure:
        say(f"no release: {failure}")
        left.clear()
        return None
    if step is not None and not left:
        (home / "trained").touch()
        say("trained: from their next issue on, forecasts are those of the release")
        return None
    return children.start(*left.pop(0), lasting=False) if left else None


def casts(hour: datetime) -> list[Cast]:
    """The samples that can stand in this season, with the hour of their own that is now: of the same time of
    day, so that stamps stay on their grid.
    """
    made = [replace(WIND, then=WIND.then.replace(hour=hour.hour))]
    then = same_season(SOLAR, hour)
    return [*made, replace(SOLAR, then=then)] if then is not None else made


def _journal(settings: Settings, cast: Cast, home: Path, now: datetime) -> Journal:
    """Of a folder that is moved once: who starts the stream again goes on with it."""
    folder = home / cast.folder
    if not folder.exists():
        moved(cast, _hour(now), home)
    read = read_folder(folder, _ms(now + _FOR_EVER))
    return merge(read, gap_ticks(read, round(settings.tick_delay_s)))


def _send(journal: Journal, part: Range, out: KafkaOut, codec: Codec, home: Path) -> None:
    if part.start < part.stop:
        bookmark = Bookmark(home / "sent.json")
        bookmark.remove()
        publish(journal, part, out, codec, 0.0, bookmark)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
