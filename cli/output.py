"""How every command speaks: lines for people, one JSON document for machines, a bar where it takes long."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

#: `--json` for a command: the function receives `as_json: bool`.
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for machines.")

#: The same for a command that runs until it is told to stop: its log is what it says.
json_log_option = click.option("--json", "as_json", is_flag=True, help="Log JSON, one object a line.")


def say(line: str) -> None:
    """One line for a person, on standard output."""
    click.echo(line)


def note(line: str) -> None:
    """One line beside the result (progress, warnings), on standard error."""
    click.echo(line, err=True)


def emit(document: Any, as_json: bool, lines: Iterable[str] = ()) -> None:
    """The result of a command: `document` as JSON where machines ask, else `lines`."""
    if as_json:
        click.echo(json.dumps(document, default=plain, sort_keys=False))
        return
    for line in lines:
        click.echo(line)


def plain(value: Any) -> Any:
    """What `json.dumps` cannot say by itself: times in ISO 8601, paths, arrays and scalars of NumPy, sets."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Iterator[str]:
    """Rows as aligned lines under a header; numbers to the right. Nothing for no rows."""
    if not rows:
        return
    names = list(columns if columns is not None else rows[0])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    right = [all(_is_number(row.get(name)) for row in rows) for name in names]
    for line in [names, *cells]:
        padded = [
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ]
        yield "  ".join(padded).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def iso(time_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC, without a fraction where there is none."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    spec = "milliseconds" if time_ms % 1000 else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


Advance = Callable[[int, str], None]


@contextmanager
def progress(title: str, total: int | None, quiet: bool = False) -> Iterator[Advance]:
    """A bar on standard error for a terminal, else one line about every ten seconds.

    Yields `advance(steps, text)`: so many steps more are done, and what to show beside the bar.
    """
    if quiet:
        yield lambda _steps, _text: None
        return
    if not sys.stderr.isatty():
        with _plain_progress(title, total) as advance:
            yield advance
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    parts = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*parts, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total, text="")
        yield lambda steps, text: bar.update(task, advance=steps, text=text)


@contextmanager
def _plain_progress(title: str, total: int | None, every_s: float = 10.0) -> Iterator[Advance]:
    import time

    done = 0
    last = time.monotonic()

    def advance(steps: int, text: str) -> None:
        nonlocal done, last
        done += steps
        if time.monotonic() - last >= every_s:
            last = time.monotonic()
            note(f"{title}: {done}{f' of {total}' if total else ''} {text}".rstrip())

    yield advance
