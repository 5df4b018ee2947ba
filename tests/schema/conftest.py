"""The endpoint over a fresh database, and rows of the read models to read through it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg
import pytest
from strawberry import Schema

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from commands.account import Accounts
from domain.actor import Role
from domain.delegation import DelegatedService
from domain.docket import Docket
from domain.dues import ViolationStatus
from domain.formats import PersonKind
from domain.objection import ObjectionReason, ObjectionStatus
from domain.text import Text
from domain.user import AccountStatus, Language, SponsorRelation
from domain.violation import Violation, ViolationSource
from domain.visa import Visa
from domain.visa_terms import VisaBasis, VisaStatus, VisaType
from projections import READ_MODELS
from projections.access_log import Reads
from projections.docket import DocketRow, Dockets
from projections.person import DelegationEntry, People, PersonRow, Sponsor
from projections.read_model import ReadModel, Row
from projections.tables import create
from projections.updates import Updates
from projections.violation import ViolationRow, Violations
from projections.visa import VisaRow, Visas
from schema.app import GraphQLApp
from schema.context import Services
from schema.document import Documents
from store.blobs import Blobs
from store.database import Database, open_database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock, Databases
from tests.feeds import valid_id
from tests.house import erasure_file
from tests.looks import forget_looks

POSITION = 42


@dataclass
class StandingStill:
    """Read models that are where a test says they are."""

    position: int = POSITION
    not_current: frozenset[UUID] = frozenset()

    def has_seen(self, position: int) -> bool:
        return self.position >= position

    async def wait_for(self, position: int, seconds: float) -> bool:
        assert seconds == 2.0
        return self.position >= position


@dataclass
class Answer:
    """An answer of the endpoint."""

    status: int
    headers: httpx.Headers
    body: Any

    @property
    def data(self) -> Any:
        assert self.errors == []
        return self.body["data"]

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The errors as (path, code)."""
        return [
            (".".join(map(str, error.get("path", []))), error["extensions"]["code"])
            for error in self.body.get("errors", [])
        ]


def serve(app: GraphQLApp, schema: Schema) -> None:
    """Have another schema served."""
    app.schema, app._documents = schema, Documents(schema, trusted={})


@dataclass
class Api:
    """Asks the endpoint as somebody."""

    client: httpx.AsyncClient
    keys: TokenKeys
    now: Clock
    followed: StandingStill
    app: GraphQLApp
    blobs: Blobs
    headers: dict[str, str] = field(default_factory=lambda: {"Accept-Language": "en"})

    def token(self, person_id: UUID | None, *, agency: str | None = None) -> str:
        return self.keys.issue(person_id, now=self.now(), seconds=300, agency=agency)

    async def ask(
        self,
        query: str,
        reader: PersonRow | None = None,
        *,
        purpose: str | None = None,
        headers: dict[str, str] | None = None,
        **variables: Any,
    ) -> Answer:
        sent = {**self.headers, **(headers or {})}
        if reader is not None:
            sent["Authorization"] = f"Bearer {self.token(reader.id)}"
        if purpose is not None:
            sent["Purpose"] = purpose
        encoded = [(name.encode(), value.encode()) for name, value in sent.items()]
        response = await self.client.post("/", json={"query": query, "variables": variables}, headers=encoded)
        return Answer(response.status_code, response.headers, response.json())


@pytest.fixture(scope="session")
def database_url(databases: Databases) -> Iterator[str]:
    """One database with the read models' tables for all of these tests; each begins with empty ones."""

    async def make(url: str) -> None:
        async with open_database(url, Path(), pool_size=1) as database:
            await create(database, READ_MODELS)

    name = databases.fresh()
    with ThreadPoolExecutor(1) as apart:  # a loop of its own: the tests' loops come and go
        apart.submit(asyncio.run, make(databases.url(name))).result()
    yield databases.url(name)
    databases.drop_later(name)


@pytest.fixture
async def api(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[Api]:
    await forget_looks(database)
    async with database.pool.connection() as connection:
        await connection.execute("TRUNCATE " + ", ".join(model.table for model in READ_MODELS))
    keys = TokenKeys.load(tmp_path / "token.jwk", create=True)
    followed = StandingStill()
    page = tmp_path / "index.html"
    page.write_text("<!doctype html><title>GraphiQL</title>")
    accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
    services = Services(
        pool=database.pool,
        announcements=database.announcements,
        accounts=accounts,
        followed=followed,
        token_keys=keys,
        access_token_seconds=300,
        blobs=Blobs(tmp_path / "blobs"),
        erasures=erasure_file(tmp_path),
        updates=Updates(log, database, followed),
        reads=Reads(database, now=now),
    )
    clients = Clients(database, Digests(keyring.keys.lookup.access))
    app = GraphQLApp(services=services, is_active=clients.is_active, now=now, graphiql=page)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://sijil") as client:
        yield Api(client, keys, now, followed, app, services.blobs)


# Rows

_numbers = count(1)
ISSUED = datetime(2026, 1, 10, 7, tzinfo=UTC)


def person(*roles: Role, name: str = "Rajesh Kumar", national_id: str | None = None, **values: Any) -> PersonRow:
    number = next(_numbers)
    row = PersonRow(
        id=uuid4(),
        kind=PersonKind.RESIDENT,
        status=AccountStatus.ACTIVE,
        language=Language.EN,
        national_id=national_id or valid_id(number),
        username=f"user{number}",
        name=Text("راجيش كومار", name),
        mobile=f"+9665{number:08d}",
        email=f"user{number}@example.sa",
        roles=[Role.PERSON, *roles],
        sponsors=[],
        sponsor_ids=[],
        address=None,
        locked_until=None,
        delegations=[],
        delegate_ids=[],
    )
    return msgspec.structs.replace(row, **values)


def sponsored(sponsor: PersonRow, relation: SponsorRelation = SponsorRelation.EMPLOYER, **values: Any) -> PersonRow:
    return person(sponsors=[Sponsor(sponsor.id, relation)], sponsor_ids=[sponsor.id], **values)


def delegating(*delegations: DelegationEntry, **values: Any) -> PersonRow:
    """Somebody who has granted these, from the oldest to the newest."""
    delegates = list(dict.fromkeys(delegation.delegate_id for delegation in delegations))
    return person(delegations=list(delegations), delegate_ids=delegates, **values)


def delegated(
    delegate: PersonRow,
    from_day: date = date(2026, 3, 1),
    until_day: date = date(2026, 3, 31),
    *,
    granted_at: datetime = datetime(2026, 2, 20, 8, tzinfo=UTC),
) -> DelegationEntry:
    """A delegation for March, which is now."""
    return DelegationEntry(uuid4(), delegate.id, DelegatedService.VISA_INQUIRY, from_day, until_day, granted_at)


def visa(holder: PersonRow, *, number: str | None = None, **values: Any) -> VisaRow:
    """Months-based, 60 days, issued on 10 January 2026 and not used."""
    number = number or f"{6_000_000_000 + next(_numbers)}"
    row = VisaRow(
        id=Visa.create_id(number),
        number=number,
        holder_id=holder.id,
        sponsor_id=holder.sponsor_ids[0] if holder.sponsor_ids else None,
        type=VisaType.SINGLE,
        basis=VisaBasis.MONTHS,
        duration_days=60,
        status=VisaStatus.ISSUED,
        status_since=ISSUED,
        issued_at=ISSUED,
        issued_on=date(2026, 1, 10),
        exit_before=date(2026, 4, 10),
        return_before=None,
        fee=Decimal("200.00"),
        passport_number="A1234567",
        replaces=None,
        movements=[],
        extensions=[],
        penalties=[],
    )
    return msgspec.structs.replace(row, **values)


def violation(violator: PersonRow, *, number: str | None = None, **values: Any) -> ViolationRow:
    """Speeding, fined SAR 300, notified on 20 February 2026."""
    number = number or f"V{next(_numbers):06d}"
    row = ViolationRow(
        id=Violation.create_id(number),
        number=number,
        violator_id=violator.id,
        type_code="SPEED_120_OVER_20",
        source=ViolationSource.SAHER,
        status=ViolationStatus.NOTIFIED,
        status_since=datetime(2026, 2, 20, 8, tzinfo=UTC),
        occurred_at=datetime(2026, 2, 18, 8, tzinfo=UTC),
        recorded_at=datetime(2026, 2, 19, 8, tzinfo=UTC),
        recorded_on=date(2026, 2, 19),
        location=Text("طريق الملك فهد", "King Fahd Road"),
        plate="ABD1234",
        fine=Decimal("300.00"),
        min_fine=Decimal("300.00"),
        points=4,
        discountable=True,
        discount_granted=Decimal("0.00"),
        paid=Decimal("0.00"),
        refund_due=Decimal("0.00"),
        refunded=Decimal("0.00"),
        notified_on=date(2026, 2, 20),
        object_before=date(2026, 3, 22),
        pay_before=date(2026, 4, 6),
        discount_before=date(2026, 4, 6),
        extended_on=None,
        extended_before=None,
        replaces=None,
        evidence=[],
    )
    return msgspec.structs.replace(row, **values)


def objected(
    violator: PersonRow,
    status: ObjectionStatus = ObjectionStatus.SUBMITTED,
    *,
    submitted_at: datetime = datetime(2026, 2, 25, 9, tzinfo=UTC),
    **values: Any,
) -> ViolationRow:
    """A violation that was objected to."""
    return violation(
        violator,
        status=ViolationStatus.UNDER_OBJECTION,
        objection_version=3,
        objection_status=status,
        objection_status_since=submitted_at,
        objection_reason=ObjectionReason.PLATE_MISREAD,
        objection_statement="Not my plate.",
        objection_submitted_at=submitted_at,
        objection_event_id=uuid4(),
        **values,
    )


def docket(of: PersonRow, **values: Any) -> DocketRow:
    row = DocketRow(Docket.create_id(of.id), of.id, [], [], [], [], [], {})
    return msgspec.structs.replace(row, **values)


MODELS: dict[type[Row], ReadModel[Any]] = {
    PersonRow: People(),
    VisaRow: Visas(),
    ViolationRow: Violations(),
    DocketRow: Dockets(),
}

Keep = Callable[..., Any]
Looks = Callable[[], Any]


@pytest.fixture
def keep(api: Api, database: Database) -> Keep:  # noqa: ARG001 (the tables come with the endpoint)
    """Write rows into their tables."""

    async def write(*rows: Row) -> None:
        async with database.pool.connection() as connection:
            for kind, model in MODELS.items():
                mine = {row.id: row for row in rows if type(row) is kind}
                if mine:
                    await model.save(connection, list(mine.values()))

    return write


@pytest.fixture
def looks(database: Database) -> Callable[[], Any]:
    """What the access log holds: (person, viewer, role, agency, purpose, case reference, seen), in a fixed order."""

    async def read() -> Sequence[tuple[Any, ...]]:
        async with database.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT person_id, viewer_id, role, agency, purpose, case_reference, seen FROM access_log "
                "ORDER BY at, person_id, seen"
            )
            return await cursor.fetchall()

    return read


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent to the database inside the block."""
    sent: list[str] = []
    execute = psycopg.AsyncCursor.execute

    async def counting(self: psycopg.AsyncCursor[Any], query: Any, *args: Any, **options: Any) -> Any:
        sent.append(query.decode() if isinstance(query, bytes) else str(query))
        return await execute(self, query, *args, **options)

    with mock.patch.object(psycopg.AsyncCursor, "execute", counting):
        yield sent


@asynccontextmanager
async def without_table(database: Database, table: str) -> AsyncIterator[None]:
    """A fault: one table is not there inside the block."""
    async with database.pool.connection() as connection:
        await connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
    try:
        yield
    finally:
        async with database.pool.connection() as connection:
            await connection.execute(f"ALTER TABLE hidden RENAME TO {table}")
