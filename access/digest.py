"""What follows from the installation's key: digests that only it can make, ids and tokens that come out alike each time."""

import hmac
from uuid import UUID

from store.codec import length_prefixed


class Digests:
    """HMAC-SHA256 under one key, over any number of parts."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, purpose: str, *parts: str | bytes | UUID) -> bytes:
        return hmac.digest(self._key, length_prefixed(*map(_bytes, (purpose, *parts))), "sha256")

    def id(self, purpose: str, *parts: str | bytes | UUID) -> UUID:
        """An id that nobody else can guess, and that is the same for the same parts: a repetition finds the first."""
        return UUID(bytes=self(purpose, *parts)[:16], version=4)


def _bytes(part: str | bytes | UUID) -> bytes:
    match part:
        case UUID():
            return part.bytes
        case str():
            return part.encode("utf-8", "surrogatepass")
        case bytes():
            return part
