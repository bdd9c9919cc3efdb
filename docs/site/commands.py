"""A page for each command: what its `--help` says, as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from cli.main import COMMANDS, group


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown) of each command that is there."""
    context = click.Context(group, info_name="gridcast")
    names = group.list_commands(context)
    rows = "\n".join(f"| [`gridcast {name}`]({name}.md) | {COMMANDS[name]} |" for name in names)
    yield (
        "reference/commands/README.md",
        "# Commands\n\nMade from the commands themselves.\n\n"
        f"| command | what it does |\n|---|---|\n{rows}\n",
    )
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        yield f"reference/commands/{name}.md", "\n".join(_told(command, f"gridcast {name}", 1)) + "\n"


def _told(command: click.Command, path: str, level: int) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"{'#' * level} gridcast {path.removeprefix('gridcast ')}\n"
    yield from _paragraphs(command.help or "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{path} {usage}\n```\n"
    yield from _options(command, context)
    if command.epilog:
        yield f"```text\n{inspect.cleandoc(command.epilog).replace(chr(8), '').strip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _told(inner, f"{path} {name}", level + 1)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):  # click's mark of lines that stay as they are
            yield f"```text\n{paragraph.lstrip(chr(8)).strip(chr(10))}\n```\n"
        else:
            yield _plain(paragraph) + "\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    with_help = click.Context(command, info_name=context.info_name, show_default=True)
    told = [found for one in command.get_params(with_help) if (found := _row(one, with_help)) is not None]
    if told:
        yield "| option | what it is |\n|---|---|\n" + "\n".join(told) + "\n"


def _row(parameter: click.Parameter, context: click.Context) -> str | None:
    if isinstance(parameter, click.Argument):
        return f"| `{parameter.make_metavar(context)}` | {'required' if parameter.required else ''} |"
    record = parameter.get_help_record(context)
    if record is None:
        return None
    name, about = record
    return f"| <code>{_cell(_plain(name))}</code> | {_cell(_plain(about))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "&#124;")


def _plain(text: str) -> str:
    """Help is no Markdown: what would be markup is shown as it is."""
    return text.replace("<", "&lt;").replace("*", "&#42;").replace("[", "&#91;")
