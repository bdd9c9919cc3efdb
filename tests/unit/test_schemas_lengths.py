"""The length of a body, computed from its columns, is the length that the encoder gives it."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.bodies import BodyWriter
from schemas.ids import record_names, today
from schemas.lengths import Unmeasured, body_bytes, spelt_out
from tests.unit.schemas_samples import records

# AnomalyEvent has a map, the others bytes.
UNMEASURED = ("AnomalyEvent", "RejectedRecord", "Checkpoint", "ArtifactChunk")


@pytest.mark.parametrize("name", sorted(set(record_names()) - set(UNMEASURED)))
def test_the_computed_length_is_the_length(name: str) -> None:
    writer, text = BodyWriter(), json.dumps(today(name))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(records(name), max_size=5))
    def check(many: list[dict[str, Any]]) -> None:
        bodies = [writer.write(name, record) for record in many]
        lengths = body_bytes(spelt_out(today(name)), pyruhvro.deserialize_array(bodies, text))
        assert lengths.tolist() == [len(body) for body in bodies]

    check()


@pytest.mark.parametrize("name", UNMEASURED)
def test_types_that_cannot_be_measured_are_said_so(name: str) -> None:
    schema = pyruhvro.avro_to_arrow_schema(json.dumps(today(name)))
    with pytest.raises(Unmeasured):
        body_bytes(spelt_out(today(name)), pa.RecordBatch.from_pylist([], schema))


def test_a_record_within_itself_cannot_be_measured() -> None:
    below = {"name": "below", "type": ["null", "gridcast.Tree"]}
    tree = {"type": "record", "name": "gridcast.Tree", "fields": [below]}
    batch = pa.RecordBatch.from_pydict({"below": [{"below": None}]})
    with pytest.raises(Unmeasured):
        body_bytes(spelt_out(tree), batch)


def test_every_size_of_number_is_measured() -> None:
    edges = [sign * (1 << bits) + step for bits in range(63) for sign in (1, -1) for step in (-1, 0, 1)]
    edges += [-(2**63), 2**63 - 1]
    writer = BodyWriter()
    ticks = [
        {"plant_id": "é" * (at % 70), "event_time": edge, "known_at": 0} for at, edge in enumerate(edges)
    ]
    bodies = [writer.write("Tick", one) for one in ticks]
    batch = pyruhvro.deserialize_array(bodies, json.dumps(today("Tick")))
    np.testing.assert_array_equal(body_bytes(today("Tick"), batch), [len(body) for body in bodies])


def test_long_arrays_and_long_texts_need_longer_counts() -> None:
    writer, text = BodyWriter(), json.dumps(today("Release"))
    plants = [["p"] * size for size in (0, 1, 63, 64, 8191, 8192)]
    release = {"name": "n" * 9000, "version": "", "valid_from": 0, "known_at": 0, "role": "shadow"}
    more = {"artifact_sha256": "", "artifact_bytes": 2**40, "manifest": "m" * 63}
    bodies = [writer.write("Release", release | more | {"plants": each}) for each in plants]
    lengths = body_bytes(today("Release"), pyruhvro.deserialize_array(bodies, text))
    assert lengths.tolist() == [len(body) for body in bodies]
