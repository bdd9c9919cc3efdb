"""Clients of Kafka, all configured here: librdkafka (producers, consumers, admin) and aiokafka under Faust.

Producers are idempotent and place keys as Java's do (`murmur2_random`), so that every producer of a key meets
in one partition.
"""

from __future__ import annotations

import logging
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from schemas.errors import GridcastError, ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaException, Producer
    from confluent_kafka.admin import AdminClient

    from infra.settings import Settings

_log = logging.getLogger(__name__)
# Where no log is set up, librdkafka's remarks would stand between the lines of a command.
_log.addHandler(logging.NullHandler())
_T = TypeVar("_T")

Headers = tuple[tuple[str, bytes], ...]


class Outgoing(NamedTuple):
    """A record to be produced. `partition` -1: by the key. `value` None: a tombstone."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int = -1


def client_config(settings: Settings) -> dict[str, Any]:
    """What every librdkafka client needs: where, and with which security."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "security.protocol": settings.kafka_security,
        "client.id": "gridcast",
    }
    if settings.kafka_security.startswith("SASL"):
        config["sasl.mechanism"] = settings.kafka_sasl_mechanism
        config["sasl.username"] = settings.kafka_username
        config["sasl.password"] = settings.kafka_password.get_secret_value()
    if settings.kafka_security.endswith("SSL"):
        files = {
            "ssl.ca.location": settings.kafka_ca_file,
            "ssl.certificate.location": settings.kafka_cert_file,
            "ssl.key.location": settings.kafka_key_file,
        }
        config |= {key: str(path) for key, path in files.items() if path is not None}
        if settings.kafka_key_password.get_secret_value():
            config["ssl.key.password"] = settings.kafka_key_password.get_secret_value()
    return config


def producer(settings: Settings, **overrides: Any) -> Producer:
    """An idempotent producer. `overrides` are librdkafka's keys with `_` for `.`."""
    from confluent_kafka import Producer

    config = {
        **client_config(settings),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 20,
        "queue.buffering.max.messages": 200_000,
        # What waits for Kafka waits in the producer's memory: a slow broker must slow its producers down.
        "queue.buffering.max.kbytes": 64 << 10,
        "message.max.bytes": 8_000_000,  # under LARGE_BYTES of infra/topics.py
    }
    return _made(Producer, {**config, **_dotted(overrides)})


def consumer(settings: Settings, group: str | None, **overrides: Any) -> Consumer:
    """A consumer that commits only when told to; `group` None: it belongs to no group (use `assign`)."""
    from confluent_kafka import Consumer

    config = {
        **client_config(settings),
        # librdkafka wants a name even where no group is ever joined.
        "group.id": group if group is not None else f"gridcast-reader-{uuid.uuid4()}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest" if group is not None else "error",
        # As Faust's consumer, whatever a foreign producer does with transactions: a restore, a replay and the
        # sink must read what the workers read.
        "isolation.level": "read_uncommitted",
        "fetch.max.bytes": 32 << 20,
        "queued.max.messages.kbytes": 64 << 10,
        # A full queue is looked at again so soon; by default after a second, in which it has long run dry.
        "fetch.queue.backoff.ms": 10,
    }
    return _made(Consumer, {**config, **_dotted(overrides)})


def admin(settings: Settings, hear: Callable[[Any], None] | None = None) -> AdminClient:
    """An admin client; `hear` is told of errors when it is polled."""
    from confluent_kafka.admin import AdminClient

    told = {"error_cb": hear} if hear is not None else {}
    return _made(AdminClient, {**client_config(settings), **told})


def _made(kind: Callable[..., _T], config: dict[str, Any]) -> _T:
    """A client of librdkafka. Raises `SettingsError` where it cannot be made of what was set."""
    from confluent_kafka import KafkaException

    try:
        return kind(config, logger=_log)
    except KafkaException as error:
        raise SettingsError(f"the settings for Kafka cannot be used: {error.args[0].str()}") from error


def _dotted(overrides: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("_", "."): value for key, value in overrides.items()}


def aiokafka_security(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for aiokafka's clients: the same security as librdkafka's."""
    found: dict[str, Any] = {"security_protocol": settings.kafka_security}
    if settings.kafka_security.startswith("SASL"):
        found["sasl_mechanism"] = settings.kafka_sasl_mechanism
        found["sasl_plain_username"] = settings.kafka_username
        found["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    if settings.kafka_security.endswith("SSL"):
        found["ssl_context"] = ssl_context(settings)
    return found


def faust_options(settings: Settings) -> dict[str, Any]:
    """`broker` and, where there is security, `broker_credentials` for a Faust app."""
    options: dict[str, Any] = {
        "broker": [f"kafka://{server.strip()}" for server in settings.kafka_bootstrap.split(",")]
    }
    from faust.auth import SASLCredentials, SSLCredentials

    encrypted = settings.kafka_security.endswith("SSL")
    context = ssl_context(settings) if encrypted else None
    if settings.kafka_security.startswith("SASL"):
        options["broker_credentials"] = SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=context,
        )
    elif encrypted:
        options["broker_credentials"] = SSLCredentials(context=context)
    return options


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """Verifies the brokers; shows this client's certificate where one is set."""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
        if settings.kafka_cert_file is not None:
            password = settings.kafka_key_password.get_secret_value() or None
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file, password)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"the certificate files for Kafka cannot be used: {error}") from error
    return context


def await_admin(future: Future[_T], what: str, timeout_s: float) -> _T:
    """The result of an admin call; `KafkaException` is the caller's, silence is `ServiceUnavailable`."""
    try:
        return future.result(timeout_s)
    except TimeoutError as error:
        raise ServiceUnavailable(f"Kafka did not answer in {timeout_s:.0f} s: {what}") from error


def wait_for_kafka(settings: Settings, timeout_s: float) -> None:
    """Return once a broker answers.

    Raises `ServiceUnavailable` after `timeout_s`, and `SettingsError` at once where a broker refuses us or we
    refuse its certificate: waiting mends neither.
    """
    from confluent_kafka import KafkaException

    heard: list[Any] = []
    client = admin(settings, heard.append)
    deadline = time.monotonic() + timeout_s
    while True:
        left_s = max(0.1, deadline - time.monotonic())
        try:
            client.list_topics(timeout=min(left_s, 1.0))
            return
        except KafkaException as error:
            client.poll(0)
            _refuse_if_final(settings, heard)
            if time.monotonic() >= deadline:
                raise no_answer(settings, error) from error


def _refuse_if_final(settings: Settings, heard: Sequence[Any]) -> None:
    for error in heard:
        text = " ".join(str(error.str()).split())
        if error.name() == "_AUTHENTICATION":
            why = "refuses this user: check GRIDCAST_KAFKA_USERNAME, its password and the mechanism"
        elif "certificate verify failed" in text:
            why = "shows a certificate that is not trusted, or of another host: check GRIDCAST_KAFKA_CA_FILE"
        elif " alert " in text and ("certificate" in text or "unknown ca" in text):
            why = "refuses our certificate: check GRIDCAST_KAFKA_CERT_FILE and GRIDCAST_KAFKA_KEY_FILE"
        else:
            continue
        raise SettingsError(f"Kafka at {settings.kafka_bootstrap} {why} ({text.partition(': ')[2][:200]})")


def no_answer(settings: Settings, error: KafkaException) -> ServiceUnavailable:
    """The plain line about a Kafka that is not there: where it was looked for, why not, what to do."""
    why = error.args[0].str().replace("Failed to get metadata: ", "").replace("Local: ", "")
    return ServiceUnavailable(
        f"Kafka at {settings.kafka_bootstrap} does not answer ({why}): `gridcast up` starts a local one"
    )


class Delivery:
    """Counts what became of produced records. `callback` goes to `Producer.produce`."""

    def __init__(self) -> None:
        self.delivered = 0
        self.first_error: Any = None

    def callback(self, error: Any, _message: Any) -> None:
        """Called by librdkafka from `poll` or `flush`, in the thread that called those."""
        if error is None:
            self.delivered += 1
        elif self.first_error is None:
            self.first_error = error

    def check(self) -> None:
        """Raise for the first record not taken: `ServiceUnavailable` where another try can help."""
        error = self.first_error
        if error is None:
            return
        text = f"Kafka did not take a record: {error.str()}"
        raise ServiceUnavailable(text) if error.retriable() or _is_outage(error) else GridcastError(text)


def _is_outage(error: Any) -> bool:
    return error.name() in (
        "_MSG_TIMED_OUT",
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "_TIMED_OUT",
        "_UNKNOWN_PARTITION",
    )


def enqueue(client: Producer, record: Outgoing, delivery: Delivery) -> None:
    """Hand one record to librdkafka, waiting for room in its queue."""
    while True:
        try:
            client.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers) or None,
                partition=record.partition,
                on_delivery=delivery.callback,
            )
            return
        except BufferError:
            poll(client, 0.1)
            delivery.check()


def poll(client: Producer, timeout_s: float) -> None:
    """Serve delivery reports; raises `GridcastError` where this producer is done for (it may not write)."""
    _served(client.poll, timeout_s)


def _served(serve: Callable[[float], object], timeout_s: float) -> None:
    from confluent_kafka import KafkaException

    try:
        serve(timeout_s)
    # A final error is raised by whatever is called next; inside a delivery report it becomes a SystemError.
    except (KafkaException, SystemError) as error:
        cause = error if isinstance(error, KafkaException) else error.__cause__ or error.__context__
        told = cause.args[0].str() if isinstance(cause, KafkaException) else str(error)
        raise GridcastError(f"Kafka takes nothing more from this producer: {told}") from error


def produce_all(client: Producer, records: Iterable[Outgoing], timeout_s: float = 60.0) -> int:
    """Produce every record and wait until Kafka has acknowledged each; returns how many.

    Raises `ServiceUnavailable` (retriable: produce the same again) or `GridcastError` (Kafka refuses it).
    """
    delivery = Delivery()
    asked = 0
    for record in records:
        enqueue(client, record, delivery)
        asked += 1
        if asked % 1000 == 0:
            poll(client, 0)
    _served(client.flush, timeout_s)
    delivery.check()
    if delivery.delivered != asked:
        raise ServiceUnavailable(
            f"Kafka acknowledged {delivery.delivered} of {asked} records in {timeout_s:.0f} s"
        )
    return asked
