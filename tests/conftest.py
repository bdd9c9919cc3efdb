"""For all tests: random examples are the same in every CI run, and new ones everywhere else; what a command
did to the log and the signals of this process ends with its test.
"""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings

settings.register_profile("ci", derandomize=True)
# Whether an example fails is all that `make guarantee` asks; looking for the smallest one may take minutes.
settings.register_profile("no-shrinking", derandomize=True, phases=[Phase.explicit, Phase.generate])
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, spread over the processes: at the end one would wait for another."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    ordered: list[pytest.Item] = []
    for number in range(processes):
        begun = slow[number::processes]
        share = len(items) * (number + 1) // processes - len(ordered) - len(begun)
        ordered += begun + rest[:share]
        del rest[:share]
    items[:] = ordered


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if type(one) is not logging.StreamHandler]
    root.setLevel(logging.WARNING)


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A child begins with the signals ignored that we ignore: Kafka would not hear that it is to stop."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    yield
    assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
