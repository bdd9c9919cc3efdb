"""`gridcast jobs`: what was asked for, how far it is, what it says; and cancelling it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.output import emit, json_option, table
from infra import settings

if TYPE_CHECKING:
    from consumers.jobs.store import Job


@click.group(epilog="Example:  gridcast jobs list --state running")
def command() -> None:
    """Jobs: trainings and bulk forecasts that were asked for. `gridcast schedule` runs them."""


@command.command("list", epilog="Example:  gridcast jobs list --kind train")
@click.option("--kind", help="Of this kind alone.")
@click.option("--state", type=click.Choice(["waiting", "running", "stopping", "done", "failed", "cancelled"]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
def list_(kind: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """The newest jobs, newest first."""
    from consumers.jobs import store
    from infra.postgres import transaction

    with transaction(settings.load(), "gridcast-jobs") as cursor:
        rows = [_row(job) for job in store.newest(cursor, limit, kind, state)]
    emit(rows, as_json, table(rows) if rows else ["no job"])


@command.command("show", epilog="Example:  gridcast jobs show 17")
@click.argument("job_id", type=click.IntRange(min=1))
@click.option("--lines", type=click.IntRange(0, 10_000), default=50, show_default=True)
@json_option
def show(job_id: int, lines: int, as_json: bool) -> None:
    """One job with the newest lines of its log."""
    from consumers.jobs import store
    from infra.postgres import transaction

    with transaction(settings.load(), "gridcast-jobs") as cursor:
        job = store.one(cursor, job_id)
        said = store.lines(cursor, job_id, lines)
    document = {**asdict(job), "log": [{"at": at, "text": text} for at, text in said]}
    about = [f"{name}: {value}" for name, value in asdict(job).items() if value not in (None, "")]
    emit(document, as_json, [*about, *(f"{at:%H:%M:%S} {text}" for at, text in said)])


@command.command("cancel", epilog="Example:  gridcast jobs cancel 17")
@click.argument("job_id", type=click.IntRange(min=1))
@json_option
def cancel(job_id: int, as_json: bool) -> None:
    """End a job: one that waits never begins, one that runs is told to stop."""
    from cli.acting import here
    from consumers.api.audit import record
    from consumers.jobs import queue, store
    from infra.postgres import transaction
    from schemas.errors import InputError

    with transaction(settings.load(), "gridcast-jobs") as cursor:
        before = store.one(cursor, job_id)
        if not queue.cancel(cursor, job_id):
            raise InputError(f"job {job_id} is over already: {before.state}")
        record(cursor, here(), "job.cancel", str(job_id), "done", {"kind": before.kind})
        job = store.one(cursor, job_id)
    emit(_row(job), as_json, [f"job {job_id} is {job.state}"])


def _row(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "kind": job.kind,
        "state": job.state,
        "progress": f"{100 * job.progress:.0f} %",
        "stage": job.stage,
        "asked_at": f"{job.asked_at:%Y-%m-%d %H:%M}",
        "asked_by": job.asked_by,
        "because": job.because,
        "error": job.error,
    }
