"""Runs the console blocks of a page in one shell and compares what they print.

A line that begins with `$ ` is a command (it goes on while lines end with a backslash); what follows is what
it prints, with `...` for anything.
"""

from __future__ import annotations

import doctest
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
ALIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
DONE = "--done--"


@dataclass
class Step:
    """One command of a page and what it should print."""

    line: int
    command: str
    prints: str = ""


def steps(page: str) -> Iterator[Step]:
    """The commands of a page that are shown with a `$`, in order."""
    for block in BLOCK.finditer(page):
        first = page[: block.start(1)].count("\n") + 1
        step: Step | None = None
        for number, text in enumerate(block[1].splitlines(), first):
            if text.startswith("$ "):
                if step is not None:
                    yield step
                step = Step(number, text[2:])
            elif step is not None and step.command.endswith("\\"):
                step.command += "\n" + text
            elif step is not None:
                step.prints += text + "\n"
        if step is not None:
            yield step


class Shell:
    """One bash, with its background jobs; `close` ends them all."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, command: str, timeout_s: float) -> str:
        """What a command prints, both streams together."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\necho {DONE}\n".encode())
        self._process.stdin.flush()
        return self._until_done(command, timeout_s)

    def _until_done(self, command: str, timeout_s: float) -> str:
        assert self._process.stdout is not None
        said, deadline_s = b"", time.monotonic() + timeout_s
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while not said.endswith(f"{DONE}\n".encode()):
                left_s = deadline_s - time.monotonic()
                assert left_s > 0, f"{command!r} did not end within {timeout_s} s: {said.decode()}"
                if ready.select(left_s):
                    part = os.read(self._process.stdout.fileno(), 65_536)
                    assert part, f"the shell ended at {command!r}: {said.decode()}"
                    said += part
        return said.decode().removesuffix(f"{DONE}\n")

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def follow(page: Path, shell: Shell, timeout_s: float = 240.0) -> None:
    """Run a page from top to bottom; fails at the first command that prints something else."""
    checker = doctest.OutputChecker()
    for step in steps(page.read_text()):
        said = shell.run(step.command, timeout_s)
        assert checker.check_output(step.prints, said, ALIKE), (
            f"{page.name} line {step.line}: {step.command}\nshould print\n{step.prints}\nand printed\n{said}"
        )
