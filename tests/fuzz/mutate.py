"""Payloads bent at random: bits flipped, bytes lost and added, cuts, splices, heads and fields exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from schemas.codec import Codec
from schemas.errors import EncodeError
from schemas.ids import SchemaIds
from schemas.wire import HEADER_BYTES, header

#: A record of the journal or of an output topic: its name, and what `Codec.encode` takes.
Record = tuple[str, dict[str, Any]]

NAMES = ("Telemetry", "Tick", "WeatherRun", "PlantVersion", "Release")
OTHER_NAMES = ("Forecast", "Score", "AnomalyEvent", "DriftEvent", "RejectedRecord", "Checkpoint")
ODD: tuple[Any, ...] = (
    *(float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, -0.0, 0.0, -9999.0),
    *(2**63 - 1, -(2**63), 0, -1, 1, 2**45, 2**53, 946_684_800_000, 4_102_444_799_999, 2**31 - 1),
    *("", "\0", "é😀", "x" * 3000, "{", "cold-start", None, True, b"", [], {}),
)
KEYS = (None, b"", b"\xff\xfe", b"h0", b"nobody", b"\0", b"x" * 500)


class Mutator:
    """Bends payloads. The same seed bends in the same way."""

    def __init__(self, codec: Codec, random: Random) -> None:
        self.random, self._codec = random, codec
        ids = SchemaIds()
        self._heads = [header(ids.id_of(name)) for name in (*NAMES, *OTHER_NAMES)]

    def random_bytes(self) -> tuple[bytes | None, bytes | None]:
        """Key and value of noise; half of it behind the head of a record, or nobody would look at it."""
        random = self.random
        if random.random() < 0.001:
            return random.choice(KEYS), None
        body = random.randbytes(int(random.paretovariate(0.7)) % 400)
        if random.random() < 0.5:
            return random.choice(KEYS), body
        # "h0" as the plant: without it a record dies of its key before anything reads its values.
        start = b"\x04h0" if random.random() < 0.7 else b""
        return b"h0", random.choice(self._heads) + start + body

    def bent(self, payload: bytes, pool: Sequence[bytes], record: Record) -> bytes:
        """A payload with one to three faults. `record` is what stands in it, `pool` others like it."""
        random = self.random
        if random.random() < 0.5:
            exchanged = self._other_values(record)
            if exchanged is not None:
                payload = exchanged
                if random.random() < 0.8:
                    return payload
        changed = bytearray(payload)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            changed = self._once(changed, pool)
        return bytes(changed)

    def _once(self, changed: bytearray, pool: Sequence[bytes]) -> bytearray:
        random = self.random
        if not changed:
            return bytearray(random.choice(pool))
        # Nearly always behind the head and the plant: what lies before them is judged at once.
        first = HEADER_BYTES + 3 if random.random() < 0.95 and len(changed) > HEADER_BYTES + 4 else 0
        at = random.randrange(first, len(changed))
        how = random.randrange(8)
        if how <= 2:
            changed[at] ^= 1 << random.randrange(8)
        elif how == 3:
            changed[at] = random.randrange(256)
        elif how == 4:
            changed[at:at] = random.randbytes(random.randrange(1, 9))
        elif how == 5:
            del changed[at : at + random.randrange(1, 5)]
        elif how == 6:
            other = random.choice(pool)
            changed[at:] = other[min(at, len(other)) :] if random.random() < 0.5 else b""
        elif random.random() < 0.1:
            changed[:HEADER_BYTES] = random.choice(self._heads)
        else:
            changed[at:at] = changed[at : at + random.randrange(1, 40)]
        return changed

    def _other_values(self, record: Record) -> bytes | None:
        """The record with two fields exchanged, or one replaced, encoded anew; None where it cannot be."""
        name, values = record
        fields = [field for field in values if field != "plant_id"]
        changed = dict(values)
        one, other = self.random.choice(fields), self.random.choice(fields)
        if one != other and self.random.random() < 0.4:
            changed[one], changed[other] = values[other], values[one]
        else:
            changed[one] = self.random.choice(ODD)
        try:
            return self._codec.encode(name, [changed])[0]
        except (EncodeError, RecursionError):
            return None


def key_of(payload: bytes) -> bytes | None:
    """The key that a payload must have: what stands where a plant's id (or a release's name) does."""
    if len(payload) <= HEADER_BYTES or payload[HEADER_BYTES] & 0x81:
        return None
    size = payload[HEADER_BYTES] >> 1
    return payload[HEADER_BYTES + 1 : HEADER_BYTES + 1 + size]
