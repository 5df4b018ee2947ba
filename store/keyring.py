"""One data key per person, wrapped by the master key: without it the person's data in the record is gone."""

import os
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.codec import NONCE_BYTES, PersonErased, RandomBytes
from store.database import Database
from store.faults import ExitStatus, Fault
from store.master_key import MasterKey

KEY_BYTES = 32
MASTER_ID_BYTES = 8


class Keyring:
    """The data keys of people, read in one statement and kept for the `size` people who were asked for last."""

    def __init__(
        self,
        database: Database,
        master_key: MasterKey,
        *,
        size: int = 50_000,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        self.master_key = master_key
        self._database = database
        self._cipher = AESGCM(master_key.wrap)
        # In front of every wrapped key, so that a rotation finds what it has still to wrap anew.
        self._master_id = bytes.fromhex(master_key.fingerprint)[:MASTER_ID_BYTES]
        self._size = size
        self._random_bytes = random_bytes
        self._kept: OrderedDict[UUID, bytes] = OrderedDict()

    async def load(self, people: Iterable[UUID]) -> dict[UUID, bytes]:
        """The keys of these people; those who have none (erased, or not recorded yet) are left out."""
        wanted = set(people)
        found = {person: self._kept[person] for person in wanted if person in self._kept}
        for person in found:
            self._kept.move_to_end(person)
        if missing := list(wanted - found.keys()):
            async with self._database.pool.connection() as connection:
                cursor = await connection.execute(
                    "SELECT person_id, wrapped FROM person_keys WHERE person_id = ANY(%b)", (missing,), binary=True
                )
                read = {person: self._unwrap(person, wrapped) for person, wrapped in await cursor.fetchall()}
            self.keep(read)
            found |= read
        return found

    def create(self, person: UUID) -> tuple[bytes, bytes]:
        """A new data key for a person, and its wrapped form for the table; it is kept once it is recorded."""
        key = self._random_bytes(KEY_BYTES)
        nonce = self._random_bytes(NONCE_BYTES)
        return key, self._master_id + nonce + self._cipher.encrypt(nonce, key, person.bytes)

    def keep(self, keys: dict[UUID, bytes]) -> None:
        self._kept |= keys
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def forget(self, person: UUID) -> None:
        self._kept.pop(person, None)

    async def seal(self, person: UUID, plain: bytes, *, bound: bytes) -> bytes:
        """Encrypt under a person's key; it opens only with the same `bound`.

        Raises:
            PersonErased: there is no key.
        """
        key = (await self.load([person])).get(person)
        if key is None:
            raise PersonErased(person)
        nonce = self._random_bytes(NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, plain, bound)

    async def open(self, person: UUID, box: bytes, *, bound: bytes) -> bytes | None:
        """What was sealed; None once the person is erased.

        Raises:
            Fault: it was changed in the database.
        """
        key = (await self.load([person])).get(person)
        if key is None:
            return None
        try:
            return AESGCM(key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):  # ValueError: it was cut short
            raise Fault(f"What was sealed for {person} was changed in the database.", ExitStatus.DATABASE) from None

    def _unwrap(self, person: UUID, wrapped: bytes) -> bytes:
        master_id, rest = wrapped[:MASTER_ID_BYTES], wrapped[MASTER_ID_BYTES:]
        if master_id != self._master_id:
            raise Fault("The data keys were wrapped by another master key: give that one.", ExitStatus.SETTINGS)
        try:
            return self._cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], person.bytes)
        except (InvalidTag, ValueError):  # ValueError: it was cut short
            raise Fault(f"The data key of {person} was changed in the database.", ExitStatus.DATABASE) from None
