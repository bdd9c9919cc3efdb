"""Following nodes by a subscription: each new stamp is news, also where the value stays as it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncua import Node, ua
    from asyncua.common.subscription import Subscription

_log = logging.getLogger(__name__)


async def follow(subscription: Subscription, nodes: dict[int, Node], queue: int) -> dict[int, str]:
    """Follow nodes under their handles; the server keeps `queue` values of each while nobody asks.

    A server that cannot report new stamps of an old value is asked for changes alone.

    Returns:
        Why, for each handle that the server refused.
    """
    from asyncua import ua

    refused = await _create(subscription, nodes, queue, ua.DataChangeTrigger.StatusValueTimestamp)
    unable = {handle: nodes[handle] for handle, code in refused.items() if code.value in _unable()}
    if unable:
        _log.warning(
            "the server reports changed values alone of %d nodes: a constant power is silent", len(unable)
        )
        refused = {handle: code for handle, code in refused.items() if handle not in unable}
        refused |= await _create(subscription, unable, queue, None)
    return {handle: code.name for handle, code in refused.items()}


async def _create(
    subscription: Subscription, nodes: dict[int, Node], queue: int, trigger: ua.DataChangeTrigger | None
) -> dict[int, ua.StatusCode]:
    from asyncua import ua

    asked = [_item(handle, node, queue, trigger) for handle, node in nodes.items()]
    results = await subscription.create_monitored_items(asked)
    return {
        handle: result
        for handle, result in zip(nodes, results, strict=True)
        if isinstance(result, ua.StatusCode)
    }


def _item(
    handle: int, node: Node, queue: int, trigger: ua.DataChangeTrigger | None
) -> ua.MonitoredItemCreateRequest:
    from asyncua import ua

    item = ua.MonitoredItemCreateRequest()
    item.ItemToMonitor = ua.ReadValueId(NodeId=node.nodeid, AttributeId=ua.AttributeIds.Value)
    item.MonitoringMode = ua.MonitoringMode.Reporting
    item.RequestedParameters = ua.MonitoringParameters(
        ClientHandle=handle, SamplingInterval=0.0, QueueSize=queue, DiscardOldest=True
    )
    if trigger is not None:
        item.RequestedParameters.Filter = ua.DataChangeFilter(Trigger=trigger)
    return item


def _unable() -> tuple[int, ...]:
    from asyncua.ua import StatusCodes

    return (
        StatusCodes.BadFilterNotAllowed,
        StatusCodes.BadMonitoredItemFilterUnsupported,
        StatusCodes.BadMonitoredItemFilterInvalid,
    )
