"""How long forecasts take, by Kafka's clock."""

from cli.demo.latency import Clock, latency

QUARTER_MS = 900_000


def _clock(*records: tuple[int, int]) -> Clock:
    clock = Clock()
    for stamp, appended_ms in records:
        clock.add(stamp * QUARTER_MS, appended_ms)
    return clock


def test_an_issue_is_triggered_by_the_first_record_at_or_after_it() -> None:
    clock = _clock((1, 1000), (3, 2000), (2, 2500), (4, 3000))
    appended = {("p", 1 * QUARTER_MS): 1010, ("p", 2 * QUARTER_MS): 2020, ("p", 3 * QUARTER_MS): 2030}

    took = latency(appended, {"p": clock}, {"p": (0, 10 * QUARTER_MS)}, None)

    assert took.n == 3
    assert took.p50_ms == 20.0


def test_issues_before_and_after_the_paced_stream_do_not_count() -> None:
    clock = _clock((1, 1000), (2, 2000), (3, 3000))
    appended = {("p", at * QUARTER_MS): 1000 * at + 5 for at in (1, 2, 3)}

    took = latency(appended, {"p": clock}, {"p": (2 * QUARTER_MS, 3 * QUARTER_MS)}, None)

    assert took.n == 1


def test_what_waited_for_a_killed_worker_is_told_apart() -> None:
    clock = _clock((1, 1000), (2, 11_000), (3, 14_000), (4, 22_000), (5, 23_000))
    answers = {1: 1010, 2: 21_000, 3: 21_005, 4: 22_030, 5: 23_010}
    appended = {("p", at * QUARTER_MS): answered for at, answered in answers.items()}

    took = latency(appended, {"p": clock}, {"p": (0, 10 * QUARTER_MS)}, killed_ms=10_000)

    assert (took.n, took.waited) == (3, 2)
    assert took.p50_ms == 10.0
    assert took.outage_s == 12.03


def test_a_record_in_flight_at_the_kill_has_waited_too() -> None:
    clock = _clock((1, 9_990), (2, 22_000))
    appended = {("p", 1 * QUARTER_MS): 21_000, ("p", 2 * QUARTER_MS): 22_010}

    took = latency(appended, {"p": clock}, {"p": (0, 10 * QUARTER_MS)}, killed_ms=10_000)

    assert (took.n, took.waited) == (1, 1)
