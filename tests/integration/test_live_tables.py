"""From a plant's own system to the tables: what is sent again after a kill stands there once."""

from __future__ import annotations

import time
from pathlib import Path

from infra.settings import Settings
from producers.kafka_out import KafkaOut
from producers.registry import send_plant
from schemas.codec import Codec
from schemas.records import PlantKind, PlantVersion
from tests.integration.live_help import Child, MqttBroker, Publisher, Telemetry, free_port, journaled
from tests.integration.sink_help import ask, sink_all
from tests.integration.test_live_mqtt import Park, mapping
from tests.integration.workers import await_true, contents


def test_what_comes_twice_stands_in_the_tables_once_and_so_does_what_was_refused(
    settings: Settings, tmp_path: Path, children: list[Child]
) -> None:
    known = {"la-haute-borne": (PlantKind.WIND, 8200.0, 600), "serf-east": (PlantKind.SOLAR, 6.0, 900)}
    for plant_id, (kind, capacity_kw, resolution_s) in known.items():
        send_plant(KafkaOut(settings), Codec(), PlantVersion(plant_id, 0, 0, kind, capacity_kw, resolution_s))
    port = free_port()
    telemetry = Telemetry(settings, mapping(tmp_path, port))
    children += [MqttBroker(tmp_path, port), telemetry]
    telemetry.wait_ready()
    publisher = Publisher(port)
    park = Park(publisher)
    with park.publishing():
        for _ in range(3):
            time.sleep(1)
            publisher.publish("park/serf", b"?")
            telemetry.kill()
            telemetry = Telemetry(settings, mapping(tmp_path, port))
            children.append(telemetry)
            telemetry.wait_ready()
    publisher.wait_delivered()
    await_true(lambda: journaled(settings).keys() >= park.sent.keys(), 30, telemetry)  # type: ignore[arg-type]
    await_true(lambda: len(contents(settings, "records.rejected")) > 0, 20, telemetry)  # type: ignore[arg-type]
    assert telemetry.stop() == 0, telemetry.said()
    publisher.close()
    sink_all(settings)
    columns = "plant_id, extract(epoch from event_time) * 1000, power_kw, corrected_at"
    rows = ask(settings, f"select {columns} from telemetry")
    assert {(plant_id, int(at)): power for plant_id, at, power, _ in rows} == park.sent
    assert len(rows) == len(park.sent)
    assert {corrected for *_, corrected in rows} == {None}
    refused = ask(settings, "select topic, payload, reason, plant_id from rejects")
    assert refused == [("mqtt:park/serf", b"?", "unreadable", "serf-east")]
