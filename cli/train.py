"""`gridcast train`: a new release from what PostgreSQL holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from cli.numbers import SEED
from cli.output import emit, json_option, note, progress, table
from cli.times import Duration, Moment
from infra import settings

if TYPE_CHECKING:
    from models.release import Release
    from models.training.config import TrainConfig
    from models.training.dataset import PlantHistory
    from models.training.select import Verdict
    from schemas.records import ReleaseRecord

_DAY_S: Final = 86_400


class _Name(click.ParamType):
    """A release is also called NAME:VERSION, and its key on the topic is NAME|time."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value or not all(letter.isalnum() or letter in "-_." for letter in value):
            self.fail(f"{value!r} is no name: letters, digits, '-', '_' and '.' alone", param, ctx)
        return value


@click.command(epilog="Example:  gridcast train --hold-back 14d")
@click.option("--until", "until_ms", type=Moment(), help="Train on what was known before; default: now.")
@click.option(
    "--hold-back",
    "hold_back_s",
    type=Duration(),
    default="14d",
    show_default=True,
    help="Newest days of each plant that the candidate is judged on.",
)
@click.option("--name", type=_Name(), default="gridcast", show_default=True, help="Name of the release.")
@click.option(
    "--plant",
    "plants",
    multiple=True,
    help="Train on these plants alone, and serve no other; may be repeated.",
)
@click.option("--fast", is_flag=True, help="A smaller training, in seconds for a plant.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="The same seed gives the same release.")
@click.option("--hindsight", is_flag=True, help="Note in the manifest that the weather was made afterwards.")
@click.option("--refit", is_flag=True, help="Train once more with the held-back days before publishing.")
@click.option("--shadow", is_flag=True, help="Publish it to be promoted later, not to serve now.")
@click.option("--force", is_flag=True, help="Publish it whatever the verdict is.")
@json_option
def command(
    until_ms: int | None,
    hold_back_s: int,
    name: str,
    plants: tuple[str, ...],
    fast: bool,
    seed: int,
    hindsight: bool,
    refit: bool,
    shadow: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train a release and publish it if it beats the champion on the newest days, which it has not seen.

    Running workers take it up without a restart. Reads what the sink has written to PostgreSQL.
    """
    from cli import training
    from consumers.releases import next_version, release_records
    from models.training import hold_back
    from models.training.config import TrainConfig
    from schemas.records import ReleaseRole

    found = settings.load()
    codec = training.deployed_codec(found)
    records = release_records(found, codec)
    if not as_json:
        note("reading PostgreSQL")
    known = training.known_histories(found, training.now_ms() if until_ms is None else until_ms, plants)
    config = (TrainConfig.fast if fast else TrainConfig.full)(
        seed=seed,
        name=name,
        version=next_version(records, name),
        hindsight=hindsight,
        code_version=_code_version(),
    )
    split = hold_back.split(known, max(hold_back_s // _DAY_S, 1))
    candidate = _fit(split.seen, config, as_json)
    verdict = hold_back.judge(candidate, training.serving_release(found, codec, records), split)
    record = None
    if verdict.better or force:
        if refit:
            candidate = _fit(split.whole, config, as_json)
        role = ReleaseRole.SHADOW if shadow else ReleaseRole.CHAMPION
        record = training.publish(found, codec, candidate, verdict, role, plants)
    emit(_document(candidate, verdict, record), as_json, _lines(candidate, verdict, record))


def _fit(histories: list[PlantHistory], config: TrainConfig, quiet: bool) -> Release:
    from cli import training

    reached: dict[str, float] = {}
    with progress("training", None, quiet) as advance:

        def told(stage: str, part: float) -> None:
            steps = round(100 * part) - round(100 * reached.get(stage, 0.0))
            reached[stage] = part
            advance(max(steps, 0), f"{stage} {100 * part:.0f} %")

        return training.fit(histories, config, told)


def _document(candidate: Release, verdict: Verdict, record: ReleaseRecord | None) -> dict[str, Any]:
    scores = {
        which: {plant: {lead: asdict(one) for lead, one in leads.items()} for plant, leads in found.items()}
        for which, found in (("candidate", verdict.candidate), ("champion", verdict.champion))
    }
    return {
        "name": candidate.name,
        "version": candidate.version,
        "better": verdict.better,
        "reason": verdict.reason,
        "published": record is not None,
        "role": record.role.value if record is not None else None,
        "sha256": record.artifact_sha256 if record is not None else None,
        "bytes": record.artifact_bytes if record is not None else None,
        "scores": scores,
    }


def _lines(candidate: Release, verdict: Verdict, record: ReleaseRecord | None) -> list[str]:
    rows = [
        {
            "plant": plant,
            "lead": lead,
            "hours": one.n,
            "error %": round(100 * one.nmae, 2),
            "persistence %": round(100 * one.nmae_persistence, 2),
            "champion %": _champion_error(verdict, plant, lead),
            "in 80 % band": f"{100 * one.coverage80:.0f} %",
        }
        for plant, leads in verdict.candidate.items()
        for lead, one in leads.items()
    ]
    judged = "better than the champion" if verdict.better else "not better than the champion"
    lines = [*table(rows), f"{candidate.name} {candidate.version} is {judged}: {verdict.reason}"]
    if candidate.manifest.get("hindsight"):
        lines.append("its weather was made afterwards (a reanalysis): live forecasts will be less good")
    if record is None:
        return [*lines, "not published; --force publishes it all the same"]
    size = f"{record.artifact_bytes / 1e6:.1f} MB"
    return [*lines, f"published as {record.role.value}, {size}: {record.artifact_sha256[:12]}"]


def _champion_error(verdict: Verdict, plant: str, lead: str) -> float | None:
    one = verdict.champion.get(plant, {}).get(lead)
    return None if one is None else round(100 * one.nmae, 2)


def _code_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gridcast")
    except PackageNotFoundError:
        return "unknown"
