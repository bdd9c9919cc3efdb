"""How often somebody may ask, by key and by address. Counted in this process, over a sliding minute."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

if TYPE_CHECKING:
    from infra.settings import Settings


_SWEEP_S: Final = 5.0


class _Counts(MemoryStorage):
    """Counts that are swept now and then. The library starts a thread for it up to 100 times a second, which
    took a third of the time of a request; all of the API's counting is done in one thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._swept_s = time.time()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now_s = time.time()
        if now_s - self._swept_s > _SWEEP_S:
            self._sweep(now_s)
        if self.expirations.get(key, now_s + 1) <= now_s:
            self.storage.pop(key, None)
        self.storage[key] += amount
        if self.storage[key] == amount:
            self.expirations[key] = now_s + expiry
        return self.storage[key]

    def _sweep(self, now_s: float) -> None:
        self._swept_s = now_s
        for key in [key for key, until_s in self.expirations.items() if until_s <= now_s]:
            self.storage.pop(key, None)
            self.expirations.pop(key, None)
            self.locks.pop(key, None)


class Limits:
    """Each question counts; the answer is None, or how many seconds to wait."""

    def __init__(self, settings: Settings) -> None:
        self._counter = SlidingWindowCounterRateLimiter(_Counts())
        self._of_key = settings.api_key_per_minute
        self._of_address = RateLimitItemPerMinute(settings.api_address_per_minute)
        self._failures = RateLimitItemPerMinute(settings.api_failures_per_minute)

    def of_address(self, address: str) -> int | None:
        """Of everything that an address asks."""
        return self._hit(self._of_address, "address", address)

    def of_key(self, key_id: str, per_minute: int | None) -> int | None:
        """Of what is asked with a key that is good."""
        return self._hit(RateLimitItemPerMinute(per_minute or self._of_key), "key", key_id)

    def of_items(self, key_id: str, per_minute: int | None, items: int) -> int | None:
        """Of a request that counts as so many, and was counted once. What is more than a minute has takes a
        whole minute.
        """
        item = RateLimitItemPerMinute(per_minute or self._of_key)
        more = min(items, item.amount) - 1
        return self._hit(item, "key", key_id, cost=more) if more > 0 else None

    def failed(self, address: str) -> None:
        """A wrong key came from here."""
        self._counter.hit(self._failures, "failure", address)

    def guessing(self, address: str) -> int | None:
        """Whether so many wrong keys came from here that no more is looked at."""
        if self._counter.test(self._failures, "failure", address):
            return None
        return self._wait_s(self._failures, "failure", address)

    def _hit(self, item: RateLimitItemPerMinute, *who: str, cost: int = 1) -> int | None:
        return None if self._counter.hit(item, *who, cost=cost) else self._wait_s(item, *who)

    def _wait_s(self, item: RateLimitItemPerMinute, *who: str) -> int:
        reset_at_s = self._counter.get_window_stats(item, *who).reset_time
        return max(math.ceil(reset_at_s - time.time()), 1)
