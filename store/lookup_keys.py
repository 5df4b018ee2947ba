"""The keys of the digests that values are looked up by. They stay for as long as the installation: digests cannot be made again."""

import hashlib
from dataclasses import dataclass, field
from typing import Self

from store.codec import RandomBytes
from store.master_key import KEY_BYTES, derived

PURPOSES = ("claims", "commands", "access")


@dataclass(frozen=True, slots=True)
class LookupKeys:
    """A key for each purpose."""

    claims: bytes = field(repr=False)
    commands: bytes = field(repr=False)
    access: bytes = field(repr=False)

    @classmethod
    def new(cls, random_bytes: RandomBytes) -> Self:
        return cls.read(random_bytes(KEY_BYTES * len(PURPOSES)))

    @classmethod
    def following(cls, secret: bytes) -> Self:
        """Those of databases from before there were any: they followed from the secret of the master key."""
        return cls(*(derived(secret, purpose) for purpose in PURPOSES))

    @classmethod
    def read(cls, content: bytes) -> Self:
        return cls(*(content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)))

    @property
    def content(self) -> bytes:
        """All of them, as they are wrapped."""
        return self.claims + self.commands + self.access

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"sijil lookup" + self.content).hexdigest()
