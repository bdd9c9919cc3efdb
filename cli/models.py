"""`gridcast models`: the releases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, iso, json_option, table
from infra import settings

if TYPE_CHECKING:
    from cli.releasing import Releases
    from models.live_losses import Live
    from schemas.records import ReleaseRecord

_name = click.option("--name", help="Where several releases have this version.")
_plants_option = click.option("--plant", "plants", multiple=True, help="For this plant; may be repeated.")


@click.group(epilog="Example:  gridcast models list")
def command() -> None:
    """Releases: list, show, card, compare, promote, roll back. Running workers follow without a restart."""


@command.command("list", epilog="Example:  gridcast models list --json")
@json_option
def list_(as_json: bool) -> None:
    """Every release, oldest first, and which of them serves, or should and is refused by the workers."""
    releases = _releases()
    rows = [_row(record, releases) for record in releases.records]
    lines = [*table(rows)] if rows else ["no release yet: the built-in cold start serves; `gridcast train`"]
    emit(rows, as_json, lines)


@command.command("show", epilog="Example:  gridcast models show 3")
@click.argument("version")
@_name
@json_option
def show(version: str, name: str | None, as_json: bool) -> None:
    """One release: what it was trained on, and how it did on the days held back."""
    releases = _releases()
    record = releases.find(version, name)
    manifest = _manifest(record)
    document = {**_row(record, releases), "manifest": manifest}
    emit(document, as_json, [*_about(record, releases), *_plants(manifest), *_scores(manifest)])


@command.command("card", epilog="Example:  gridcast models card 3 --out card.md")
@click.argument("version")
@_name
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file.")
@json_option
def card(version: str, name: str | None, out: Path | None, as_json: bool) -> None:
    """The model card of a release in Markdown: what it is for, what it learned from, how well it does."""
    from models.training.card import card as written

    releases = _releases()
    record = releases.find(version, name)
    text = written(record.name, record.version, record.artifact_sha256, releases.manifest(record))
    if out is not None:
        out.write_text(text, encoding="utf-8")
    emit({"card": text, "path": out}, as_json, [str(out)] if out is not None else text.splitlines())


@command.command("promote", epilog="Example:  gridcast models promote 3 --plant north-ridge")
@click.argument("version")
@_name
@_plants_option
@click.option("--force", is_flag=True, help="Also one that was judged to be no better than what served.")
@json_option
def promote(version: str, name: str | None, plants: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Let a release serve from now on, one that was a shadow, withdrawn, or replaced.

    With --plant it serves these plants and the others keep what they have. What served before runs on as a
    shadow, so that their live scores can be compared.
    """
    from cli.acting import noted

    releases = _releases()
    asked = releases.find(version, name)
    detail = {"plants": list(plants), "force": force}
    with noted(settings.load(), "release.promote", f"{asked.name} {asked.version}", detail):
        record, shadows = releases.promote(asked, plants, force)
    lines = [f"{record.name} {record.version} serves {', '.join(plants) or 'every plant'} from now on"]
    lines += [f"{one.name} {one.version} runs on as a shadow" for one in shadows]
    document = {**_row(record, releases), "shadows": [_row(one, releases) for one in shadows]}
    emit(document, as_json, lines)


@command.command("rollback", epilog="Example:  gridcast models rollback")
@_plants_option
@click.option("--because", default="by hand", show_default=True, help="Why, kept in the record.")
@json_option
def rollback(plants: tuple[str, ...], because: str, as_json: bool) -> None:
    """Withdraw the champion: the release before it serves again, the cold start where there was none."""
    from cli.acting import noted

    releases = _releases()
    serves = releases.champion_of(plants[0]) if plants else releases.champion
    subject = "what serves" if serves is None else f"{serves.name} {serves.version}"
    with noted(settings.load(), "release.rollback", subject, {"plants": list(plants), "because": because}):
        gone, after = releases.rollback(plants, {"reason": because}, serves)
    now = f"{after.name} {after.version}" if after is not None else "the built-in cold start"
    document = {"withdrawn": _row(gone, releases), "serves": None if after is None else _row(after, releases)}
    whom = f" for {', '.join(plants)}" if plants else ""
    emit(document, as_json, [f"{gone.name} {gone.version} is withdrawn{whom}; {now} serves again"])


@command.command("compare", epilog="Example:  gridcast models compare 3 2")
@click.argument("first")
@click.argument("second")
@_name
@_plants_option
@json_option
def compare(first: str, second: str, name: str | None, plants: tuple[str, ...], as_json: bool) -> None:
    """Two releases side by side on live data, champion and shadow: which loses less, by day and by plant.

    Reads the scores of the newest 60 days that the sink has written. p is how likely a difference as large is
    by chance (Diebold-Mariano).
    """
    from consumers.live_losses import side_by_side
    from infra.postgres import transaction
    from models.live_losses import compared

    found = settings.load()
    releases = _releases()
    one, other = releases.find(first, name), releases.find(second, name)
    with transaction(found, "gridcast-models") as cursor:
        rows = side_by_side(cursor, one, other, plants or None)
    whole = compared(rows)
    by_plant = {
        p: compared([row for row in rows if row.plant_id == p]) for p in {row.plant_id for row in rows}
    }
    document = {"all": whole.to_json(), "plants": {p: live.to_json() for p, live in sorted(by_plant.items())}}
    shown = [{"plant": p, **_live(live)} for p, live in sorted(by_plant.items())]
    lines = [*table([{"plant": "all", **_live(whole)}, *shown])] if rows else ["no live scores of both"]
    emit(document, as_json, lines)


def _live(live: Live) -> dict[str, Any]:
    tests = (None, None) if live.test is None else (live.test.p_better, live.test.p_worse)
    return {
        "days": live.days,
        "first, pinball %": round(100 * live.first, 3),
        "second, pinball %": round(100 * live.second, 3),
        "p better": None if tests[0] is None else round(tests[0], 4),
        "p worse": None if tests[1] is None else round(tests[1], 4),
    }


def _releases() -> Releases:
    """The `model.releases` topic of this deployment."""
    from cli.releasing import Releases

    return Releases(settings.load())


def _row(record: ReleaseRecord, releases: Releases) -> dict[str, Any]:
    return {
        "name": record.name,
        "version": record.version,
        "role": record.role.value,
        "serves": releases.serves(record),
        "refused": releases.refusal(record),
        "since": iso(record.valid_from_ms),
        "plants": ",".join(record.plants) or "all",
        "sha256": record.artifact_sha256[:12],
        "bytes": record.artifact_bytes,
    }


def _manifest(record: ReleaseRecord) -> dict[str, Any]:
    from consumers.releases import manifest_of

    return manifest_of(record)


def _about(record: ReleaseRecord, releases: Releases) -> list[str]:
    state = "serves" if releases.serves(record) else f"{record.role.value}, does not serve"
    refused = releases.refusal(record)
    manifest = _manifest(record)
    lines = [f"{record.name} {record.version}: {state}, since {iso(record.valid_from_ms)}"]
    if refused is not None:
        lines.append(f"refused, what served before goes on: {refused}")
    lines += [f"artifact {record.artifact_sha256}, {record.artifact_bytes / 1e6:.1f} MB"]
    verdict = manifest.get("verdict")
    if verdict:
        lines.append(f"judged: {verdict.get('reason') if isinstance(verdict, dict) else verdict}")
    if "withdrawn" in manifest:
        lines.append(f"withdrawn: {manifest['withdrawn'].get('reason')}")
    if manifest.get("hindsight"):
        lines.append("trained with weather that was made afterwards: its skill is an upper bound")
    return lines


def _plants(manifest: dict[str, Any]) -> list[str]:
    names = ("kind", "from", "to", "intervals", "clean_part", "weather_model", "weather_runs")
    rows = [
        {"plant": plant_id, **{name: about.get(name) for name in names}}
        for plant_id, about in manifest.get("plants", {}).items()
    ]
    return ["", *table(rows)] if rows else []


def _scores(manifest: dict[str, Any]) -> list[str]:
    names = {"nmae": "error %", "nmae_persistence": "persistence %", "coverage80": "in 80 % band"}
    rows = [
        {
            "plant": plant_id,
            "lead": lead,
            "hours": score.get("n"),
            **{title: score.get(key) for key, title in names.items()},
        }
        for plant_id, leads in manifest.get("scores", {}).items()
        for lead, score in sorted(leads.items(), key=lambda one: int(one[0].removesuffix("h")))
    ]
    return ["", *table(rows)] if rows else []
