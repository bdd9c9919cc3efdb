"""A sweep says what it will train, trains nothing twice, and every experiment stays known."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli import experiments
from cli.main import run
from cli.sweep_plan import read_plan, with_field
from infra.settings import Settings
from models.training.config import TrainConfig
from schemas.errors import GridcastError, InputError

SAMPLE = Path(__file__).parents[2] / "samples" / "serf_east"
HEAD = 'folder = "data"\nfrom = 2016-07-20\nto = 2016-07-26T12:00:00Z\n'


def config_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    return path


def test_every_combination_is_a_run_and_dotted_names_reach_inside(tmp_path: Path) -> None:
    text = (
        HEAD + 'base = "fast"\n[fixed]\n"net.members" = 1\n[try]\nseed = [1, 2]\n"net.epochs" = [3, 4, 5]\n'
    )
    plan = read_plan(config_file(tmp_path, text))
    assert plan.folder == tmp_path / "data"
    assert plan.to_ms - plan.from_ms == 6.5 * 86_400_000
    assert [(one.config.seed, one.config.net.epochs) for one in plan.runs] == [
        (seed, epochs) for seed in (1, 2) for epochs in (3, 4, 5)
    ]
    assert {one.config.net.members for one in plan.runs} == {1}
    nested = read_plan(config_file(tmp_path, HEAD + "[try.net]\nepochs = [3]\n"))
    assert [one.config.net.epochs for one in nested.runs] == [3]


def test_some_of_many_are_drawn_by_the_seed(tmp_path: Path) -> None:
    lists = "[try]\nseed = [1, 2, 3, 4, 5, 6, 7, 8]\n"
    drawn = [
        [one.config.seed for one in read_plan(config_file(tmp_path, HEAD + head + lists)).runs]
        for head in ("most = 3\nseed = 1\n", "most = 3\nseed = 1\n", "most = 3\nseed = 2\n")
    ]
    assert drawn[0] == drawn[1] != drawn[2] and len(set(drawn[0])) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[try]\nseed = [1]\n", "'folder' is missing"),
        (HEAD, "'try' is missing"),
        (HEAD + "speed = 3\n[try]\nseed = [1]\n", "'speed' is none of"),
        (HEAD + "[try]\nseed = 3\n", "seed under [try] is a list"),
        (HEAD + "[try]\nseed = []\n", "seed under [try] is a list"),
        (HEAD + "[try]\nleaves = [3]\n", "'leaves' is no setting of a training"),
        (HEAD + "[try]\nname = ['x']\n", "'name' is no setting of a training"),
        (HEAD + '[try]\n"net.leaves" = [3]\n', "'leaves' is no setting"),
        (HEAD + '[try]\n"seed.x" = [3]\n', "seed has no parts"),
        (HEAD + "[try]\nnet = [3]\n", "'net' has parts"),
        (HEAD + '[try]\nseed = ["one"]\n', "seed = 'one'"),
        (HEAD + "[try]\nseed = [1.5]\n", "seed = 1.5"),
        (HEAD + 'base = "slow"\n[try]\nseed = [1]\n', "base is full or fast"),
        (HEAD + "most = 0\n[try]\nseed = [1]\n", "most is a number from 1"),
        (HEAD.replace("2016-07-26", "2016-07-01") + "[try]\nseed = [1]\n", "'to' must lie after"),
        (HEAD.replace("2016-07-20", "'soon'") + "[try]\nseed = [1]\n", "from"),
        ("folder = [", "sweep.toml"),
    ],
)
def test_what_is_wrong_in_the_config_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=".*" + said.replace("[", r"\[").replace("'", ".")):
        read_plan(config_file(tmp_path, text))


def test_a_list_of_names_is_one_value() -> None:
    assert with_field(TrainConfig(), "corrections", ["net"]).corrections == ("net",)
    assert with_field(TrainConfig(), "newest_days", 30).newest_days == 30


def settings_at(tmp_path: Path, **changes: Any) -> Settings:
    return Settings(home=tmp_path / "home", **changes)


def test_an_experiment_is_a_line_with_dotted_names(tmp_path: Path) -> None:
    found = settings_at(tmp_path)
    nested = {"config": {"net": {"epochs": 3}}, "list": (1, 2)}
    line = experiments.record(
        found, "train", nested, {"nmae": 5.5, "odd": float("nan")}, 1.234, {"data": "ab"}
    )
    assert line["params"] == {"config.net.epochs": 3, "list": [1, 2]}
    assert line["metrics"] == {"nmae": 5.5, "odd": None} and line["hashes"] == {"data": "ab"}
    experiments.record(found, "train", {}, {}, 2.0)
    assert [one["seconds"] for one in experiments.read(found, "train")] == [1.23, 2.0]
    assert list(experiments.read(found, "sweep")) == []


def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    found = settings_at(tmp_path)
    experiments.record(found, "train", {}, {"n": 1}, 0)
    with experiments.path_of(found, "train").open("a") as file:
        file.write('{"metrics": {"n"')
    experiments.record(found, "train", {}, {"n": 2}, 0)
    assert [one["metrics"]["n"] for one in experiments.read(found, "train")] == [1, 2]


def test_trainings_at_once_do_not_mix_their_lines(tmp_path: Path) -> None:
    found = settings_at(tmp_path)
    threads = [
        threading.Thread(
            target=lambda n=n: experiments.record(found, "train", {"n": n, "x": "y" * 5000}, {}, 0)
        )
        for n in range(16)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one["params"]["n"] for one in experiments.read(found, "train")) == list(range(16))


def test_mlflow_hears_of_it_and_its_failure_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard: dict[str, Any] = {}

    class Started:
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    fake = SimpleNamespace(
        set_tracking_uri=lambda uri: heard.update(uri=uri),
        set_experiment=lambda name: heard.update(name=name),
        start_run=Started,
        log_params=lambda params: heard.update(params=params),
        log_metrics=lambda metrics: heard.update(metrics=metrics),
        set_tags=lambda tags: heard.update(tags=tags),
    )
    monkeypatch.setitem(sys.modules, "mlflow", fake)  # type: ignore[arg-type]
    found = settings_at(tmp_path, mlflow_uri="http://tracking:5000")
    experiments.record(found, "sweep", {"a": {"b": 1}}, {"nmae": 5.0, "none": None}, 2.0, {"data": "ab"})
    assert heard == {
        "uri": "http://tracking:5000",
        "name": "gridcast-sweep",
        "params": {"a.b": "1"},
        "metrics": {"nmae": 5.0, "seconds": 2.0},
        "tags": {"sha256.data": "ab"},
    }
    fake.set_experiment = lambda _name: 1 / 0
    experiments.record(found, "sweep", {}, {}, 1.0)
    assert len(list(experiments.read(found, "sweep"))) == 2
    assert "MLflow did not take the experiment" in capsys.readouterr().err


def test_mlflow_that_is_asked_for_and_not_there_is_said_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiments.ready(settings_at(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(GridcastError, match="MLflow is not installed"):
        experiments.ready(settings_at(tmp_path, mlflow_uri="http://tracking:5000"))


def test_a_sweep_ranks_its_runs_and_trains_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    small = 'base = "fast"\n[fixed]\n"net.rows" = 3000\nthreads = 1\n'
    head = f'folder = "{SAMPLE}"\nfrom = 2016-07-20\nto = 2016-07-26\n' + small

    def sweep(values: str) -> dict[str, Any]:
        assert (
            run(["sweep", str(config_file(tmp_path, head + f'[try]\n"net.epochs" = {values}\n')), "--json"])
            == 0
        )
        return dict(json.loads(capsys.readouterr().out))

    first = sweep("[1, 2]")
    scores = [one["pinball"] for one in first["runs"]]
    assert scores == sorted(scores) and all(0 < score < 20 for score in scores)
    assert {one["net.epochs"] for one in first["runs"]} == {1, 2}
    assert not any(one["known"] for one in first["runs"])

    more = {one["net.epochs"]: one for one in sweep("[1, 2, 3]")["runs"]}
    assert {epochs: one["known"] for epochs, one in more.items()} == {1: True, 2: True, 3: False}
    assert {more[1]["pinball"], more[2]["pinball"]} == set(scores)

    lines = list(experiments.read(Settings(home=tmp_path / "home"), "sweep"))
    assert len(lines) == 3 and all({"data", "code", "run"} == set(one["hashes"]) for one in lines)


def test_one_that_cannot_be_trained_does_not_cost_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    text = f'folder = "{SAMPLE}"\nfrom = 2016-07-20\nto = 2016-07-26\nbase = "fast"\n'
    text += '[fixed]\n"net.rows" = 3000\nthreads = 1\n"net.epochs" = 1\n'
    text += '[try]\ncorrections = [["net"], ["no such"]]\n'
    assert run(["sweep", str(config_file(tmp_path, text))]) == 1
    out = capsys.readouterr().out
    assert "['net']" in out and "failed: corrections = ['no such']: " in out


@pytest.mark.parametrize("words", [["train"], ["sweep", "CONFIG"]])
def test_both_commands_look_for_mlflow_first(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(config_file(tmp_path, HEAD + "[try]\nseed = [1]\n"))
    monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRIDCAST_MLFLOW_URI", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "mlflow", None)  # type: ignore[arg-type]
    assert run([path if word == "CONFIG" else word for word in words]) == 1
    assert "MLflow is not installed" in capsys.readouterr().err
