"""An OPC UA server in a process of its own: a park of two plants with real values and a history in SQLite.

`python -m tests.integration.opcua_park PORT FILE STEP_S [FOLDER]`, with FOLDER the certificates of
`opcua_certificates.py` and one user, else open to all. Every STEP_S it makes a scan of both plants, whose
stamp is STEP_S after the one before. A scan stands in the history before its values are shown. Started again
on the same file it goes on after the newest scan there. SIGUSR1: no more scans, but still a server.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from asyncua import Node, Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.history_sql import HistorySQLite

from tests.integration.live_help import sample
from tests.integration.mqtt_broker import PASSWORD, USER

URI = "urn:gridcast:park"
#: Numbers of the nodes in the order in which a scan is written, by column of the samples. asyncua's history
#: in SQLite takes no names.
LHB_POWER, LHB_WIND, SERF_POWER = 101, 102, 201
NODES = {
    LHB_POWER: ("la_haute_borne", "power_kw"),
    LHB_WIND: ("la_haute_borne", "wind_speed_ms"),
    SERF_POWER: ("serf_east", "power_kw"),
}


def scan_values(number: int) -> dict[int, float]:
    """The values of a scan; La Haute Borne in W, as meters give it."""
    found = {}
    for name, (folder, column) in NODES.items():
        value = float(_ROWS[folder][number % len(_ROWS[folder])][column] or 0)
        found[name] = value * 1000 if name == LHB_POWER else value
    return found


_ROWS: dict[str, list[dict[str, str]]] = {}


def stored(path: Path) -> dict[int, dict[int, float]]:
    """What the history holds: by node, stamp [ms] to value."""
    found: dict[int, dict[int, float]] = {}
    with closing(sqlite3.connect(path)) as db:
        for name in NODES:
            rows = db.execute(f'select SourceTimestamp, Value from "2_{name}"')
            found[name] = {
                round(datetime.fromisoformat(stamp).timestamp() * 1000): float(value) for stamp, value in rows
            }
    return found


class Park:
    def __init__(self, server: Server, storage: HistorySQLite, path: Path, step_ms: int) -> None:
        self._server = server
        self._storage = storage
        self._path = path
        self._step_ms = step_ms
        self._nodes: dict[int, Node] = {}
        self._number = 0
        self._stamp_ms = time.time_ns() // 1_000_000 // step_ms * step_ms

    async def build(self) -> None:
        index = await self._server.register_namespace(URI)
        before = stored(self._path) if self._path.exists() and self._path.stat().st_size else {}
        await self._storage.init()
        for name in NODES:
            node = await self._server.nodes.objects.add_variable(ua.NodeId(name, index), str(name), 0.0)
            await self._storage.new_historized_node(node.nodeid, None)
            self._nodes[name] = node
            if before.get(name):
                stamp_ms = max(before[name])
                await node.write_value(_value(before[name][stamp_ms], stamp_ms))
                self._stamp_ms = max(self._stamp_ms if self._number else 0, stamp_ms)
                self._number = max(self._number, len(before[name]))

    async def run(self) -> None:
        still = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, still.set)
        while not still.is_set():
            await asyncio.sleep(self._step_ms / 1000)
            self._number += 1
            self._stamp_ms += self._step_ms
            values = {name: _value(v, self._stamp_ms) for name, v in scan_values(self._number).items()}
            for name, value in values.items():
                await self._storage.save_node_value(self._nodes[name].nodeid, value)
            for name, value in values.items():
                await self._nodes[name].write_value(value)


def _value(value: float, stamp_ms: int) -> ua.DataValue:
    at = datetime.fromtimestamp(stamp_ms / 1000, UTC)
    return ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=at, ServerTimestamp=at)


class OneUser:
    """Lets in who knows the password."""

    def get_user(
        self,
        _server: object,
        username: str | None = None,
        password: str | None = None,
        certificate: object = None,  # noqa: ARG002 - asyncua's
    ) -> User | None:
        return User(role=UserRole.User) if (username, password) == (USER, PASSWORD) else None


async def serve(port: int, path: Path, step_ms: int, certificates: Path | None) -> None:
    server = Server(user_manager=OneUser() if certificates else None)
    await server.init()
    if certificates is not None:
        await server.load_certificate(str(certificates / "server.pem"))
        await server.load_private_key(str(certificates / "server.key.pem"))
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        server.set_identity_tokens([ua.UserNameIdentityToken])
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/park")
    storage = HistorySQLite(str(path))
    server.iserver.history_manager.set_storage(storage)
    park = Park(server, storage, path, step_ms)
    await park.build()
    async with server:
        print("ready", flush=True)
        await park.run()
        await asyncio.Event().wait()


def main() -> None:
    # Python's own converter does not know a zone after whole seconds, and asyncua writes one.
    sqlite3.register_converter("timestamp", lambda raw: datetime.fromisoformat(raw.decode()))
    logging.basicConfig(level=logging.WARNING)
    for folder in {folder for folder, _ in NODES.values()}:
        _ROWS[folder] = [row for _, _, row in sample(folder, 2000)]
    certificates = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), round(float(sys.argv[3]) * 1000), certificates))


if __name__ == "__main__":
    main()
