"""Every parser of what people, plants and servers write: it reads, or says in plain words why not."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cli.times import Duration, Moment, Period
from infra import settings as infra_settings
from infra.settings import local_document
from models.engine import Engine
from models.steps import EngineSettings
from producers.convert.guesses import Guesses
from producers.folder import read_folder
from producers.live.json_scan import read_scan
from producers.live.mapping import MqttPlant, read_mapping
from producers.live.stamps import stamp_ms
from producers.suggest.suggest import suggest
from schemas.errors import GridcastError
from tests.fuzz import corpus, episode
from tests.fuzz.mutate import Mutator

NOW_MS = 1_790_001_000_000
LINES = 400

quick = settings(max_examples=60, deadline=None)
bytes_or_text = st.one_of(
    st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
)


@contextmanager
def plainly() -> Iterator[None]:
    """What is refused is refused by an error of gridcast's own, with words in it."""
    try:
        yield
    except GridcastError as error:
        assert str(error).strip()
        assert "Traceback" not in str(error)


def bent(payload: bytes, seed: int) -> bytes:
    """Bytes with a few faults, as journal records are bent."""
    random = Random(seed)
    mutator = Mutator(episode.CODEC, random)
    changed = bytearray(payload)
    for _ in range(random.choice((1, 1, 2, 6))):
        changed = mutator._once(changed, [payload[::-1], b"\xff\xfe\0", b'\n\n\n,,,;"', payload[:50]])
    return bytes(changed)


def sample() -> dict[str, bytes]:
    """The head of each file of a real folder."""
    folder = Path(__file__).parents[2] / "samples" / "la_haute_borne"
    made = {}
    for path in sorted(folder.iterdir()):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        made[path.name.removesuffix(".gz")] = b"".join(text.splitlines(keepends=True)[:LINES])
    return made


SAMPLE = sample()


def folder_with(place: str, name: str, content: bytes) -> Path:
    folder = Path(place)
    for other, text in SAMPLE.items():
        (folder / other).write_bytes(content if other == name else text)
    return folder


@pytest.mark.parametrize("name", SAMPLE)
@quick
@given(seed=st.integers(0, 2**32))
def test_a_bent_file_of_a_folder_is_read_or_refused_with_its_name(name: str, seed: int) -> None:
    with TemporaryDirectory() as place, plainly():
        read = read_folder(folder_with(place, name, bent(SAMPLE[name], seed)), NOW_MS)
        assert np.isfinite([plant.capacity_kw for plant in read.plants]).all()
        assert (np.diff(read.telemetry.event_time_ms.astype(np.float64)).size + 1) == len(read.telemetry)


@pytest.mark.parametrize("name", SAMPLE)
@settings(max_examples=25, deadline=None)
@given(content=bytes_or_text)
def test_any_bytes_as_a_file_of_a_folder_are_refused_or_read(name: str, content: bytes) -> None:
    with TemporaryDirectory() as place, plainly():
        read_folder(folder_with(place, name, content), NOW_MS)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".xlsx"])
@settings(max_examples=25, deadline=None)
@given(content=bytes_or_text, packed=st.booleans())
def test_any_bytes_under_any_suffix_are_refused_or_read(suffix: str, content: bytes, packed: bool) -> None:
    with TemporaryDirectory() as place, plainly():
        folder = folder_with(place, "", b"")
        (folder / "telemetry.csv").unlink()
        (folder / f"telemetry{suffix}").write_bytes(gzip.compress(content) if packed else content)
        read_folder(folder, NOW_MS)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_check_suggests_something_or_nothing_for_bent_files_and_never_breaks(seed: int) -> None:
    name = Random(seed).choice(["telemetry.csv", "plants.csv"])
    with TemporaryDirectory() as place, plainly():
        folder = folder_with(place, name, bent(SAMPLE[name], seed))
        suggest(folder, Guesses(), NOW_MS)


TOML = b"""[mqtt]
host = "localhost"
[[plants]]
plant_id = "a"
topic = "park/north"
time = "at"
power = "m.p"
power_unit = "MW"
[plants.sensors]
wind_speed_ms = "w"
"""


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_bent_mapping_is_read_or_refused(seed: int) -> None:
    with TemporaryDirectory() as place, plainly():
        path = Path(place) / "mapping.toml"
        path.write_bytes(bent(TOML, seed))
        read_mapping(path)


@quick
@given(content=bytes_or_text)
@example(b"x = " + b"[" * 3000 + b"]" * 3000)
def test_any_bytes_as_mapping_settings_or_local_servers_are_refused_or_read(content: bytes) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "gridcast.toml"
        path.write_bytes(content)
        with plainly():
            read_mapping(path)
        with pytest.MonkeyPatch.context() as patch, plainly():
            patch.setenv("GRIDCAST_CONFIG", str(path))
            infra_settings.load()
        (Path(place) / "local.json").write_bytes(content)
        with plainly():
            local_document(Path(place))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_bent_settings_file_is_read_or_refused_by_key(seed: int) -> None:
    lines = b'kafka = "h:9092"\nlevels = [0.1, 0.5, 0.9]\nschedule_cron = "0 3 * * 1"\nstall_s = 60.0\n'
    with TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch, plainly():
        path = Path(place) / "gridcast.toml"
        path.write_bytes(bent(lines, seed))
        patch.setenv("GRIDCAST_CONFIG", str(path))
        made = infra_settings.load()
        assert 0 < made.levels[0] < 1


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9*,/\-LW#? ]{1,30}", fullmatch=True)))
@example("9" * 5000 + " * * * *")
@example("*/0 * * * *")
def test_any_cron_expression_is_taken_or_refused(expression: str) -> None:
    with plainly():
        infra_settings.load(schedule_cron=expression, home=Path("/nowhere"))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.from_regex(r"\s?[0-9]{1,40}\s?(s|min|h|d|w|mo)", fullmatch=True)))
@example("1" * 5000 + "h")
@example("\u0661h")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-14:00")
def test_any_time_or_duration_on_the_command_line_is_taken_or_refused(text: str) -> None:
    readers: list[Callable[..., Any]] = [Moment().convert, Duration().convert, Duration(months=True).convert]
    for read in readers:
        try:
            found = read(text, None, None)
        except click.BadParameter as refused:
            assert str(refused)
        else:
            assert isinstance(found, int | Period)


stamps = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.just(10**400)
)


@settings(max_examples=300, deadline=None)
@given(value=stamps, form=st.sampled_from(["iso", "unix_s", "unix_ms", "%Y-%m-%d %H:%M", "%"]))
def test_any_stamp_of_a_plants_own_system_is_read_or_refused(value: object, form: str) -> None:
    with plainly():
        assert abs(stamp_ms(value, form, None)) < 2**53


PLANT = MqttPlant.model_validate(
    {"plant_id": "a", "topic": "t", "time": "at", "power": "m.p", "sensors": {"wind_speed_ms": "w"}}
    | {"units": {"member": "u", "power": "p"}}
)
MESSAGE = json.dumps(
    {"at": "2024-05-01T12:00:00Z", "m": {"p": 1.5}, "w": 7.0, "u": [{"id": "T1", "p": 1.0}]}
).encode()


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_bent_message_of_a_plant_is_a_scan_that_can_be_sent_or_is_refused(seed: int) -> None:
    with plainly():
        scan = read_scan(PLANT, bent(MESSAGE, seed), NOW_MS)
        episode.CODEC.encode("Telemetry", [scan.to_avro()])


@quick
@given(content=bytes_or_text)
@example(b"[" * 100_000)
@example(b'{"at": 1' + b"0" * 5000 + b"}")
def test_any_bytes_as_a_message_are_refused_or_read(content: bytes) -> None:
    with plainly():
        read_scan(PLANT, content, NOW_MS)


def learned() -> Engine:
    """An engine with a plant that has seen weather and telemetry."""
    engine = Engine(EngineSettings(), episode.load)
    items = [*corpus.registration(), *corpus.left_alone(Random(1), 2)]
    keys: list[bytes | None] = [corpus.key(item) for item in items]
    values: list[bytes | None] = [*corpus.encoded(episode.CODEC, items)]
    records = episode.PlainRecords(episode.JOURNAL, 0, np.arange(len(items)), keys, values)
    episode.process(episode.CODEC, [(engine, records)])
    return engine


TAKEN = learned().snapshot("z0")


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_bent_state_is_restored_or_refused_with_its_plant(seed: int) -> None:
    """Where the bytes are those of another state, its numbers are what they are; nothing else may happen."""
    from dataclasses import replace

    engine = Engine(EngineSettings(), episode.load)
    with plainly():
        engine.restore(replace(TAKEN, state=bent(TAKEN.state, seed)))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_bent_releases_of_a_marker_are_taken_or_refused(seed: int) -> None:
    engine = Engine(EngineSettings(), episode.load)
    about = {"name": "n", "version": "1", "valid_from": 1, "known_at": 1, "role": "champion"}
    about |= {"artifact_sha256": "", "artifact_bytes": 0, "plants": ["a"], "manifest": "{}"}
    text = json.dumps([{"offset": 3, "record": about}]).encode()
    with plainly():
        engine.serving.restore(bent(text, seed).decode("utf-8", "replace"))


def test_the_sample_itself_is_read() -> None:
    with TemporaryDirectory() as place:
        assert len(read_folder(folder_with(place, "", b""), NOW_MS).telemetry) == LINES - 1
    assert tomllib.loads(TOML.decode())["mqtt"]
    assert read_scan(PLANT, MESSAGE, NOW_MS).power_kw == 1.5
    learned().snapshot("z1")
