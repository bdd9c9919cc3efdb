"""`gridcast`: the group of all commands.

A command `NAME` is the file (or package) `cli/NAME.py` with a click command called `command`. The group knows
the commands by their files and imports one only when it is called, so that `gridcast --help` loads nothing.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import click

from infra.allocator import keep_freed
from infra.settings import debugging
from schemas.errors import GridcastError

#: Every command in the order of `--help`, with the one line that stands beside it there.
COMMANDS: dict[str, str] = {
    "demo": "The whole line on two real plants, from the files to scores.",
    "up": "Start the local Kafka and PostgreSQL, make topics, run migrations.",
    "down": "Stop the local servers.",
    "status": "Servers, topics and, for each plant, whether its forecast can be trusted.",
    "check": "Read a folder and say what is wrong with it, or make a canonical one.",
    "plants": "The registry of plants: add, list, set.",
    "publish": "Send a canonical folder to the topics.",
    "weather": "Collect live weather for every registered plant.",
    "telemetry": "Carry live telemetry from MQTT or OPC UA to the journal.",
    "worker": "Run a stream worker.",
    "sink": "Write the topics to PostgreSQL.",
    "forecast": "Show the newest forecast of a plant.",
    "train": "Make a new release from what PostgreSQL holds.",
    "schedule": "Train by cron expression and by trigger, and run jobs.",
    "jobs": "What was asked for: list, show, cancel.",
    "models": "Releases: list, show, promote, rollback.",
    "features": "Every feature with its unit and source.",
    "backtest": "Issue a past range of a folder again, trained on its past alone.",
    "replay": "Issue a past range again from the topics.",
    "score": "Skill by plant and horizon, from the topics.",
    "digest": "A hash of what a topic says, repeats removed.",
    "lag": "Records and seconds behind, for each topic, partition and group.",
    "keys": "Who may ask the API: add, list, revoke, rotate.",
    "losses": "Energy, and money, lost by plant, unit and cause.",
    "sweep": "Train with many settings and compare them on days that none has seen.",
    "plot": "Pictures of forecasts, reliability and skill.",
    "serve": "The HTTP interface and the page.",
    "alerts": "Tell of events, drift and stalls: topic, webhook, mail.",
    "backup": "PostgreSQL and the topics into a folder.",
    "restore": "A backup back into empty servers.",
    "retention": "Let go of what PostgreSQL no longer has to keep.",
    "bench": "Measure throughput, latency, restore and memory.",
    "skill": "Run the public forecasting benchmarks.",
    "chaos": "Kill and break things under load, and count what was lost.",
}


def module_of(name: str) -> str:
    """The module that holds the command `name`."""
    return f"cli.{name.replace('-', '_')}"


class LazyGroup(click.Group):
    """Lists the commands whose file is there; imports a command's file when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name in COMMANDS if find_spec(module_of(name)) is not None]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(module_of(cmd_name)).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, COMMANDS[name]) for name in self.list_commands(ctx)] or [("-", "none")]
            )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example:  gridcast up && gridcast publish DIR --speed 0 && gridcast worker",
)
@click.version_option(package_name="gridcast", prog_name="gridcast")
def group() -> None:
    """Probabilistic power forecasts for wind and solar plants, on Kafka."""


def run(arguments: Sequence[str], command: click.Command = group, name: str = "gridcast") -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    try:
        result = command.main(args=list(arguments), prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        return 0  # the reader of a pipe had enough
    except GridcastError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_of_system(error))
    except Exception as error:  # noqa: BLE001 - the last door: one plain line instead of a traceback
        return _fail(f"{type(error).__name__}: {error} (GRIDCAST_DEBUG=1 shows where)")
    return result if isinstance(result, int) else 0


def _of_system(error: OSError) -> str:
    """What the operating system refused, and of which file."""
    if error.filename is None:
        return f"{type(error).__name__}: {error} (GRIDCAST_DEBUG=1 shows where)"
    return f"{error.filename}: {error.strerror}"


def _fail(message: str, code: int = 1) -> int:
    if debugging() and code == 1:
        traceback.print_exc()
    click.echo("error: " + " ".join(message.split()), err=True)
    return code


def main() -> None:
    """Entry point of the console script."""
    keep_freed()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
