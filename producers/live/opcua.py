"""The side of the server: a session, a subscription with a queue there, and the history.

asyncua can bring a lost session back by itself. It is not asked to: it then asks for what was missed number
after number without an end where a server answers each of them (asyncua's own does), and a subscription that
could not be made anew is told to its log alone. A loss ends the session here; `opcua_feed` opens another.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from producers.live.opcua_errors import never, refusal
from producers.live.opcua_following import follow
from producers.live.opcua_security import secure
from producers.live.scans import Place
from schemas.errors import InputError, ServiceUnavailable

if TYPE_CHECKING:
    from asyncua import Client, Node
    from asyncua.common.subscription import DataChangeNotif, Subscription

    from producers.live.links import OpcuaLink

_log = logging.getLogger(__name__)

#: So many values wait on our side at most; more are dropped, and read from the history later.
_WAITING: Final = 50_000
#: After so long without us the server may forget the session and its queues.
_SESSION_MS: Final = 60_000
_KEEP_ALIVE_MS: Final = 5_000
_FIRST_HANDLE: Final = 1000

#: Which plant, and where in its scan.
Target = tuple[str, Place]
Reading = tuple[Target, Any]


class Server:
    """A session with an OPC UA server. `lost`: something may have been missed since the last look."""

    def __init__(self, link: OpcuaLink, password: str | None, nodes: dict[Target, str]) -> None:
        self._link = link
        self._password = password
        self._wanted = nodes
        self._nodes: dict[Target, Node] = {}
        self._targets: dict[int, Target] = {}
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._subscription_id: int | None = None
        self._inbox: list[Reading] = []
        self._heard = asyncio.Event()
        self._no_history: set[str] = set()
        self.lost = True

    @property
    def connected(self) -> bool:
        """Whether the session stands now, with its subscription."""
        from asyncua.client.ua_client import UaClientState

        return (
            self._client is not None
            and self._client.state is UaClientState.CONNECTED
            and self._subscription is not None
            and self._subscription.subscription_id is not None
        )

    async def open(self) -> None:
        """Connect and subscribe.

        Raises:
            ServiceUnavailable: the server does not answer, or not as it should.
            InputError: it refuses us, or has no such node.
        """
        from asyncua import Client, ua

        # asyncua tells each lost connection by tracebacks; here it is one line.
        logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)
        self.lost, self._subscription = True, None
        client = Client(self._link.endpoint, timeout=self._link.timeout_s)
        if self._link.user is not None:
            client.set_user(self._link.user)
            client.set_password(self._password or "")
        client.session_timeout = _SESSION_MS
        client.connection_lost_callback = self._on_lost
        self._client = client
        try:
            await secure(client, self._link)
            await client.connect()
            self._nodes = {target: await self._node(client, text) for target, text in self._wanted.items()}
            await self._subscribe(client)
        except (TimeoutError, OSError) as error:
            raise ServiceUnavailable(f"OPC UA at {self._link.endpoint} does not answer: {error!r}") from error
        except ua.UaError as error:
            raise refusal(self._link.endpoint, error) from error

    async def close(self) -> None:
        """End the session; harmless where there is none."""
        from asyncua import ua

        if self._client is None:
            return
        self._subscription = None
        try:
            await asyncio.wait_for(self._client.disconnect(), self._link.timeout_s)
        except (TimeoutError, OSError, ua.UaError) as error:
            _log.debug("the session ended without a goodbye: %r", error)

    async def values(self, timeout_s: float) -> list[Reading]:
        """What the subscription has brought in order; waits up to `timeout_s` where there is nothing."""
        if not self._inbox:
            self._heard.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._heard.wait(), timeout_s)
        found, self._inbox = self._inbox, []
        if self._subscription is not None and self._subscription.subscription_id != self._subscription_id:
            self._subscription_id = self._subscription.subscription_id
            self.lost = True  # made anew by asyncua: what came between, the history has
        return found

    def datachange_notification(self, _node: Node, _value: Any, data: DataChangeNotif) -> None:
        """Called by asyncua for each value, in the order in which the server sent them."""
        handle, value = data.subscription_data.client_handle, data.monitored_item.Value
        if handle is None or value is None:
            return
        if len(self._inbox) >= _WAITING:
            self._inbox.clear()
            self.lost = True
        self._inbox.append((self._targets[handle], value))
        self._heard.set()

    async def _on_lost(self, error: Exception) -> None:
        self.lost = True
        _log.warning("the connection to %s was lost: %r", self._link.endpoint, error)

    async def _node(self, client: Client, text: str) -> Node:
        """The node of a node id, `nsu=URI;s=...` or `ns=2;s=...`; asked for its class, to see that it is."""
        from asyncua import ua

        try:
            found = ua.NodeId.from_string(text)
        except ua.UaError as error:
            raise InputError(f"{text!r} is no node id: give it as ns=2;s=Park.Power") from error
        if isinstance(found, ua.ExpandedNodeId) and found.NamespaceUri:
            index = await client.get_namespace_index(found.NamespaceUri)
            found = ua.NodeId(found.Identifier, ua.Int16(index))
        node = client.get_node(found)
        try:
            await node.read_attribute(ua.AttributeIds.NodeClass)
        except (ua.uaerrors.BadNodeIdUnknown, ua.uaerrors.BadNodeIdInvalid) as error:
            raise InputError(f"OPC UA at {self._link.endpoint} has no node {text}") from error
        return node

    async def _subscribe(self, client: Client) -> None:
        from asyncua import ua

        every_ms = self._link.publish_s * 1000
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=every_ms,
            RequestedLifetimeCount=max(30, math.ceil(_SESSION_MS / every_ms)),
            RequestedMaxKeepAliveCount=max(1, math.ceil(_KEEP_ALIVE_MS / every_ms)),
            PublishingEnabled=True,
        )
        subscription = await client.create_subscription(parameters, self)
        self._targets = {_FIRST_HANDLE + number: target for number, target in enumerate(self._nodes)}
        wanted = {handle: self._nodes[target] for handle, target in self._targets.items()}
        refused = await follow(subscription, wanted, self._link.queue)
        if refused:
            told = ", ".join(
                f"{self._wanted[self._targets[handle]]} ({why})" for handle, why in refused.items()
            )
            raise InputError(f"OPC UA at {self._link.endpoint} does not let us follow {told}")
        self._subscription, self._subscription_id = subscription, subscription.subscription_id

    async def history(self, targets: Iterable[Target], from_ms: int, to_ms: int) -> list[Reading]:
        """What the server has kept of some nodes in [from, to], node by node in the order of time.

        Raises:
            ServiceUnavailable: it could not be read now.
        """
        from asyncua import ua

        found: list[Reading] = []
        for target in targets:
            if self._wanted[target] in self._no_history:
                continue
            try:
                values = await self._nodes[target].read_raw_history(
                    _moment(from_ms), _moment(to_ms), return_bounds=False
                )
            except (TimeoutError, OSError) as error:
                raise ServiceUnavailable(f"the history could not be read: {error!r}") from error
            except ua.UaError as error:
                if not isinstance(error, never()):
                    raise ServiceUnavailable(f"the history could not be read: {error}") from error
                self._no_history.add(self._wanted[target])
                _log.warning(
                    "the server keeps no history of %s (%s): what it measures while we are away is lost",
                    self._wanted[target],
                    error,
                )
                continue
            found += [(target, value) for value in values]
        return found


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
