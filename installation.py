"""An installation opened from its settings: the database with its log, keys and files."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from commands.account import Accounts
from commands.erasure import make_equal
from domain import formats
from projections import READ_MODELS
from projections.tables import create
from settings import Settings
from store.access_month import make_months
from store.announcements import ERASED
from store.blobs import Blobs
from store.codec import Randomness
from store.database import Database, open_database
from store.erasure_file import ErasureFile
from store.faults import first_line
from store.keyring import Keyring
from store.keys import open_keys
from store.log import Log
from store.migrate import migrate
from transparency.key import LogKeyFile

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Installation:
    """An open database with its log and keys."""

    settings: Settings
    database: Database
    keyring: Keyring
    log: Log
    token_keys: TokenKeys
    log_keys: LogKeyFile
    clients: Clients
    accounts: Accounts
    blobs: Blobs
    erasures: ErasureFile
    now: Callable[[], datetime]


@asynccontextmanager
async def open_installation(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    cached_events: int = 50_000,
    erasures_lost: bool = False,
) -> AsyncIterator[Installation]:
    """Start or reach the database, bring it up to date, and open its log and its folder of files.

    Args:
        settings: which database, and where its keys and files are.
        now: the clock.
        cached_events: most events (about 1 kB each) and most people's keys that the log keeps in memory.
        erasures_lost: the file of erasures need not be there, and is not looked at.

    Raises:
        Fault: the database, a folder or a key cannot be used.
    """
    url, secret = settings.database_url, settings.master_key
    async with open_database(
        url.get_secret_value() if url else None, settings.data_dir, pool_size=settings.pool_size
    ) as database:
        await migrate(database)
        await _months_of_access_log(database, now())
        await create(database, READ_MODELS)
        random_bytes = Randomness()
        keys = await open_keys(
            database,
            from_environment=secret.get_secret_value() if secret else None,
            file=settings.master_key_file,
            random_bytes=random_bytes,
        )
        blobs = Blobs(settings.blob_dir)
        token_keys = TokenKeys.load(settings.token_key_file, create=True, issuer=settings.origin)
        log_keys = LogKeyFile(settings.log_key_file, origin=settings.log_origin, make=(now(), os.urandom))
        keyring = Keyring(database, keys, size=cached_events, random_bytes=random_bytes)
        erasures = ErasureFile(settings.erasures_file)
        async with (
            Log(database, keyring, now=now, random_bytes=random_bytes, cached_events=cached_events) as log,
            database.announcements.heard(ERASED, log.forget),
            database.announcements.heard(ERASED, lambda _erased: formats.forget()),
        ):
            if not erasures_lost:
                await make_equal(database, log, erasures, now=now())
            clients = Clients(database, Digests(keys.lookup.access), random_bytes=random_bytes)
            accounts = Accounts.over(database, log, keyring, random_bytes=random_bytes)
            yield Installation(
                settings, database, keyring, log, token_keys, log_keys, clients, accounts, blobs, erasures, now
            )


async def _months_of_access_log(database: Database, now: datetime) -> None:
    """Make the months that begin soon; whatever is in the way, looks are noted all the same, and upkeep tries again."""
    try:
        await make_months(database, now)
    except psycopg.Error as fault:
        logger.warning("the access log's next months are not made yet: %s", first_line(fault))
