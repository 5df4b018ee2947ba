"""An importer for feeds that a test writes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from commands.importer import Importer, Options
from commands.importer import Progress as Imported
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import House, open_house

Import = Callable[..., Any]


@pytest.fixture
def import_feed(log: Log, database: Database, now: Clock) -> Import:
    async def run(file: Path, options: Options | None = None, **more: Any) -> Imported:
        options = options or Options(backdate=True)
        imported, _ = await Importer(log, database, now=now, **more).run(file, options)
        return imported

    return run


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """A whole installation."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        yield house
