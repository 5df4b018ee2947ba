from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper
from psycopg.conninfo import conninfo_to_dict

from store.codec import Keys
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from store.mapper import LogMapper
from tests.store.ledger import Counter, Ledger, change_of

ONE, TWO = (UUID(int=number, version=4) for number in (1, 2))


def application(database: Database, keys: Keys) -> Application[UUID]:
    class Sijil(Application[UUID]):
        name = "sijil"

        def construct_mapper(self) -> Mapper[UUID]:
            return LogMapper(keys)

    server = conninfo_to_dict(database.url)
    return Sijil(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "CREATE_TABLE": "n",
            "POSTGRES_DBNAME": str(server["dbname"]),
            "POSTGRES_HOST": str(server["host"]),
            "POSTGRES_PORT": str(server.get("port", 5432)),
            "POSTGRES_USER": str(server["user"]),
            "POSTGRES_PASSWORD": str(server.get("password", "")),
        }
    )


async def test_a_stock_application_replays_the_log(log: Log, database: Database, keyring: Keyring) -> None:
    ledger, counter = Ledger.open(ONE), Counter.start(TWO)
    ledger.deposit(5)
    ledger.share(ONE, "Rajesh")
    change = change_of(ledger, counter)
    change.people = [ONE]
    await log.append(change)
    keys = await keyring.load([ONE])

    with application(database, keys.get) as app:
        replayed: list[Aggregate] = [app.repository.get(ONE), app.repository.get(TWO)]
        notifications = app.notification_log.select(1, 10)

    assert replayed == list((await log.load([ONE, TWO])).values())
    assert [(one.id, one.originator_id, one.originator_version) for one in notifications] == [
        (1, ONE, 1),
        (2, ONE, 2),
        (3, ONE, 3),
        (4, TWO, 1),
    ]
    assert [LogMapper(keys.get).to_domain_event(one) for one in notifications] == [
        recorded.event for recorded in await log.read(after=0, limit=10)
    ]


async def test_without_keys_a_stock_application_replays_all_but_personal_data(log: Log, database: Database) -> None:
    change = change_of(Ledger.open(ONE))
    change.people = [ONE]
    await log.append(change)

    with application(database, lambda _: None) as app:
        ledger: Ledger = app.repository.get(ONE)

    assert (ledger.version, ledger.owner, ledger.currency) == (1, None, "SAR")


def test_a_stock_application_cannot_write_to_the_log() -> None:
    event = change_of(Counter.start(ONE)).entries[0].event

    with pytest.raises(NotImplementedError, match="only the log records"):
        LogMapper().to_stored_event(event)
