"""A sink in a thread, records for it, and questions to its tables."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from pydantic import SecretStr

from consumers.run import run_sink
from infra import topics
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from infra.topic_reader import spans
from schemas.codec import Codec

CODEC = Codec()
TOPIC_OF = {
    "Forecast": topics.FORECASTS,
    "Score": topics.SCORES,
    "AnomalyEvent": topics.ANOMALIES,
    "DriftEvent": topics.DRIFT,
    "RejectedRecord": topics.REJECTED,
}


def send(settings: Settings, *groups: tuple[str, list[dict[str, Any]]]) -> None:
    """Records to the topics of their kind, each under its plant."""
    outgoing = [
        Outgoing(TOPIC_OF.get(name, topics.JOURNAL), str(record.get("plant_id", "a")).encode(), payload)
        for name, records in groups
        for record, payload in zip(records, CODEC.encode(name, records), strict=True)
    ]
    produce_all(producer(settings), outgoing)


def send_bytes(settings: Settings, topic: str, *payloads: bytes | None) -> None:
    """Payloads as they are, under the key of plant a."""
    produce_all(producer(settings), [Outgoing(topic, b"a", payload) for payload in payloads])


def ask(settings: Settings, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows of a query; nothing for a statement without."""
    connecting = closing(psycopg2.connect(settings.postgres.get_secret_value()))
    with connecting as server, server, server.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = cursor.fetchall() if cursor.description else []
    return [tuple(bytes(one) if isinstance(one, memoryview) else one for one in row) for row in found]


def written(settings: Settings) -> bool:
    """Whether everything that the topics hold has been read into the tables."""
    places = ask(settings, "select topic, partition, next_offset from sink_offsets")
    stored = {(topic, partition): offset for topic, partition, offset in places}
    names = [topics.JOURNAL, *TOPIC_OF.values()]
    ends = {(name, p): span.end for name in names for p, span in spans(settings, name).items()}
    return all(stored.get(place) == end for place, end in ends.items())


def wait_until(true: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"after {timeout_s:.0f} s still not: {what}"
        time.sleep(0.1)


class RunningSink:
    """A sink in a thread; `error` is what it ended with."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(settings, options), daemon=True)
        self._thread.start()

    def _run(self, settings: Settings, options: dict[str, Any]) -> None:
        try:
            quick = settings.model_copy(update={"sink_linger_s": 0.1})
            run_sink(quick, self._stop.is_set, **options)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.error = error

    def stop(self) -> None:
        self._stop.set()
        self.join()

    def join(self, timeout_s: float = 60.0) -> None:
        self._thread.join(timeout_s)
        assert not self._thread.is_alive()


@contextmanager
def sink(settings: Settings, **options: Any) -> Iterator[RunningSink]:
    """A sink while the block runs; what it fails with is raised at its end."""
    running = RunningSink(settings, **options)
    try:
        yield running
    finally:
        running.stop()
    if running.error is not None:
        raise running.error


def sink_all(settings: Settings, **options: Any) -> None:
    """Run a sink until everything is written."""
    with sink(settings, **options) as running:
        wait_until(lambda: running.error is not None or written(settings), "everything written")


class Wire:
    """A TCP way to PostgreSQL that can be cut and mended."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.postgres.get_secret_value())
        self._target = (parts.hostname, parts.port)
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._port = 0
        self.mend()
        place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._port}"
        self.settings = settings.model_copy(
            update={"postgres": SecretStr(urlunsplit(parts._replace(netloc=place)))}
        )

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        assert self._listener is not None
        # A closed listener goes on listening while another thread waits in its accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with closing(one):
                self._shut(one)
        self._open.clear()

    def mend(self) -> None:
        """Let connections through."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def freeze(self) -> None:
        """Let nothing through, and break nothing: the other side is alive and never answers."""
        self._flows.clear()

    def thaw(self) -> None:
        """Let through what waits, and what comes."""
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._open += [near, far]
            for source, sink_ in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink_), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._flows.wait()
                target.sendall(data)
        except OSError:
            pass
        self._shut(target)

    @staticmethod
    def _shut(one: socket.socket) -> None:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
