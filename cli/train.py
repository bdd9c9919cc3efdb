"""`gridcast train`: a new release from what PostgreSQL holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from cli.numbers import SEED
from cli.output import emit, json_option, note, table
from cli.times import Duration, Moment
from infra import settings

if TYPE_CHECKING:
    from cli.train_job import Job
    from models.training.gate import Verdict

_DAY_S: Final = 86_400


class _Name(click.ParamType):
    """A release is also called NAME:VERSION, and its key on the topic is NAME|time."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value or not all(letter.isalnum() or letter in "-_." for letter in value):
            self.fail(f"{value!r} is no name: letters, digits, '-', '_' and '.' alone", param, ctx)
        return value


@click.command(epilog="Example:  gridcast train --hold-back 28d")
@click.option("--until", "until_ms", type=Moment(), help="Train on what was known before; default: now.")
@click.option(
    "--hold-back",
    "hold_back_s",
    type=Duration(),
    default="14d",
    show_default=True,
    help="Newest days of each plant that the candidate is judged on; a champion is challenged on 14 or more.",
)
@click.option("--name", type=_Name(), default="gridcast", show_default=True, help="Name of the release.")
@click.option(
    "--plant",
    "plants",
    multiple=True,
    help="Train on these plants alone, and serve no other; may be repeated.",
)
@click.option(
    "--for",
    "serve",
    metavar="PLANT",
    multiple=True,
    help="Train on every plant, but judge and serve these alone; may be repeated.",
)
@click.option("--fast", is_flag=True, help="A smaller training, in seconds for a plant.")
@click.option(
    "--correction",
    "corrections",
    multiple=True,
    help="Judge this correction too, 'gru-residual' say; may be repeated. The best one serves.",
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="The same seed gives the same release.")
@click.option("--hindsight", is_flag=True, help="Note in the manifest that the weather was made afterwards.")
@click.option(
    "--refit/--no-refit",
    default=True,
    show_default=True,
    help="Train once more with the held-back days before publishing.",
)
@click.option("--shadow", is_flag=True, help="Publish it to be promoted later, not to serve now.")
@click.option("--force", is_flag=True, help="Publish it whatever the verdict is.")
@click.option("--because", default="by hand", show_default=True, help="Why, for `gridcast schedule --runs`.")
@click.option("--job", "job_id", type=int, hidden=True, help="The job that this is: it publishes once.")
@json_option
def command(
    until_ms: int | None,
    hold_back_s: int,
    name: str,
    plants: tuple[str, ...],
    serve: tuple[str, ...],
    fast: bool,
    corrections: tuple[str, ...],
    seed: int,
    hindsight: bool,
    refit: bool,
    shadow: bool,
    force: bool,
    because: str,
    job_id: int | None,
    as_json: bool,
) -> None:
    """Train a release and publish it if it beats the champion on the newest days, which neither has seen.

    Promoted is what is better on the whole and worse for no plant by the test of Diebold and Mariano; it is
    then trained again on all days, and the champion before it runs on as a shadow. Running workers take it up
    without a restart. Reads what the sink has written to PostgreSQL.
    """
    from cli import experiments, train_once, training
    from cli.releasing import Releases
    from cli.train_job import Job
    from consumers.releases import next_version
    from consumers.trainings import one_at_a_time, write
    from models.training.config import TrainConfig
    from schemas.records import ReleaseRole

    if plants and serve:
        raise click.UsageError("--plant and --for do not go together: --plant already serves these alone")
    judged = training.corrections(corrections)
    found = settings.load()
    experiments.ready(found)
    began_ms = training.now_ms()
    keys: tuple[str, ...] = ()
    if job_id is not None:
        train_once.end_with_parent()
        keys = train_once.keys_of(found, job_id)
    with one_at_a_time(found):
        releases = Releases(found)
        before = None if job_id is None else train_once.before(found, releases, job_id, because, keys)
        if before is not None:
            emit(before, as_json, [f"{before['name']} {before['version']}: {before['outcome']}"])
            return
        if not as_json:
            note("reading PostgreSQL")
        until_ms = training.now_ms() if until_ms is None else until_ms
        known = training.known_histories(found, until_ms, plants)
        training.refuse_unknown(serve, {history.plant.plant_id for history in known})
        config = (TrainConfig.fast if fast else TrainConfig.full)(
            seed=seed,
            name=name,
            version=next_version(releases.records, name),
            hindsight=hindsight,
            code_version=_code_version(),
        )
        if judged:
            config = replace(config, corrections=judged)
        role = ReleaseRole.SHADOW if shadow else ReleaseRole.CHAMPION
        job = Job(
            found, releases, known, config, plants or serve, refit, role, force, as_json and job_id is None
        )
        job.job_id = job_id
        job.run(max(hold_back_s // _DAY_S, 1))
        write(found, job.row(began_ms, because, keys), job.verdict.to_json())
    if job.candidate is not None:
        experiments.record(
            found, "train", job.params, job.metrics, (training.now_ms() - began_ms) / 1000, job.hashes
        )
    emit(_document(job), as_json, _lines(job))


def _document(job: Job) -> dict[str, Any]:
    """What came of it, for machines."""
    from models.training.gate import scores_json

    verdict, record = job.verdict, job.record
    return {
        "name": job.config.name,
        "version": job.config.version,
        "trained": job.candidate is not None,
        "outcome": job.outcome.value,
        "better": verdict.better,
        "reason": verdict.reason,
        "verdict": verdict.to_json(),
        "published": record is not None,
        "role": record.role.value if record is not None else None,
        "sha256": record.artifact_sha256 if record is not None else None,
        "bytes": record.artifact_bytes if record is not None else None,
        "plants": list(record.plants) if record is not None else [],
        "shadows": [f"{one.name} {one.version}" for one in job.shadows],
        "scores": {
            "candidate": scores_json(verdict.candidate),
            "champion": scores_json(verdict.champion),
        },
    }


def _lines(job: Job) -> list[str]:
    """What came of it, for people."""
    verdict, config = job.verdict, job.config
    if job.candidate is None:
        return [f"not trained: {verdict.reason}; --force trains and publishes all the same"]
    judged = "better than the champion" if verdict.better else "not better than the champion"
    lines = [*table(_rows(verdict)), f"{config.name} {config.version} is {judged}: {verdict.reason}"]
    lines += [f"{plant_id} was not judged: {why}" for plant_id, why in verdict.not_judged.items()]
    if job.candidate.manifest.get("hindsight"):
        lines.append("its weather was made afterwards (a reanalysis): live forecasts will be less good")
    if job.record is None:
        return [*lines, "not published; --force publishes it all the same"]
    size = f"{job.record.artifact_bytes / 1e6:.1f} MB"
    role = job.record.role.value
    lines += [f"{one.name} {one.version} runs on as a shadow" for one in job.shadows]
    return [*lines, f"published as {role}, {size}: {job.record.artifact_sha256[:12]}"]


def _rows(verdict: Verdict) -> list[dict[str, Any]]:
    return [
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


def _champion_error(verdict: Verdict, plant: str, lead: str) -> float | None:
    one = verdict.champion.get(plant, {}).get(lead)
    return None if one is None else round(100 * one.nmae, 2)


def _code_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("gridcast")
    except PackageNotFoundError:
        return "unknown"
