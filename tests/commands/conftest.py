"""Commands carried out one by one, and feeds that a test writes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from commands import COMMANDS
from commands.command import Done, Request, execute
from commands.importer import Importer, Options
from commands.importer import Progress as Imported
from domain.actor import Actor
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.work import Work
from tests.conftest import Clock
from tests.feeds import PEOPLE, WriteFeed
from tests.house import House, open_house

Import = Callable[..., Any]
Do = Callable[..., Awaitable[Done]]


@pytest.fixture
def import_feed(log: Log, database: Database, now: Clock) -> Import:
    async def run(file: Path, options: Options | None = None, **more: Any) -> Imported:
        options = options or Options(backdate=True)
        imported, _ = await Importer(log, database, now=now, **more).run(file, options)
        return imported

    return run


@pytest.fixture
async def do(log: Log, now: Clock, write_feed: WriteFeed, import_feed: Import) -> Do:
    """Carry a command out, after some people were registered, and record it."""
    await import_feed(write_feed(*PEOPLE))

    async def run(operation: str, actor: Actor, input: Any) -> Done:
        work = Work(log)
        done = await execute(work, COMMANDS[operation], Request(actor, now(), work.new_id()), input)
        if done.position is None:
            await work.append()
        return done

    return run


@pytest.fixture
async def house(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[House]:
    """A whole installation."""
    async with open_house(database, log, keyring, now, tmp_path) as house:
        yield house
