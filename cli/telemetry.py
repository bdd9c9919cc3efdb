"""`gridcast telemetry`: a plant's own systems into the journal until SIGTERM."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from cli.output import emit, json_log_option, note
from cli.standing import begin, give_up_option, metrics_port_option
from cli.stopping import until_told
from schemas.errors import InputError

_NEEDED = {"mqtt": "paho", "opcua": "asyncua"}


@click.command(epilog="Example:  gridcast telemetry plants-mqtt.toml")
@click.argument("mapping", metavar="MAPPING.toml", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Read the mapping, say what it means, connect to nothing.")
@give_up_option
@metrics_port_option
@json_log_option
def command(mapping: Path, check: bool, give_up_s: float, metrics_port: int | None, as_json: bool) -> None:
    """Carry live telemetry from MQTT or OPC UA to the journal.

    MAPPING.toml says where the values are and what they mean; docs/live-telemetry.md describes it. A message
    is acknowledged to its source only after Kafka has it, so a kill loses nothing. Stops cleanly on SIGTERM
    and SIGINT.
    """
    from producers.live.mapping import MqttMapping, read_mapping

    read = read_mapping(mapping)
    way = "mqtt" if isinstance(read, MqttMapping) else "opcua"
    if check:
        plants = [plant.plant_id for plant in read.plants]
        emit({"way": way, "plants": plants}, as_json, [f"{mapping}: {way}, {', '.join(plants)}"])
        return
    if find_spec(_NEEDED[way]) is None:
        raise InputError(f"{_NEEDED[way]} is not installed: pip install --editable '.[live]'")
    from producers.live.run import run_telemetry

    found = begin(metrics_port, as_json)

    def told(address: str) -> None:
        if as_json:
            emit({"metrics": f"{address}/metrics", "health": f"{address}/health"}, as_json)
        else:
            note(f"telemetry: metrics and health at {address}")

    with until_told() as stop:
        run_telemetry(found, read, stop.is_set, give_up_s, told)
