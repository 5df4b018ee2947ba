"""One data key per person, wrapped by the master key: without it the person's data in the record is gone."""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.codec import NONCE_BYTES, PersonErased, RandomBytes
from store.database import Database
from store.faults import ExitStatus, Fault
from store.keys import Keys
from store.master_key import Changed

KEY_BYTES = 32
KEPT_FOR = 600.0  # seconds


class Keyring:
    """The data keys of people, read in one statement; the last `size` of them are kept, none for longer than ten minutes."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        *,
        size: int = 50_000,
        random_bytes: RandomBytes = os.urandom,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys = keys
        self._database = database
        self._size = size
        self._random_bytes = random_bytes
        self._clock = clock
        self._kept: OrderedDict[UUID, tuple[bytes, float]] = OrderedDict()  # until when; in the order of that
        self._forgotten = 0  # times

    async def load(self, people: Iterable[UUID]) -> dict[UUID, bytes]:
        """The keys of these people; those who have none (erased, or not recorded yet) are left out."""
        self._drop_old()
        wanted = set(people)
        found = {person: self._kept[person][0] for person in wanted if person in self._kept}
        if missing := list(wanted - found.keys()):
            forgotten = self._forgotten
            read = await self._read(missing)
            if forgotten == self._forgotten:  # else what was read may have been destroyed since
                self.keep(read)
            found |= read
        return found

    def create(self, person: UUID) -> tuple[bytes, bytes]:
        """A new data key for a person, and its wrapped form for the table; it is kept once it is recorded."""
        key = self._random_bytes(KEY_BYTES)
        return key, self.wrap(person, key)

    def wrap(self, person: UUID, key: bytes) -> bytes:
        return self.keys.present.wrap(key, bound=person.bytes, nonce=self._random_bytes(NONCE_BYTES))

    def keep(self, keys: dict[UUID, bytes]) -> None:
        until = self._clock() + KEPT_FOR
        for person, key in keys.items():
            self._kept[person] = (key, until)
            self._kept.move_to_end(person)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def forget(self, person: UUID) -> None:
        self._forgotten += 1
        self._kept.pop(person, None)

    def forget_all(self) -> None:
        self._forgotten += 1
        self._kept.clear()

    def hear(self, erased: Sequence[str]) -> None:
        """Forget the people whose ids are announced as erased; none: everybody, some may have been missed."""
        if not erased:
            self.forget_all()
        for person in erased:
            self.forget(UUID(person))

    async def renew(self) -> None:
        """Look again which master key the database names, as `Keys.renew`."""
        await self.keys.renew(self._database)

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

    def _drop_old(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values()))[1] <= now:
            self._kept.popitem(last=False)

    async def _read(self, people: list[UUID]) -> dict[UUID, bytes]:
        rows = await self._rows(people)
        if not all(self.keys.know(wrapped) for _, wrapped in rows):
            # The master key is being replaced. By the time that the new one is known the old one may be gone: read again.
            await self.renew()
            rows = await self._rows(people)
        return {person: unwrapped(self.keys, person, wrapped) for person, wrapped in rows}

    async def _rows(self, people: list[UUID]) -> list[tuple[UUID, bytes]]:
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT person_id, wrapped FROM person_keys WHERE person_id = ANY(%b)", (people,), binary=True
            )
            return await cursor.fetchall()


def unwrapped(keys: Keys, person: UUID, wrapped: bytes) -> bytes:
    """A person's key.

    Raises:
        Fault: it was changed, or none of these master keys has wrapped it.
    """
    try:
        return keys.unwrap(wrapped, bound=person.bytes)
    except Changed:
        raise Fault(f"The data key of {person} was changed in the database.", ExitStatus.DATABASE) from None
