"""Every name in the documentation is one of the code, and what the code has is documented.

Commands with their options, metrics, topics, settings, endpoints, files and identifiers, wherever a page
sets them as code; the tables of settings, metrics and topics say of each what the code says.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from cli.main import group
from docs.site import http_paths
from infra.metrics import REGISTRY
from infra.settings import NOT_SETTINGS, Settings
from infra.topics import TOPICS
from tests.unit.test_docs import PAGES, ROOT

FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINE = re.compile(r"(?:^|(?<=\$ )|(?<=&& )|(?<=\| ))gridcast [a-z][^\n|&>]*", re.MULTILINE)
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+")
FILE = re.compile(r"(?:[\w.-]+/)+[\w.*-]+\.(?:py|avsc|sql|toml|ya?ml|json|mjs|sh|html|md|service)")
FOLDER = re.compile(r"(?:cli|consumers|infra|models|producers|schemas|streams|tests|docs)/[\w/]*")
#: What a run leaves behind, and what stands for a name of the reader's.
MADE = re.compile(r"\.gridcast/|[A-Z]+/")
#: Programs of others whose options the pages may show, and names of theirs that look like ours.
OTHERS = re.compile(r"\b(curl|git|pip|docker|kubectl|systemctl|kafka-\w+|psql|pg_\w+|npm|node|php|tar)\b")
FOREIGN = {"exactly_once", "max_queued_messages", "produce_batch"}  # of Faust, Mosquitto, librdkafka
#: The code of this repository: what only its documentation says is no proof.
FOLDERS = [
    *("cli", "clients", "consumers", "infra", "models", "producers", "schemas", "streams"),
    *("benchmarks", "deploy", "samples"),
]
KINDS = {".py", ".avsc", ".sql", ".toml", ".json", ".yml", ".yaml", ".html", ".mjs", ".js", ".css", ".sh"}


def spans(page: Path) -> list[str]:
    """What stands as code within the text of a page."""
    return SPAN.findall(FENCE.sub("", page.read_text()))


def as_code(page: Path) -> str:
    """All that a page sets as code."""
    return "\n".join([*spans(page), *(body for _, body in FENCE.findall(page.read_text()))])


def by_page(pattern: str | re.Pattern[str]) -> list[object]:
    """What a pattern finds in each page, as parameters with readable names."""
    found = [(page, name) for page in PAGES for name in sorted(set(re.findall(pattern, as_code(page))))]
    return [pytest.param(page, name, id=f"{page.name}: {name}") for page, name in found]


@cache
def source() -> str:
    """The text of all code."""
    files = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.suffix in KINDS]
    files += [ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("*.yml"), *ROOT.glob("Dockerfile*")]
    files += [path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_docs")]
    return "\n".join(path.read_text(errors="replace") for path in files)


@cache
def words() -> frozenset[str]:
    """Every word of the code, in small letters too: members of an enumeration are written so."""
    found = re.findall(r"\w+", source())
    stems = {path.stem for path in (ROOT / "tests").rglob("*.py")}
    return frozenset(found) | {word.lower() for word in found} | stems | metric_names() | FOREIGN


# Commands


def commands(below: click.Group = group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and every command below it."""
    context = click.Context(below)
    for name in below.list_commands(context):
        yield (*path, name)
        inner = below.get_command(context, name)
        if isinstance(inner, click.Group):
            yield from commands(inner, (*path, name))


def command_of(said: list[str]) -> tuple[click.Command, list[str]]:
    """The command that words name, and the words after it."""
    command: click.Command = group
    while isinstance(command, click.Group) and said and re.fullmatch(r"[a-z][a-z-]*", said[0]):
        inner = command.get_command(click.Context(command), said[0])
        assert inner is not None, f"there is no command {said[0]!r}"
        command, said = inner, said[1:]
    return command, said


def options(command: click.Command) -> set[str]:
    own = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return own | {"--help", "-h", "--version"}


@pytest.mark.parametrize(("page", "line"), by_page(LINE))
def test_a_command_that_is_named_is_there_with_its_options(page: Path, line: str) -> None:
    try:
        said = shlex.split(line.split("  #")[0].rstrip("\\"), comments=True)[1:]
    except ValueError:  # a quotation that goes on behind a pipe
        said = line.split()[1:]
    command, rest = command_of(said)
    named = {word.split("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    assert named <= options(command), line


def test_an_option_that_is_named_is_one_of_some_command() -> None:
    there = {name for path in commands() for name in options(command_of(list(path))[0])}
    lost = {
        (page.name, name)
        for page in PAGES
        for span in spans(page)
        if not OTHERS.search(span)
        for name in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)
        if name not in there and name not in source()
    }
    assert lost == set()


def test_every_command_is_on_some_page() -> None:
    text = "\n".join(as_code(page) for page in PAGES)
    lost = [" ".join(path) for path in commands() if not re.search(rf"\b{' '.join(path)}\b", text)]
    assert lost == []


# Metrics, settings, topics


def metric_name(family: object) -> str:
    """As it is written in a query."""
    name, kind = family.name, family.type  # type: ignore[attr-defined]
    return f"{name}_total" if kind == "counter" else str(name)


def metric_names() -> set[str]:
    found = {metric_name(family) for family in REGISTRY.collect()}
    parts = [family.name for family in REGISTRY.collect() if family.type == "histogram"]
    return found | {f"{name}{end}" for name in parts for end in ("_bucket", "_sum", "_count")}


def made_by_sql() -> set[str]:
    """Roles and functions of PostgreSQL have the same prefix as metrics."""
    return set(re.findall(r"\bgridcast_\w+", "".join(p.read_text() for p in (ROOT / "infra").rglob("*.sql"))))


@pytest.mark.parametrize(("page", "name"), by_page(r"\bgridcast_\w*[a-z]\b"))
def test_a_metric_or_role_that_is_named_is_there(page: Path, name: str) -> None:
    assert name in metric_names() | made_by_sql() | {"gridcast_client"}


@pytest.mark.parametrize(("page", "name"), by_page(r"\bGRIDCAST_([A-Z_]*[A-Z])\b"))
def test_a_variable_that_is_named_is_a_setting(page: Path, name: str) -> None:
    settings = {field.upper() for field in Settings.model_fields}
    files = {f"{name}_FILE" for name in settings}
    others = NOT_SETTINGS | {"NAME", "NAME_FILE"}
    assert name in settings | files | others or f"GRIDCAST_{name}" in words()


HEADS = "|".join(sorted({topic.name.split(".")[0] for topic in TOPICS if "." in topic.name}))


@pytest.mark.parametrize(("page", "name"), by_page(rf"(?m)^((?:{HEADS})\.[a-z.]*[a-z])(?<!\.log)$"))
def test_a_topic_that_is_named_is_there(page: Path, name: str) -> None:
    replayed = re.fullmatch(r"(power\.forecasts|plant\.anomalies)\.(again|trial)", name)
    assert name in {topic.name for topic in TOPICS} or replayed or name in source()


# Endpoints


@cache
def templates() -> tuple[str, ...]:
    return ("/openapi.json", *http_paths.document()["paths"])


@pytest.mark.parametrize(("page", "path"), by_page(r"(?<![\w.}])(/(?:v1|api)(?:/[\w{}$-][\w.:{}$-]*)+)"))
def test_an_endpoint_that_is_named_answers(page: Path, path: str) -> None:
    ways = [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one)) for one in templates()]
    assert any(re.fullmatch(way, path) for way in ways), f"{page.name} names {path}"


def test_every_endpoint_is_on_the_page_of_the_api() -> None:
    named = {name for span in spans(ROOT / "docs" / "api.md") for name in re.findall(r"/[\w./{}-]*", span)}
    assert [one for one in templates() if one not in named] == []


# All else that is set as code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_identifiers_and_files_are_those_of_the_code(page: Path) -> None:
    lost = []
    for span in spans(page):
        name = span.strip("()=").split("(")[0]
        if IDENTIFIER.fullmatch(name) and name not in words():
            lost.append(span)
        if FILE.fullmatch(span) and not MADE.match(span):
            lost += [span] if not (list(ROOT.glob(span)) or list(page.parent.glob(span))) else []
        elif FOLDER.fullmatch(span):
            lost += [span] if not (ROOT / span).exists() else []
    assert lost == []


# Tables that are written by hand, held against the code


def rows(page: str) -> dict[str, list[str]]:
    """The cells of each row whose first one is a name."""
    lines = [line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\) \| ", line.strip("| "))] for line in lines]
    return {one[0].strip("`"): one[1:] for one in cells}


def test_the_table_of_metrics_has_the_types_and_labels_of_the_code() -> None:
    told, made = rows("metrics.md"), set(REGISTRY._names_to_collectors.values())
    for family in REGISTRY.collect():
        kind, labels, *_ = told[metric_name(family)]
        of_it = [vars(one) for one in made if vars(one).get("_name") == family.name]
        said = [", ".join(one["_labelnames"]) or "-" for one in of_it] or ["-"]
        assert (kind, [labels]) == (family.type, said), family.name


def test_the_table_of_settings_has_the_defaults_of_the_code() -> None:
    told = rows("settings.md")
    for name, field in Settings.model_fields.items():
        said = re.search(r"Default `([^`]*)`", told[name][0])
        default = field.get_default(call_default_factory=True)
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
        if said is not None:
            assert said[1] == shown, name
        else:
            empty = default in (None, (), "") or hasattr(default, "get_secret_value")
            assert empty, f"{name}: the default {shown} is not told"


def test_the_table_of_topics_has_key_records_and_retention_of_the_code() -> None:
    told = rows("topics.md")
    for topic in TOPICS:
        key, records, kept, *_ = told[topic.name]
        days = {None: "compacted", 0: "as `journal_days`"}.get(topic.days, f"{topic.days} days")
        retention = "compacted" if topic.compacted else days
        assert (key.strip("`"), records, kept) == (topic.key, ", ".join(topic.records), retention), topic.name
