"""The file of rules: every mistake has one plain line with its place, and the page's own example holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.main import run
from consumers.alerts.rules import Rules, check, read_rules
from schemas.errors import InputError

PAGE = Path(__file__).parents[3] / "docs" / "alerts.md"
HEAD = '[channel.grid]\ntype = "topic"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "alerts.toml"
    path.write_text(text)
    return path


def test_the_example_of_the_page_is_a_good_file(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    rules = read_rules(written(tmp_path, example))
    assert rules.of("outage", "north-1").name == "big outages"
    assert rules.of("outage", "south").name == rules.of("stall", "").name == "everything else"
    assert rules.channel["ops"].targets == ("ops@example.org", "grid@example.org")
    assert (rules.channel["chat"].after_crash, rules.channel["control-room"].after_crash) == (
        "leave",
        "again",
    )


def test_without_a_file_warnings_go_to_the_topic() -> None:
    rule = Rules().of("outage", "any")
    assert rule.channels == ("grid",)
    assert rule.raise_at.severity == rule.clear_under.severity == "warning"


def test_the_page_names_every_key_of_rules_and_channels() -> None:
    from consumers.alerts.rules import MailChannel, Rule, WebhookChannel

    text = PAGE.read_text()
    models = (Rule, WebhookChannel, MailChannel)
    keys = {one.alias or name for model in models for name, one in model.model_fields.items()}
    assert [key for key in sorted(keys - {"name", "type"}) if not re.search(rf"`{key}\b", text)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[rule]]\nname = "a"\nraise_after = "soon"\n', "rule 1 (a), raise_after: 'soon' is no duration"),
        ('[[rule]]\nname = "a"\nraise_after = 5\n', "rule 1 (a), raise_after: 5 is no duration"),
        ('[[rule]]\nname = "a"\nplnats = ["x"]\n', "rule 1 (a), plnats: there is no such key"),
        ('[[rule]]\nkinds = ["outage"]\n', "rule 1, name: it is missing"),
        ('[[rule]]\nname = "a"\nkinds = ["outrage"]\n', "rule 1 (a): there is no kind 'outrage'"),
        ('[[rule]]\nname = "a"\nchannels = ["nowhere"]\n', "there is no channel 'nowhere'"),
        (
            '[[rule]]\nname = "a"\nclear_under = { severity = "critical" }\n',
            "rule 1 (a): clear_under must not lie above raise_at",
        ),
        ('[[rule]]\nname = "a"\nraise_at = { severity = "bad" }\n', "rule 1 (a), raise_at.severity: "),
        ('[[rule]]\nname = "a"\nraise_at = { energy_kwh = -1 }\n', "rule 1 (a), raise_at.energy_kwh: "),
        ('[[rule]]\nname = "a"\nraise_at = 5\n', "rule 1 (a), raise_at: "),
        ('rule = "a"\n', "rule: "),
        ('rule = ["a"]\n', "rule 1: "),
        ('[channel.a]\nurl = "x"\n', "channel a: type is missing"),
        ('[channel.a]\ntype = "pigeon"\n', "channel a: type must be topic, webhook, slack or mail"),
        ('[channel.a]\ntype = "webhook"\n', "channel a: it needs url or url_file"),
        ('[channel.a]\ntype = "webhook"\nurl = "ftp://x"\n', "channel a: url must be as https://host/path"),
        ('[channel.a]\ntype = "webhook"\nurl = "http://x"\ntell = ["all"]\n', "channel a, tell.0: "),
        ('[channel.dead-letters]\ntype = "topic"\n', "channel.dead-letters: this name is taken"),
        (
            '[channel.m]\ntype = "mail"\nhost = "h"\nsender = "me"\nto = []\n',
            "channel m, sender: it must be an address as ops@example.org",
        ),
        (
            '[channel.m]\ntype = "mail"\nhost = "h"\nsender = "a@b"\nto = ["a@b"]\nusername = "u"\n'
            'security = "none"\n',
            "channel m: a username needs security starttls or tls",
        ),
        ("[channel", "Expected"),
    ],
)
def test_each_mistake_is_one_plain_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    mistakes, rules = check(path)
    assert rules is None
    assert any(line.startswith(f"{path}: ") and said in line for line in mistakes), mistakes
    assert all("\n" not in line and "pydantic" not in line for line in mistakes)
    with pytest.raises(InputError):
        read_rules(path)


def test_a_file_with_several_mistakes_says_all_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, HEAD + '[[rule]]\nname = "a"\nrepeat_every = "x"\nclear_after = "y"\nwhat = 1\n')
    assert run(["alerts", "check", str(path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"error: {path}: rule 1 (a), ") for line in lines)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_rules(tmp_path / "nothing.toml")
