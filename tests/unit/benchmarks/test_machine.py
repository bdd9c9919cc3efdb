"""What is measured and everything else run on cores of their own."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.speed.machine import Pinned, allowed, cores, cpu_s, everything_else, on_all_cores


def runs_on(pid: int) -> set[int]:
    return os.sched_getaffinity(pid)


def test_a_child_that_is_measured_does_not_share_its_core_with_the_bench_and_its_servers(
    tmp_path: Path,
) -> None:
    before = runs_on(0)
    with everything_else():
        assert runs_on(0) == {cores()[1]}
        with Pinned(["sleep", "30"], os.environ, tmp_path / "log", cores()[0]) as child:
            while Path(f"/proc/{child.pid}/comm").read_text().strip() != "sleep":
                child.check()
            assert runs_on(child.pid) == {cores()[0]}
            assert (runs_on(child.pid) != runs_on(0)) == (len(allowed()) > 1)
            assert cpu_s(child.pid) < 1.0
            assert child.stop() != 0
        with on_all_cores():
            assert runs_on(0) == set(allowed())
    assert runs_on(0) == before
