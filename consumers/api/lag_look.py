"""The last look at how far groups are behind, shared by those who ask soon after each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from consumers.intake import TOPICS
from consumers.lag import lags
from infra.topics import JOURNAL

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.codec import Codec

#: A look asks Kafka about every partition.
FRESH_S: Final = 5.0


class LagLook:
    """Looks when nobody has lately; who comes while it looks waits for what is found."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._settings = settings
        self._codec = codec
        self._lock = threading.Lock()
        self._looked_s = -FRESH_S
        self._found: Sequence[dict[str, Any]] = ()

    def rows(self) -> Sequence[dict[str, Any]]:
        """Every group, topic and partition, as `gridcast lag` tells them.

        Raises:
            ServiceUnavailable: Kafka does not answer.
        """
        with self._lock:
            if time.monotonic() - self._looked_s > FRESH_S:
                groups = {self._settings.worker_group: (JOURNAL,), self._settings.sink_group: TOPICS}
                found = lags(self._settings, self._codec, groups)
                found.sort(key=lambda one: (one.group, one.topic, one.partition))
                self._found, self._looked_s = [asdict(one) for one in found], time.monotonic()
            return self._found
