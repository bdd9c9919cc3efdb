"""The side of the broker: what has come and waits for Kafka, and the acknowledgements.

A message is acknowledged by `acknowledge` alone, after Kafka has it: until then the broker, which keeps the
session of our client id, sends it again to whoever connects under that name. An acknowledgement belongs to
the connection that brought the message: on a later one its number may be another message's.
"""

from __future__ import annotations

import logging
import queue
import random
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from producers.live.progress import Progress
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

    from producers.live.links import MqttLink

_log = logging.getLogger(__name__)

_QOS: Final = 1
_DAY_S: Final = 86_400
_NEVER_EXPIRES: Final = 0xFFFF_FFFF
_MOST_PAUSE_S: Final = 16
_NAP_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Taken:
    """A message and where its acknowledgement goes."""

    topic: str
    payload: bytes
    known_at_ms: int
    number: int
    qos: int
    connection: int


class Broker:
    """A connection to a broker that is kept up until `close`. paho's thread writes, the caller's reads."""

    def __init__(
        self, link: MqttLink, password: str | None, topics: Sequence[str], progress: Progress
    ) -> None:
        self._link = link
        self._topics = list(topics)
        self._progress = progress
        self._inbox: queue.Queue[Taken] = queue.Queue(link.in_flight)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._connection = 0
        self._network: threading.Thread | None = None
        self._ever = False
        self.refusal: str | None = None
        self._client = self._made(password)

    def start(self) -> None:
        """Begin to connect, in a thread of its own."""
        host, port = self._link.address
        self._client.connect_async(host, port, self._link.keepalive_s, **self._session())
        self._client.loop_start()
        name = f"paho-mqtt-client-{self._link.client_id}"
        self._network = next((one for one in threading.enumerate() if one.name == name), None)

    def take(self, at_most: int, timeout_s: float) -> list[Taken]:
        """Messages in the order in which they came: as many as wait, at least one unless nothing comes.

        Raises:
            GridcastError: paho's thread has ended, which would be a silence for ever.
        """
        found: list[Taken] = []
        try:
            found.append(self._inbox.get(timeout=timeout_s))
            while len(found) < at_most:
                found.append(self._inbox.get_nowait())
        except queue.Empty:
            if not found and self._network is not None and not self._network.is_alive():
                raise GridcastError("the connection's thread has ended: see the log, start again") from None
        return found

    def acknowledge(self, taken: Sequence[Taken]) -> None:
        """Tell the broker that it may forget these; they must have come from `take`, in that order."""
        with self._lock:
            for message in taken:
                if message.qos and message.connection == self._connection:
                    self._client.ack(message.number, message.qos)

    def close(self) -> None:
        """Say goodbye and stop; what is not acknowledged stays with the broker."""
        self._closing.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _made(self, password: str | None) -> Client:
        from paho.mqtt.client import Client, MQTTv5, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        newest = self._link.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._link.client_id,
            clean_session=None if newest else False,
            protocol=MQTTv5 if newest else MQTTv311,
            manual_ack=True,
        )
        if self._link.user is not None:
            client.username_pw_set(self._link.user, password)
        if self._link.encrypted:
            client.tls_set_context(_tls(self._link))
        client.reconnect_delay_set(1, _MOST_PAUSE_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _session(self) -> dict[str, Any]:
        if self._link.protocol != "5":
            return {}
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # as paho left it
        properties.SessionExpiryInterval = min(round(self._link.session_days * _DAY_S), _NEVER_EXPIRES)
        properties.ReceiveMaximum = self._link.in_flight
        return {"clean_start": False, "properties": properties}

    def _on_connect(self, client: Client, _data: Any, flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.refusal = f"the broker at {self._link.endpoint} refuses us: {reason}"
            self._progress.disconnected(self.refusal)
            return
        self.refusal = None
        if self._ever and not flags.session_present:
            self._progress.count("session_lost")
            _log.error("the broker has forgotten our session: messages that it held for us are gone")
        self._ever = True
        client.subscribe([(topic, _QOS) for topic in self._topics])

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            self._progress.disconnected(f"the broker does not let us read {', '.join(refused)}")
            _log.error("the broker does not let us read %s", ", ".join(refused))
            return
        self._progress.connected()
        _log.info("connected to %s, %d topics", self._link.endpoint, len(self._topics))

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        doubt = ", or its certificate is not one that ca_file vouches for" if self._link.encrypted else ""
        self._progress.disconnected(f"the broker at {self._link.endpoint} does not answer{doubt}")
        self._pause()

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            self._connection += 1
        if self._closing.is_set():
            return
        self._progress.disconnected(f"the connection to {self._link.endpoint} was lost: {reason}")
        _log.warning("the connection to %s was lost: %s", self._link.endpoint, reason)
        self._pause()

    def _pause(self) -> None:
        """Some of a second more than paho waits, so that many clients do not come back at once."""
        self._closing.wait(random.uniform(0.0, 1.0))

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        known_at_ms = time.time_ns() // 1_000_000
        taken = Taken(
            message.topic, bytes(message.payload), known_at_ms, message.mid, message.qos, self._connection
        )
        while not self._closing.is_set():
            try:
                # Waiting here holds the broker back: nothing is read from it while Kafka is behind.
                self._inbox.put(taken, timeout=_NAP_S)
                return
            except queue.Full:
                continue


def _tls(link: MqttLink) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=link.ca_file)
        if link.cert_file is not None:
            context.load_cert_chain(link.cert_file, link.key_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"the certificate files of [mqtt] cannot be used: {error}") from error
    return context
