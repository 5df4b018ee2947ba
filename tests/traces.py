"""Somebody of whom every personal value there can be is recorded, and a search for traces of these values."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.address import NationalAddress
from domain.attachment import Attachment
from domain.docket import Docket
from domain.objection import CourtOutcome, ObjectionOutcome
from domain.personal import personal_fields
from domain.text import Text
from domain.user import User
from domain.violation import Violation
from domain.visa import Visa
from domain.visa_terms import VisaBasis, VisaType, terms
from store.blobs import Blobs, held_by
from store.change import Claim
from store.database import Database
from store.log import Log
from store.work import Work
from tests.examples import asks, noon, objects, pays, person, reviews, rules_in_court, supplies
from tests.examples import violation as recorded_violation
from tests.house import SETUP

YOUSEF: Final = UUID("00000000-0000-4000-8000-00000000beef")
NATIONAL_ID: Final = "2855690703"
SHORTEST: Final = 6  # characters: what is shorter is found anywhere by chance
NO_TRACE: Final = frozenset({"image/png", "application/pdf"})  # says nothing about anybody


def content(name: str) -> bytes:
    """A file of his."""
    return f"%PDF-1.7 the scanned {name} of Yousef".encode()


def attachment(name: str) -> Attachment:
    data = content(name)
    digest = hashlib.sha256(data).digest()
    return Attachment(filename=f"{name}-yousef.pdf", media_type="application/pdf", size=len(data), sha256=digest)


def explained(number: int) -> Text:
    return Text(f"نظرنا في أقوال يوسف رقم {number}", f"We looked at what Yousef said, number {number}")


def account() -> User:
    user = person(
        YOUSEF,
        national_id=NATIONAL_ID,
        username="yousef.ghamdi",
        name_ar="يوسف الغامدي",
        name_en="Yousef Alghamdi",
        mobile="+966577123987",
        email="yousef.first@example.sa",
    )
    user.correct_name(
        Text("يوسف بن سعد الغامدي", "Yousef S. Alghamdi"), "Birth certificate 778812", now=noon("2026-01-02")
    )
    address = NationalAddress(
        "7596",
        Text("شارع الأمير يوسف", "Prince Yousef Street"),
        Text("حي اليوسفية", "Yousefiyah"),
        Text("مدينة يوسف", "Yousef City"),
        "12331",
        "3241",
        "5",
        "RYYA7596",
    )
    user.change_address(address, now=noon("2026-01-02"))
    user.change_email("yousef.second@example.sa", now=noon("2026-01-02"))
    user.change_mobile("+966588456321", now=noon("2026-01-02"))
    return user


def cases() -> list[Violation]:
    """Violations that came to every end that says something about him; none is open."""
    found = []
    for number, outcome in enumerate(ObjectionOutcome, 1):
        its = recorded_violation(
            f"700000000{number}",
            violator_id=YOUSEF,
            location_ar=f"أمام بيت يوسف {number}",
            location_en=f"In front of Yousef's house {number}",
            plate=f"XZV770{number}",
            fine=Decimal("300.00"),
            evidence=[attachment(f"photo{number}")],
        )
        objects(
            its,
            "2026-01-10",
            Docket.open(YOUSEF, now=noon("2026-01-01")),
            statement=f"Yousef was at home, statement {number}",
            attachments=[attachment(f"deed{number}")],
        )
        reviews(its, "2026-01-11")
        asks(its, "2026-01-12", f"Who else lives with Yousef? {number}")
        supplies(its, "2026-01-13", f"Yousef's brother, answer {number}", attachment(f"letter{number}"))
        its.decide_objection(
            outcome,
            explanation=explained(number),
            modified_fine=Decimal("200.00") if outcome is ObjectionOutcome.FINE_MODIFIED else None,
            officer_id=UUID(int=7),
            now=noon("2026-01-14"),
        )
        found.append(its)
    rejected = found[-1]
    rejected.appeal_objection("Yousef asks the court, grounds", now=noon("2026-01-15"))
    rules_in_court(rejected, CourtOutcome.UPHELD, "2026-01-16")
    pays(rejected, "300.00", "2026-01-17")
    return found


def visa() -> Visa:
    allowed = terms(
        VisaType.SINGLE, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=noon("2026-01-10").date()
    )
    return Visa.issue(
        "6000000077",
        holder_id=YOUSEF,
        sponsor_id=None,
        terms=allowed,
        passport_number="Y7788991",
        passport_expires_on=date(2029, 1, 10),
        iqama_expires_on=date(2028, 1, 10),
        replaces=None,
        now=noon("2026-01-10"),
    )


def everything() -> list[Aggregate]:
    """His account and cases, nothing recorded yet."""
    return [account(), visa(), *cases()]


async def record(log: Log, blobs: Blobs | None = None) -> list[Any]:
    """Record all of it, with claims, a password and files; the events."""
    work = Work(log)
    work.change.people.append(YOUSEF)
    work.change.credentials[YOUSEF] = "$argon2id$of-yousef"
    events: list[Any] = []
    for aggregate in everything():
        events += aggregate.pending_events
        work.add(aggregate)
    for claim in (
        Claim("national_id", NATIONAL_ID),
        Claim("username", "yousef.ghamdi"),
        Claim("mobile", "+966588456321"),
        Claim("email", "yousef.second@example.sa"),
    ):
        work.claim(claim, YOUSEF)
    files = [value for event in events for value in _leaves(event) if isinstance(value, Attachment)]
    work.change.statements.append(held_by(YOUSEF, files))
    for file in files if blobs else ():
        assert blobs is not None
        place = blobs.place(file.sha256)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content(file.filename.removesuffix("-yousef.pdf")))
    work.record(SETUP, correlation_id=work.new_id())
    await work.append()
    return events


def values_of(events: Iterable[Any]) -> dict[tuple[str, str], set[bytes]]:
    """By event class and personal field: its values that are long enough to be searched for, as bytes."""
    found: dict[tuple[str, str], set[bytes]] = {}
    for event in events:
        kind: Any = type(event)
        for name in personal_fields(kind):
            key = (kind.__qualname__, name)
            found.setdefault(key, set()).update(_bytes(getattr(event, name)))
    return found


def _bytes(value: Any) -> Iterator[bytes]:
    for leaf in _leaves(value):
        if isinstance(leaf, bytes):
            yield leaf
        elif isinstance(leaf, str) and len(leaf) >= SHORTEST and leaf not in NO_TRACE:
            yield leaf.encode()


def _leaves(value: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield value
    if is_dataclass(value):
        for field in fields(value):
            yield from _leaves(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)


def written(value: bytes) -> set[bytes]:
    """The ways in which a value can stand in a file: as it is, escaped in JSON, in hex, in base64 at each of three places."""
    ways = {value, value.hex().encode(), value.hex().upper().encode()}
    for offset in range(3):
        start = 4 if offset else 0  # what stands before and behind it has a part in the characters at its ends
        coded = base64.b64encode(bytes(offset) + value)
        end = len(coded) - 4 if coded.endswith(b"=") else len(coded)
        if len(part := coded[start:end]) >= SHORTEST:
            ways |= {part, part.replace(b"+", b"-").replace(b"/", b"_")}
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ways
    return ways | {json.dumps(text)[1:-1].encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode()}


def traces(values: Iterable[bytes], contents: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Where a value is found: the name of a content, and the value."""
    ways = [(value, way) for value in values for way in written(value)]
    return [(name, value) for name, data in contents for value, way in ways if way in data]


def files_in(*folders: Path, but: Iterable[Path] = ()) -> Iterator[tuple[str, bytes]]:
    """Every file in some folders, with its name: names of files are searched, too."""
    left_out = tuple(map(str, but))
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not str(path).startswith(left_out or ("\0",)):
                yield str(path), path.name.encode() + b"\n" + path.read_bytes()


async def dumped(database: Database, *tables: str) -> list[tuple[str, bytes]]:
    """Tables in text (none named: all that there are), each with its name."""
    found = []
    async with database.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
        names = tables or [name for (name,) in await cursor.fetchall()]
        for name in names:
            sql = f"COPY (SELECT * FROM {name}) TO STDOUT (FORMAT csv)"  # noqa: S608 (names of tables)
            async with connection.cursor().copy(sql.encode()) as rows:
                found.append((name, b"".join([bytes(part) async for part in rows])))
    return found
