"""The sink's answers to probes: whether it moves, not whether it runs."""

from consumers.progress import Progress


def progress(behind: int = 0, still_s: float = 0.0, silent_s: float = 0.0) -> Progress:
    made = Progress(stall_s=60.0, placed=True, behind=behind)
    made.moved_at -= still_s
    made.beat_at -= silent_s
    return made


def test_a_sink_at_the_end_of_the_log_is_healthy_however_long_nothing_comes() -> None:
    assert progress(still_s=3600.0).health().good


def test_records_that_wait_and_do_not_move_are_a_stall() -> None:
    assert progress(behind=5, still_s=29.0).health().good
    assert not progress(behind=5, still_s=31.0).health().good


def test_a_loop_that_does_not_come_round_is_a_stall() -> None:
    assert not progress(silent_s=61.0).health().good


def test_a_server_that_is_away_makes_it_unready_at_once_and_unhealthy_in_time() -> None:
    sink = progress()
    sink.away("PostgreSQL does not answer")
    assert not sink.ready().good
    assert sink.health().good
    sink.trouble_at -= 31.0
    assert not sink.health().good
    sink.answered()
    assert sink.ready().good


def test_a_sink_without_a_place_is_not_ready() -> None:
    assert not Progress().ready().good


def test_a_write_that_is_slow_and_moves_is_no_stall() -> None:
    sink = progress(behind=5, still_s=61.0, silent_s=61.0)
    sink.written()
    assert sink.health().good
