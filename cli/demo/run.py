"""One run of the demo from its folder to its summary, and nothing of it left running, however it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.demo import signals, story
from cli.demo.children import ChildEnded, Children
from cli.demo.closing import lines
from cli.demo.counting import count, server_versions
from cli.demo.home import Home, write_whole
from cli.demo.picture import draw
from cli.demo.plan import Plan
from cli.demo.promises import Promise, Run, judge
from cli.demo.screen import Screen, screen
from cli.demo.stage import Stage
from cli.demo.summary import document, measured, scores
from infra.settings import isolated, isolated_environment
from schemas.errors import GridcastError

#: So that a killed worker has little to read again, and what is behind is seen soon.
SETTINGS: Final = {"checkpoint_every_s": 10.0, "commit_every_s": 0.5, "batch_records": 500}


@dataclass(frozen=True)
class Told:
    """The end of a run: the summary, the lines that tell it, and what was promised."""

    document: dict[str, Any]
    lines: list[str]
    promises: list[Promise]


def play(base: Path, plan: Plan, keep: bool) -> Told:
    """Run the demo under `base`, gridcast's home.

    :param keep: leave the servers running in the run's folder, for a look at what they hold
    :raises GridcastError: something failed, or a signal came; everything that was started has ended
    """
    began_s = time.monotonic()
    home = Home(base)
    home.make()
    children = Children(home.path, isolated_environment(home.path, **SETTINGS))
    stage = Stage(plan, isolated(home.path, **SETTINGS), children, screen(plan))
    stage.screen.say("gridcast demo: a wind farm and a solar plant, measured data, about three minutes")
    done = False
    try:
        with signals.raised():
            told = _told(stage, home, began_s)
        done = True
        return told
    except ChildEnded as failure:
        for line in failure.tail:
            stage.screen.say(f"   log: {line}")
        raise
    except signals.ToldToEnd as signal:
        raise GridcastError(
            f"the demo was ended by {signal.name}; logs are in {home.path / 'logs'}"
        ) from None
    finally:
        with signals.ignored():
            _end(stage, home, keep and done)


def _told(stage: Stage, home: Home, began_s: float) -> Told:
    plan, settings = stage.plan, stage.settings
    lag_records, exit_codes = story.tell(stage)
    with stage.part("counted on the topics and in PostgreSQL"):
        counted, found = count(settings), scores(settings, plan)
    with stage.part("picture"):
        picture = draw(settings, plan, home.results / "forecasts.png")
    run = Run(
        plan=plan,
        counted=counted,
        scores=found,
        injected=stage.injected,
        repeated=stage.repeated,
        releases=(stage.releases[0][1], stage.releases[1][1]),
        adopted_by_same_worker=len(set(stage.worker_pids.values())) == 1,
        silences=stage.silences,
        lag_records=lag_records,
        exit_codes=exit_codes,
    )
    promises = judge(run)
    took = measured(plan, counted, stage.killed_ms)
    seconds = time.monotonic() - began_s
    summary = document(seconds, server_versions(settings), counted, lag_records, took, found)
    write_whole(home.results / "summary.json", summary)
    told: Iterable[str] = lines(run, promises, summary, took, stage.seconds, picture)
    return Told(summary, list(told), promises)


def _end(stage: Stage, home: Home, keep: bool) -> None:
    """Whatever happened: processes by their ids, then servers, then the folder."""
    view: Screen = stage.screen
    ended = stage.children.end_all()
    stage.close()
    if ended:
        view.say(f"ended {', '.join(ended)}")
    if keep:
        view.say(f"kept running, for `GRIDCAST_HOME={home.path} gridcast ...`; `gridcast down` there ends it")
        return
    home.clean()
