"""A log that stays readable while Kafka is away."""

from __future__ import annotations

import logging

from infra.logs import NotAgain


def remark(text: str, name: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, None, None)


def test_a_remark_of_kafkas_clients_passes_once_a_minute_with_how_many_were_left_out() -> None:
    clock = [0.0]
    not_again = NotAgain(lambda: clock[0])
    passed = []
    for tenth in range(1201):
        clock[0] = tenth / 10
        record = remark(f"cannot connect to 127.0.0.1:{9000 + tenth}", "aiokafka.consumer.fetcher")
        if not_again.filter(record):
            passed.append(record.getMessage())
    assert passed == [
        "cannot connect to 127.0.0.1:9000",
        "cannot connect to 127.0.0.1:9600 (599 like it were left out)",
        "cannot connect to 127.0.0.1:10200 (599 like it were left out)",
    ]


def test_another_remark_and_what_gridcast_says_itself_pass_always() -> None:
    not_again = NotAgain(lambda: 0.0)
    assert not_again.filter(remark("cannot connect"))
    assert not_again.filter(remark("heartbeat failed"))
    assert all(not_again.filter(remark("a batch was let go unwritten", "consumers.sink")) for _ in range(3))
