"""The seed of tests that try random runs: another one each time, the same in CI, told by the test's name."""

from __future__ import annotations

import os
import secrets

MOST = 1_000_000


def first_seed(variable: str) -> int:
    """What the environment says; in CI always the same; else random, and one for all processes of a run."""
    if told := os.environ.get(variable):
        return int(told)
    if os.environ.get("CI"):
        return 1
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")  # pytest-xdist compares the names of its processes' tests
    return int(run, 16) % MOST + 1 if run else secrets.randbelow(MOST) + 1
