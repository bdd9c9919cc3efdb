"""The short form of `make fuzz`: noise and bent records, through what a worker and a sink do with them."""

from __future__ import annotations

import numpy as np
import pytest

from models.engine import Engine
from models.steps import EngineSettings
from tests.fuzz import episode, sound
from tests.fuzz.sound import Unsound

SHORT = 5000


@pytest.mark.parametrize("kind", ["random", "mutated"])
def test_records_of_any_kind_end_refused_or_used_and_other_plants_never_notice(kind: str) -> None:
    found = episode.run(1, episode.KINDS[kind](1, SHORT), hours=3)
    assert found.records == SHORT
    assert sum(found.reasons.values()) > SHORT // 4  # it does break records
    assert found.used > SHORT // 50 and found.forecasts > 30  # and not all of them


@pytest.mark.parametrize("bend", [False, True])
def test_output_records_of_any_kind_end_as_rows_or_as_counted_rejects(bend: bool) -> None:
    found = episode.outputs(2, SHORT, bend)
    beyond = found.sink_reasons["no_table_holds_it"]
    assert found.sink_reasons.total() - beyond > SHORT // 5
    if bend:  # each led to a row, of its own table or of `rejects`
        assert found.sink_rows == SHORT - beyond


def test_the_fuzzer_notices_a_plant_that_feels_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = episode.check_outputs

    def shifted(outputs: object) -> int:
        for block in outputs.forecasts:  # type: ignore[attr-defined]
            block.power_kw[...] = np.minimum(block.power_kw, len(block))
        return honest(outputs)  # type: ignore[arg-type]

    monkeypatch.setattr(episode, "check_outputs", shifted)
    with pytest.raises(Unsound, match="other plants"):
        episode.run(1, episode.bent(1, 400), hours=1)


def test_the_fuzzer_notices_a_state_that_is_no_number() -> None:
    engine = Engine(EngineSettings(), episode.load)
    items = episode.corpus.registration()[:1]
    batch = [
        (episode.corpus.key(r), p)
        for r, p in zip(items, episode.corpus.encoded(episode.CODEC, items), strict=True)
    ]
    keys, values = [key for key, _ in batch], [value for _, value in batch]
    records = episode.PlainRecords(episode.JOURNAL, 0, np.arange(1), list(keys), list(values))
    episode.process(episode.CODEC, [(engine, records)])
    sound.check_state(engine)
    engine.fleet.state["capacity_kw"][0] = np.inf
    with pytest.raises(Unsound, match="capacity_kw is inf"):
        sound.check_state(engine)
