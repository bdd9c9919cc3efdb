"""`make guarantee`: each mechanism of the guarantee is taken out of a copy of this checkout, and a test must
notice.

First every named test passes on the copy as it is; then, one mechanism after another, its tests must fail.
Exit 1 when a loss goes unnoticed. `.gridcast/guarantee/results.json` says what was tried.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Queue
from xml.etree import ElementTree

from tests.taken_out.table import ROOT, Mechanism, mechanisms

RESULTS = ROOT / ".gridcast" / "guarantee" / "results.json"
TRY_S = 900.0
AS_IT_IS_S = 5400.0
LAST_WORDS_S = 60.0
#: What pytest says when tests ran and one failed; anything else says nothing of the mechanism.
TESTS_FAILED = 1


@dataclass(frozen=True)
class Tried:
    """`verdict`: noticed, UNNOTICED, or unclear (the tests did not come to fail by themselves)."""

    sentence: str
    without: str
    file: str
    verdict: str
    noticed_by: list[str]
    seconds: float


@dataclass(frozen=True)
class Run:
    """What a run of pytest said: tests by outcome, and its exit code."""

    code: int
    passed: set[str]
    failed: set[str]
    broken: set[str]
    said: str


def copied(to: Path) -> Path:
    """This checkout as it stands, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, to / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return to


def run(tests: Iterable[str], where: Path, stop_at_first: bool, limit_s: float = TRY_S) -> Run:
    """Run tests in a copy, with this interpreter."""
    report = where / f".report-{time.monotonic_ns()}.xml"
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile=no-shrinking", f"--junitxml={report}"]
    if stop_at_first:
        options.append("-x")
    environment = {**os.environ, "PYTHONPATH": str(where)}
    code, said = _within_limit(
        [sys.executable, "-m", "pytest", *options, *tests], where, environment, limit_s
    )
    if not report.exists():
        return Run(code, set(), set(), set(), said)
    outcomes: dict[str, set[str]] = {"passed": set(), "failure": set(), "error": set()}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '').split('[')[0]}"
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        outcomes[next(iter(kinds), "passed") if kinds != {"skipped"} else "error"].add(name)
    return Run(code, outcomes["passed"], outcomes["failure"], outcomes["error"], said)


def _within_limit(
    command: list[str], where: Path, environment: dict[str, str], limit_s: float
) -> tuple[int, str]:
    """The exit code of a command and what it said; one without end is interrupted, and ends its servers."""
    process = subprocess.Popen(
        command, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for patience_s, number in ((limit_s, signal.SIGINT), (LAST_WORDS_S, signal.SIGKILL)):
        try:
            said, _ = process.communicate(timeout=patience_s)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    said, _ = process.communicate()
    return process.returncode, said


def tried(mechanism: Mechanism, where: Path) -> Tried:
    """Take a mechanism out of a copy, run its tests there, and put it back."""
    started_s = time.monotonic()
    text = mechanism.take_out(where)
    try:
        done = run(mechanism.tests, where, stop_at_first=True)
    finally:
        (where / mechanism.file).write_text(text)
    if done.code == 0:
        verdict = "UNNOTICED"
    else:
        verdict = "noticed" if done.code == TESTS_FAILED and done.failed else "unclear"
    if verdict == "unclear":
        print(done.said[-3000:], flush=True)
    seconds = round(time.monotonic() - started_s, 1)
    one = Tried(mechanism.sentence, mechanism.without, mechanism.file, verdict, sorted(done.failed), seconds)
    print(f"{one.sentence:4} {one.verdict:9} {one.seconds:6.1f} s  {one.file}: {one.without}", flush=True)
    return one


def try_all(wanted: list[Mechanism], jobs: int, scratch: Path) -> list[Tried]:
    """Each mechanism in a copy of its own turn: `jobs` copies, so that one change never meets another."""
    copies: Queue[Path] = Queue()
    for number in range(jobs):
        copies.put(copied(scratch / f"copy-{number}"))
    first = copies.queue[0]
    names = sorted({test for one in wanted for test in one.tests})
    print(f"{len(names)} tests on the copy as it is", flush=True)
    untouched = run(names, first, stop_at_first=False, limit_s=AS_IT_IS_S)
    unfit = set(names) - untouched.passed | untouched.failed | untouched.broken
    if unfit:
        print(untouched.said[-6000:])
        sys.exit(f"these tests do not pass as it is: {', '.join(sorted(unfit))}")

    def in_a_copy(mechanism: Mechanism) -> Tried:
        where = copies.get()
        try:
            return tried(mechanism, where)
        finally:
            copies.put(where)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(in_a_copy, wanted))


def main() -> None:
    """Try what was asked for, and say what went unnoticed."""
    parser = argparse.ArgumentParser(prog="make guarantee", description=__doc__)
    parser.add_argument("--only", default="", help="sentences, as G3,G7")
    parser.add_argument("--jobs", type=int, default=2, help="copies that are worked in at once")
    told = parser.parse_args()
    only = set(filter(None, told.only.split(",")))
    wanted = [one for one in mechanisms() if not only or one.sentence in only]
    if not wanted:
        sys.exit(f"no sentence of the guarantee is {told.only}")
    for one in wanted:
        if one.occurrences() != 1:
            sys.exit(f"{one.sentence}: its lines stand {one.occurrences()} times in {one.file}")
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gridcast-guarantee-") as scratch:
        results = try_all(wanted, told.jobs, Path(scratch))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    lost = [one for one in results if one.verdict != "noticed"]
    print(
        f"{len(results) - len(lost)} of {len(results)} losses were noticed in"
        f" {(time.monotonic() - started_s) / 60:.1f} min; {RESULTS.relative_to(ROOT)}"
    )
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
