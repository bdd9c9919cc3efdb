"""Following nodes on servers of different abilities."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import ua

from producers.live.opcua_following import follow


class Nodes:
    def __init__(self, number: int) -> None:
        self.nodeid = ua.NodeId(number, ua.Int16(2))


def _filtered(item: Any) -> bool:
    return isinstance(item.RequestedParameters.Filter, ua.DataChangeFilter)


class FakeSubscription:
    """Refuses filters of some nodes, and some nodes wholly."""

    def __init__(self, no_filter: set[int], never: set[int]) -> None:
        self.no_filter, self.never = no_filter, never
        self.followed: dict[int, bool] = {}

    async def create_monitored_items(self, asked: list[Any]) -> list[Any]:
        return [self._answer(item) for item in asked]

    def _answer(self, item: Any) -> int | ua.StatusCode:
        number, filtered = item.ItemToMonitor.NodeId.Identifier, _filtered(item)
        if number in self.never:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotReadable))
        if filtered and number in self.no_filter:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadMonitoredItemFilterUnsupported))
        self.followed[number] = filtered
        return 1


def followed(subscription: FakeSubscription, *numbers: int) -> dict[int, str]:
    nodes: Any = {1000 + number: Nodes(number) for number in numbers}
    fake: Any = subscription
    return asyncio.run(follow(fake, nodes, queue=10))


def test_each_new_stamp_is_asked_for_and_changes_alone_where_the_server_cannot() -> None:
    subscription = FakeSubscription(no_filter={2}, never=set())
    assert followed(subscription, 1, 2, 3) == {}
    assert subscription.followed == {1: True, 3: True, 2: False}


def test_a_node_that_is_refused_is_named_with_the_reason() -> None:
    assert followed(FakeSubscription(no_filter={1}, never={2}), 1, 2) == {1002: "BadNotReadable"}
