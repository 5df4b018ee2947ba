"""An importer for feeds that a test writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands.importer import Importer, Options
from commands.importer import Progress as Imported
from store.database import Database
from store.log import Log
from tests.conftest import Clock

Import = Callable[..., Any]


@pytest.fixture
def import_feed(log: Log, database: Database, now: Clock) -> Import:
    async def run(file: Path, options: Options | None = None, **more: Any) -> Imported:
        options = options or Options(backdate=True)
        imported, _ = await Importer(log, database, now=now, **more).run(file, options)
        return imported

    return run
