"""`gridcast features`: every feature with its unit and source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import emit, json_option, table

if TYPE_CHECKING:
    from models.features import Feature

_COLUMNS = ("stage", "name", "unit", "source", "meaning")


@click.command(epilog="Example:  gridcast features --folder samples/la_haute_borne")
@click.option("--kind", type=click.Choice(["wind", "solar"]), help="Of plants of one kind; default: of both.")
@click.option(
    "--folder", metavar="DIR", type=click.Path(path_type=Path), help="With the weather columns of a folder."
)
@click.option("--release", help="What the weather models of a release take: NAME, VERSION or NAME:VERSION.")
@json_option
def command(kind: str | None, folder: Path | None, release: str | None, as_json: bool) -> None:
    """Every feature of the models, with its unit and where it comes from.

    The first stage (the weather model) takes whatever columns a weather run has: those of usual sources are
    shown, or those of a folder, or those that a release was trained with. The second stage (the correction
    towards the newest telemetry) always takes the same.
    """
    from models import features

    if folder is not None and release is not None:
        raise click.UsageError("--folder and --release exclude each other")
    first = _of_release(release) if release else _of_columns(kind, _columns_of(folder) if folder else None)
    found = [*first, *features.of_correction()]
    rows = [asdict(one) for one in dict.fromkeys(found)]
    emit(rows, as_json, [*table(rows, _COLUMNS), f"{len(rows)} features"])


def _of_columns(kind: str | None, columns: list[str] | None) -> Iterable[Feature]:
    from models.features import EXAMPLE_COLUMNS, of_weather

    for one, usual in EXAMPLE_COLUMNS.items():
        if kind in (None, one.value):
            yield from of_weather(one, columns if columns is not None else usual)


def _columns_of(folder: Path) -> list[str]:
    """The weather columns of a canonical folder, by the first line of its file alone."""
    import gzip

    from schemas.errors import InputError

    for path in (folder / "weather.csv", folder / "weather.csv.gz"):
        if path.exists():
            with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
                header = lines.readline().strip().split(",")
            return [name for name in header if name not in ("plant_id", "source", "published_at", "valid_at")]
    raise InputError(f"{folder} has no weather.csv or weather.csv.gz")


def _of_release(wanted: str) -> Iterable[Feature]:
    from infra import settings
    from infra.registry import schema_ids
    from models.features import of_names
    from schemas.codec import Codec
    from streams.artifacts import Artifacts
    from streams.replaying import find_release

    found = settings.load()
    codec = Codec(schema_ids(found))
    release = Artifacts(found, codec).load_release(find_release(found, codec, wanted))
    for model in release.weather.values():
        yield from of_names(model.names)
