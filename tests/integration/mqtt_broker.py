"""An MQTT broker as a process that keeps QoS 1 over its own death: `python -m ... PORT FILE [CERT KEY]`.

It is amqtt with what the standard asks of a persistent session and amqtt 0.12 does not do: a message stays
until its subscriber has acknowledged it (amqtt drops it after 5 s, and when the connection is lost), and
sessions and their messages stand in a file before the publisher gets its acknowledgement.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from pathlib import Path
from typing import Any

import amqtt.broker
from amqtt.broker import Broker, BrokerContext, RetainedApplicationMessage
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.plugins.base import BaseAuthPlugin, BasePlugin
from amqtt.session import OUTGOING, Session

USER, PASSWORD = "gridcast", "under the wind"


class Shelf:
    """Subscriptions, and messages that a persistent session has not acknowledged, in SQLite."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma synchronous = off")  # the process dies in the tests, not the machine
        self._db.execute("create table if not exists kept (id integer primary key, topic text, data blob)")
        self._db.execute(
            "create table if not exists subscribed (client text, topic text, unique(client, topic))"
        )

    def keep(self, topic: str, data: bytes) -> None:
        if self._db.execute("select 1 from subscribed where topic = ?", (topic,)).fetchone():
            self._db.execute("insert into kept (topic, data) values (?, ?)", (topic, data))

    def forget(self, topic: str, data: bytes) -> None:
        first = "select min(id) from kept where topic = ? and data = ?"
        self._db.execute(f"delete from kept where id = ({first})", (topic, data))

    def subscribe(self, client: str, topic: str) -> None:
        self._db.execute("insert or ignore into subscribed values (?, ?)", (client, topic))

    def subscribed(self) -> list[tuple[str, str]]:
        return list(self._db.execute("select client, topic from subscribed"))

    def kept(self) -> list[tuple[str, bytes]]:
        return list(self._db.execute("select topic, data from kept order by id"))


class Handler(BrokerProtocolHandler):
    """Keeps what is under way until it is acknowledged, over every loss of the connection."""

    shelf: Shelf

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        session, number = self.session, app_message.packet_id
        assert session is not None
        if app_message.direction != OUTGOING:
            self.shelf.keep(app_message.topic, bytes(app_message.data))
            await session.delivered_message_queue.put(app_message)
            await self._send_packet(PubackPacket.build(number))
            return
        again = number in session.inflight_out
        session.inflight_out[number] = app_message
        waiter: asyncio.Future[PubackPacket] = asyncio.Future()
        self._puback_waiters[number] = waiter
        await self._send_packet(app_message.build_publish_packet(dup=again))
        app_message.puback_packet = await waiter
        session.inflight_out.pop(number, None)
        self.shelf.forget(app_message.topic, bytes(app_message.data))

    async def _retry_deliveries(self) -> None:
        assert self.session is not None
        waiting = list(self.session.inflight_out.values())
        self._again = [asyncio.create_task(self._handle_qos1_message_flow(message)) for message in waiting]


class Sessions(BasePlugin[BrokerContext]):
    """Brings back the sessions that the broker had when it died."""

    async def on_broker_post_start(self) -> None:
        subscribed = Handler.shelf.subscribed()
        for client, topic in subscribed:
            await self.context.add_subscription(client, topic, 1)
        for topic, data in Handler.shelf.kept():
            for client, wanted in subscribed:
                session = self.context.get_session(client)
                if wanted == topic and session is not None:
                    session.clean_session = False
                    await session.retained_messages.put(RetainedApplicationMessage(None, topic, data, 1))

    async def on_broker_client_subscribed(self, client_id: str, topic: str, qos: int) -> None:  # noqa: ARG002 - amqtt's
        session = self.context.get_session(client_id)
        if session is not None and not session.clean_session:
            Handler.shelf.subscribe(client_id, topic)


class Login(BaseAuthPlugin):
    """One user; amqtt keeps sessions of known users only."""

    async def authenticate(self, *, session: Session) -> bool:
        return (session.username, session.password) == (USER, PASSWORD)


async def serve(port: int, certificate: list[str]) -> None:
    here = "tests.integration.mqtt_broker"
    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if certificate:
        listener |= {"ssl": True, "certfile": certificate[0], "keyfile": certificate[1]}
    config = {
        "listeners": {"default": listener},
        "plugins": {f"{here}.Login": {}, f"{here}.Sessions": {}},
    }
    broker = Broker(config)
    await broker.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    from tests.integration import mqtt_broker  # the plugins' Handler, and not that of __main__

    mqtt_broker.Handler.shelf = Shelf(path)
    amqtt.broker.BrokerProtocolHandler = mqtt_broker.Handler  # type: ignore[misc]
    asyncio.run(mqtt_broker.serve(port, sys.argv[3:]))


if __name__ == "__main__":
    main()
