"""Whatever a source sends: it is read, or refused in one plain line; what is read can be true."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.validate_control import fault_of_run
from producers.weather.answers import Place, Said, Source
from producers.weather.nasa_power import NasaPower
from producers.weather.open_meteo import OpenMeteo
from producers.weather.openweather import OpenWeather
from producers.weather.sane import bounds
from schemas.errors import AnswerRefused
from schemas.records import WeatherRun
from tests import weather_server as server

NOW_S = 1_790_001_000.0
HERE = Place(54.12, 8.34)
SOURCES: dict[str, tuple[Source, Any]] = {
    "open_meteo": (OpenMeteo(), server.open_meteo),
    "openweather": (OpenWeather("https://host", "key"), server.openweather),
    "nasa_power": (NasaPower("https://host", lambda: NOW_S), server.nasa_power),
}
ANSWERS = {name: made(dict(source.call([HERE]).params), NOW_S) for name, (source, made) in SOURCES.items()}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(10**400)
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def paths(part: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a document; of long lists and series the ends alone."""
    found = [so_far] if so_far else []
    keys = list(part) if isinstance(part, dict) else list(range(len(part))) if isinstance(part, list) else []
    for key in keys if len(keys) < 30 else [*keys[:3], *keys[-3:]]:
        found += paths(part[key], (*so_far, key))
    return found


PATHS = {name: paths(answer) for name, answer in ANSWERS.items()}


def changed(answer: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    document = copy.deepcopy(answer)
    for path, value in changes:
        part = document
        try:
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken it away
    return document


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_answer_is_refused_or_can_be_true(name: str, data: st.DataObject) -> None:
    source, _ = SOURCES[name]
    changes = data.draw(st.lists(st.tuples(st.sampled_from(PATHS[name]), anything), min_size=1, max_size=4))
    read(source, changed(ANSWERS[name], changes))


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=200, deadline=None)
@given(document=anything)
def test_any_json_at_all_is_refused(name: str, document: Any) -> None:
    with pytest.raises(AnswerRefused):
        SOURCES[name][0].read(document, [HERE], int(NOW_S * 1000))


@pytest.mark.parametrize(
    ("name", "path"), [("nasa_power", ("header", "time_standard")), ("open_meteo", ("utc_offset_seconds",))]
)
def test_a_refusal_is_short_however_much_stands_where_a_word_belongs(
    name: str, path: tuple[str, ...]
) -> None:
    part: Any = 10**60
    for _ in range(3):
        part = {f"{n}" * 20: part for n in range(4)}
    read(SOURCES[name][0], changed(ANSWERS[name], [(path, part)]))


def read(source: Source, document: Any) -> None:
    try:
        (one,) = source.read(document, [HERE], int(NOW_S * 1000))
    except AnswerRefused as refused:
        assert "\n" not in str(refused)
        assert len(str(refused)) < 400
        return
    assert isinstance(one, Said)
    for column, values in one.columns.items():
        low, high = bounds(column)
        known = values[np.isfinite(values)]
        assert not np.isinf(values).any()
        assert ((known >= low) & (known <= high)).all()
    json.dumps([values.tolist() for values in one.columns.values()])
    run = WeatherRun("ridge", source.name, one.fetched_at_ms, one.fetched_at_ms, one.valid_at_ms, one.columns)
    assert fault_of_run(run) is None
