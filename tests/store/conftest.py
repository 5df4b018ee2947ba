"""A log on a fresh database."""

from collections.abc import AsyncIterator

import pytest

from store.database import Database
from store.keyring import Keyring
from store.log import Log, Patience
from store.master_key import MasterKey
from tests.conftest import Clock

QUICK = Patience(attempts=5, within=5, answer_within=20, first_pause=0.01, longest_pause=0.05)


@pytest.fixture
def keyring(database: Database, master_key: MasterKey) -> Keyring:
    return Keyring(database, master_key)


@pytest.fixture
async def log(database: Database, keyring: Keyring, now: Clock) -> AsyncIterator[Log]:
    async with Log(database, keyring, now=now, patience=QUICK) as log:
        yield log
