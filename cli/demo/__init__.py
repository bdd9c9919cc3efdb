"""`gridcast demo`: the whole line on two real plants."""

from __future__ import annotations

import click

from cli.output import emit, json_option
from schemas.errors import GridcastError


@click.command(epilog="Example:  gridcast demo")
@click.option(
    "--live", is_flag=True,
    help="Into the servers of `gridcast up`, as if the plants stood there now, until told to end.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave Kafka and PostgreSQL running at the end, with all data.")
@json_option
def command(live: bool, keep: bool, as_json: bool) -> int:
    """Play a wind farm and a solar plant through the whole line, on servers of its own.

    Loads weeks of history, trains, streams the days after it at high speed with faults on purpose and a new
    release in the middle, and compares what the topics say with what PostgreSQL holds. Writes
    demo/summary.json and demo/forecasts.png under .gridcast/ (GRIDCAST_HOME). Ends with 1 where a promise was
    not kept. With --live it only plays the stream, for the page and the API of `gridcast serve`.
    """
    from cli.demo.plan import standard
    from cli.demo.run import play
    from infra import settings

    if live:
        _live()
        return 0
    told = play(settings.load().home, standard(), keep)
    emit(told.document, as_json, told.lines)
    broken = [one for one in told.promises if not one.kept]
    if broken:
        raise GridcastError("promises not kept: " + "; ".join(f"{one.text} ({one.found})" for one in broken))
    return 0


def _live() -> None:
    from cli.demo.live import play
    from cli.output import note
    from cli.up import bring_up, prepare
    from infra import settings

    found = settings.load()
    bring_up(found, note)
    prepare(found)
    play(found, note)
