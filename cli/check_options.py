"""What `gridcast check` can be told of a stranger's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from producers.convert.guesses import Guesses

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES_OF_PLANT = {
    "plant_id": "plant_id",
    "kind": "kind",
    "capacity": "capacity_kw",
    "latitude": "latitude",
    "longitude": "longitude",
    "hub_height": "hub_height_m",
    "tilt": "tilt_deg",
    "azimuth": "azimuth_deg",
}


_STAMP = click.Choice(["start", "end"])
_KIND = click.Choice(["wind", "solar"])
_FILE = "A file of another name, as telemetry=export.csv."


class Pair(click.ParamType):
    """`left=right`, as a pair of texts."""

    name = "pair"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        left, sign, right = value.rpartition("=")
        if not (left.strip() and sign and right.strip()):
            self.fail(f"{value!r} is no pair: write OLD=NEW", param, ctx)
        return left.strip(), right.strip()


def conversion_options(function: _F) -> _F:
    """The options that say how files are to be read, and where to write them."""
    options = (
        click.option("--write", "out", type=click.Path(path_type=Path), help="Make a canonical folder here."),
        click.option("--timezone", help="Zone of stamps that do not say theirs, as Europe/Paris."),
        click.option("--stamp", type=_STAMP, help="Which end of its interval a stamp marks."),
        click.option("--unit", type=click.Choice(["W", "kW", "MW"]), help="What power is counted in."),
        click.option(
            "--map", "names", type=Pair(), multiple=True, metavar="OLD=NEW", help="Rename a column."
        ),
        click.option("--drop", "dropped", multiple=True, metavar="COLUMN", help="Leave a column out."),
        click.option("--time-format", help="How stamps are written, as '%d.%m.%Y %H:%M'."),
        click.option("--ignore-offset", is_flag=True, help="Offsets in stamps are wrong: use --timezone."),
        click.option("--separator", default=",", help="The sign between cells; tab for tabs."),
        click.option("--decimal", type=click.Choice([".", ","]), default=".", help="The sign in decimals."),
        click.option("--file", "files", type=Pair(), multiple=True, metavar="TABLE=NAME", help=_FILE),
        click.option("--plant", "plant_id", help="The plant of files that do not name it."),
        click.option("--kind", type=_KIND, help="Its kind, where there is no plants.csv."),
        click.option("--capacity", type=float, help="kW."),
        click.option("--latitude", type=float, help="Degrees north."),
        click.option("--longitude", type=float, help="Degrees east."),
        click.option("--hub-height", type=float, help="Metres, of a wind farm."),
        click.option("--tilt", type=float, help="Degrees from the horizontal, of a solar park."),
        click.option("--azimuth", type=float, help="Degrees from north, of a solar park."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def guesses_of(options: dict[str, Any]) -> Guesses:
    """The guesses that the options say.

    Raises:
        click.UsageError: an option that means nothing, alone or beside the others.
    """
    from producers.convert.guesses import Guesses, Stamp, Unit
    from producers.csv_file import Dialect
    from producers.files import STEMS

    if options["ignore_offset"] and options["timezone"] is None:
        raise click.UsageError("--ignore-offset leaves the stamps without a zone: say it with --timezone")
    if strange := [stem for stem, _ in options["files"] if stem not in STEMS]:
        raise click.UsageError(f"--file {strange[0]}=...: give one of {', '.join(STEMS)}")
    return Guesses(
        timezone=_zone(options["timezone"]),
        stamp=None if options["stamp"] is None else Stamp(options["stamp"]),
        unit=None if options["unit"] is None else Unit(options["unit"]),
        names=options["names"],
        dropped=options["dropped"],
        time_format=options["time_format"],
        ignore_offset=options["ignore_offset"],
        dialect=Dialect(_sign(options["separator"]), options["decimal"]),
        files=dict(options["files"]),
        plant=_plant(options),
    )


def _zone(name: str | None) -> Any:
    from zoneinfo import ZoneInfo

    from producers.plants_file import is_zone

    if name is None:
        return None
    if not is_zone(name):
        raise click.UsageError(f"--timezone {name!r} is no time zone: give a name as Europe/Paris, or UTC")
    return ZoneInfo(name)


def _sign(separator: str) -> str:
    sign = {"tab": "\t", "\\t": "\t"}.get(separator, separator)
    if len(sign) != 1 or sign in '"\n\r':
        raise click.UsageError(f"--separator {separator!r} is not one sign: give ';', '|' or tab")
    return sign


def _plant(options: dict[str, Any]) -> dict[str, str]:
    given = {column: options[name] for name, column in _NAMES_OF_PLANT.items() if options[name] is not None}
    if given and "plant_id" not in given:
        raise click.UsageError("the plant has no name: give it with --plant")
    if len(given) > 1 and not {"kind", "capacity_kw"} <= set(given):
        raise click.UsageError("a plant needs both --kind and --capacity")
    return {column: _cell(value) for column, value in given.items()}


def _cell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.12g}"
