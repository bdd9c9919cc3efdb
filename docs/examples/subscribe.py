"""Follow a gridcast from outside: the newest forecast of every plant at once, then each new one, and alerts.

    pip install confluent-kafka fastavro
    python subscribe.py localhost:9092 forecast.avsc

`forecast.avsc` is `schemas/forecast.avsc` of the gridcast that writes; with a schema registry, ask that for
the id in the record instead. One line of JSON a record; `--once` ends at what there is now.
"""

import argparse
import io
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from fastavro import parse_schema, schemaless_reader

FORECASTS, ALERTS = "power.forecasts.latest", "grid.alerts"
HEADER_BYTES = 5  # a zero byte and the schema's id


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("bootstrap")
    given.add_argument("schema")
    given.add_argument("--once", action="store_true")
    asked = given.parse_args()
    schema = parse_schema(json.loads(Path(asked.schema).read_text()))
    newest_ms: dict[str, int] = {}  # plant -> issued_at of its newest forecast
    alerts_seen: set[str] = set()
    for message in messages(asked.bootstrap, asked.once):
        if message.topic() == FORECASTS:
            line = forecast(message, schema, newest_ms)
        else:
            line = alert(message, alerts_seen)
        if line is not None:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def messages(bootstrap, once):
    """Records of all partitions of both topics, from the first one that Kafka still has."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            # No group is joined: whoever starts again wants everything again. A service that keeps what it
            # has read uses a group of its own and `subscribe` instead.
            "group.id": f"reader-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    places = [
        TopicPartition(topic, number, OFFSET_BEGINNING)
        for topic in (FORECASTS, ALERTS)
        for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ]
    if not places:
        sys.exit(f"there is no topic {FORECASTS} at {bootstrap}")
    consumer.assign(places)
    behind = {(one.topic, one.partition) for one in places}
    try:
        while behind or not once:
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                behind.discard((message.topic(), message.partition()))
            elif not error.retriable():
                sys.exit(f"Kafka: {error.str()}")
    finally:
        consumer.close()


def forecast(message, schema, newest_ms):
    """The median of the next interval; None for what was seen, is older, or came too late to be of use."""
    headers = dict(message.headers() or ())
    plant, issued_ms = message.key().decode(), int(headers["issued_at"])
    if issued_ms <= newest_ms.get(plant, -1):
        return None
    newest_ms[plant] = issued_ms
    record = schemaless_reader(io.BytesIO(message.value()[HEADER_BYTES:]), schema, None)
    levels = record["levels"]
    first = record["power_kw"][: len(levels)]  # levels of step 0, then of step 1, and so on
    return {
        "plant": plant,
        "issued_at": iso(record["issued_at"]),
        "valid_at": iso(record["valid_at"][0]),
        "p50_kw": first[levels.index(0.5)],
        "steps": len(record["valid_at"]),
    }


def alert(message, seen):
    """What a CloudEvent of the alerts says; None for one that was seen."""
    event = json.loads(message.value())
    if event["id"] in seen:
        return None
    seen.add(event["id"])
    return {"alert": event["type"], "subject": event["subject"], "message": event["data"]["message"]}


def iso(moment):
    return (
        moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment / 1000, UTC)
    ).isoformat()


if __name__ == "__main__":
    main()
