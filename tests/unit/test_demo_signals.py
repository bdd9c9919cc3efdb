"""The demo ends cleanly on a signal, and what is started after it can be told to end again."""

import os
import signal
import subprocess

import pytest

from cli.demo import signals


def test_a_signal_ends_the_demo_and_a_second_one_does_not_break_off_its_cleaning_up() -> None:
    with pytest.raises(signals.ToldToEnd, match="SIGTERM"), signals.raised():
        os.kill(os.getpid(), signal.SIGTERM)
    with signals.ignored():
        os.kill(os.getpid(), signal.SIGTERM)


def test_who_is_started_after_the_cleaning_up_ends_when_told() -> None:
    with signals.ignored():
        pass
    with subprocess.Popen(["sleep", "60"]) as later:
        later.terminate()
        assert later.wait(5) == -signal.SIGTERM
