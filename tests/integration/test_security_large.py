"""A record as large as the broker takes is refused with all its bytes: the reject is larger still."""

from __future__ import annotations

from random import Random

from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topics import JOURNAL, REJECTED
from tests.integration.sink_help import ask
from tests.integration.workers import await_true, caught_up, contents, running, send

#: A broker's default is 1,048,588 bytes for a batch; noise cannot be compressed.
LARGEST = 1_048_588 - 100


def test_noise_of_the_largest_size_ends_on_the_topic_of_rejects_and_in_postgres(settings: Settings) -> None:
    payload = Random(1).randbytes(LARGEST)
    send(settings, [Outgoing(JOURNAL, b"k", payload)])
    told = {"postgres": settings.postgres.get_secret_value()}
    with running(settings) as worker, running(settings, command="sink", **told) as sink:
        await_true(lambda: len(contents(settings, REJECTED)) == 1, 90, worker)
        await_true(lambda: caught_up(settings), 30, worker)
        await_true(lambda: ask(settings, "select payload from rejects") == [(payload,)], 60, sink)
        assert worker.stop() == 0, worker.said()
        assert sink.stop() == 0, sink.said()
