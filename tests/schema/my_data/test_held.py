import hashlib
from uuid import UUID

import pytest

from commands.erasure import erase_again
from domain.actor import Role
from domain.docket import Docket
from schema.ids import global_id
from schema.my_data import case, rows
from schema.my_data.document import Form
from schema.my_data.held import HELD, LEFT_OUT, SECTIONS
from schema.my_data.whose import account_of
from tests.conftest import Clock
from tests.files import jpeg, pdf
from tests.house import NOURA, RAJESH, House
from tests.schema.my_data.conftest import NUMBER, SCRIPT, Copy, id_of, whose, written
from tests.stories.test_history import KHALID
from tests.stories.test_violation import SALMAN

TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""


async def test_every_table_is_shown_or_has_a_reason_why_not(house: House) -> None:
    there = {name for (name,) in await house.rows(TABLES)}
    assert there - HELD.keys() - LEFT_OUT.keys() == set()
    assert HELD.keys() & LEFT_OUT.keys() == set()
    assert HELD.keys() - there == set()


async def test_every_section_of_every_table_shows_something_of_somebody(copy: Copy) -> None:
    copies = [await copy(who) for who in (RAJESH, NOURA, SALMAN, KHALID)]
    assert {section for sections in HELD.values() for section in sections} == SECTIONS.keys()
    assert [name for name in SECTIONS if not any(one[name] for one in copies)] == []


async def test_no_row_of_a_table_beside_the_log_is_missing(house: House, copy: Copy) -> None:
    person = await id_of(house, RAJESH)
    found = await copy(RAJESH)
    for table, column, section in (
        ("due", "person_id", "dueDays"),
        ("sessions", "person_id", "sessions"),
        ("outbox", "person_id", "messages"),
        ("challenges", "person_id", "codes"),
        ("sign_ins", "person_id", "refusedSignIns"),
        ("credentials", "person_id", "passwords"),
        ("claims", "owner", "claims"),
        ("access_log", "person_id", "accessLog"),
    ):
        ((count,),) = await house.rows(f"SELECT count(*) FROM {table} WHERE {column} = %s", person)  # noqa: S608
        assert (section, len(found[section])) == (section, count)
        assert count > 0


async def test_every_event_of_the_persons_streams_is_shown_with_its_values(house: House, copy: Copy) -> None:
    person, found = await id_of(house, RAJESH), await copy(RAJESH)
    (visa,), (violation,) = found["visas"], found["violations"]
    histories = {
        "account": found["accountHistory"],
        "docket": found["counts"],
        "visa": visa["events"],
        "violation": violation["events"],
    }
    shown = {int(event["position"]) for history in histories.values() for event in history}
    every = await house.log.read(after=0, limit=1_000)
    streams = {person, Docket.create_id(person)} | {
        one.event.originator_id
        for one in every
        if person in {vars(one.event).get("holder_id"), vars(one.event).get("violator_id")}
    }
    assert shown == {one.position for one in every if one.event.originator_id in streams}
    first = found["accountHistory"][0]
    assert first["title"] == {"ar": "تسجيل المستخدم", "en": "User registered"}
    assert first["data"]["nationalId"] == RAJESH.national_id
    assert first["occurredAt"] == first["recordedAt"] == "2026-03-01T09:00:00.000Z"


async def test_officials_are_shown_by_their_agency_and_others_by_their_id(house: House, copy: Copy) -> None:
    noura, found = await id_of(house, NOURA), await copy(RAJESH)
    by_type = {event["type"]: event for case in (*found["visas"], *found["violations"]) for event in case["events"]}
    assert by_type["Visa.Issued"]["actor"] == {
        "role": "PERSON",
        "isYou": False,
        "channel": "graphql",
        "person": global_id("Person", noura),
    }
    assert by_type["Violation.ObjectionSubmitted"]["actor"] == {
        "role": "PERSON",
        "isYou": True,
        "channel": "graphql",
        "person": global_id("Person", await id_of(house, RAJESH)),
    }
    review = by_type["Violation.ObjectionReviewStarted"]
    assert (review["actor"]["agency"], review["data"]) == ("traffic", {})
    assert str(await id_of(house, SALMAN)) not in str(found)
    assert global_id("Person", await id_of(house, SALMAN)) not in str(found)


async def test_files_are_shown_with_what_they_are_and_how_to_get_them(copy: Copy) -> None:
    (violation,) = (await copy(RAJESH))["violations"]
    picture, letter = violation["files"]
    assert picture == {
        "filename": "camera.jpg",
        "mediaType": "image/jpeg",
        "size": len(jpeg()),
        "sha256": hashlib.sha256(jpeg()).hexdigest(),
    }
    assert letter["sha256"] == hashlib.sha256(pdf(1000)).hexdigest()
    assert f'violation(number: "{NUMBER}")' in violation["howToGetFiles"]


async def test_others_records_are_shown_by_ids_alone(house: House, copy: Copy) -> None:
    rajesh, found = await id_of(house, RAJESH), await copy(NOURA)
    assert [(one["type"], one["person"], one["said"]) for one in found["mentions"]] == [
        ("User.SponsorAssigned", global_id("Person", rajesh), {"relation": "EMPLOYER"}),
        ("Visa.Issued", global_id("Person", rajesh), {"number": "9000000001"}),
    ]
    assert [(one["type"], one["role"]) for one in found["acts"]] == [
        ("Visa.Issued", "PERSON"),
        ("Docket.Opened", "PERSON"),
        ("Docket.VisaOpened", "PERSON"),
    ]
    assert {name for one in found["acts"] for name in one} == {
        "position",
        "id",
        "type",
        "title",
        "occurredAt",
        "recordedAt",
        "role",
    }
    for value in (RAJESH.national_id, RAJESH.name[0], RAJESH.mobile, "P1234567", "2029-01-01"):
        assert value not in str(found)


async def test_a_delegate_is_told_by_whom_and_for_how_long(house: House, copy: Copy) -> None:
    (mention,) = (await copy(RAJESH))["mentions"]
    assert mention["person"] == global_id("Person", await id_of(house, NOURA))
    assert mention["said"] == {"service": "VISA_INQUIRY", "fromDay": "2026-03-01", "untilDay": "2026-03-31"}


async def test_looks_are_shown_to_who_was_looked_at_and_to_who_looked(copy: Copy) -> None:
    look = {
        "role": "PASSPORT_OFFICER",
        "agency": {"ar": "الجوازات", "en": "Passports"},
        "purpose": "COUNTER_REQUEST",
        "caseReference": "C-17",
        "seen": ["PERSON"],
    }
    (seen,) = [one for one in (await copy(RAJESH))["accessLog"] if one["role"] == "PASSPORT_OFFICER"]
    (looked,) = (await copy(KHALID))["looks"]
    assert {**seen, "at": None} == {**look, "at": None}
    del look["caseReference"]  # it tells whose case it was
    assert {**looked, "at": None} == {**look, "at": None}


async def test_no_secret_and_no_number_of_a_session_is_shown(house: House) -> None:
    text = await written(await whose(house, RAJESH), Form.JSON)
    assert "argon2" not in text
    for (id,) in await house.rows("SELECT id FROM sessions UNION ALL SELECT id FROM challenges"):
        assert str(id) not in text


async def test_what_is_recorded_afterwards_is_not_in_it(house: House, now: Clock) -> None:
    before = await whose(house, RAJESH)
    first = await written(before, Form.JSON)
    now.advance(minutes=1)
    await house.appoint(RAJESH, Role.AUDITOR)
    assert await written(before, Form.JSON) == first


async def test_pages_of_any_size_show_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await whose(house, RAJESH)
    whole = {form: await written(found, form) for form in Form}
    for module, name in ((case, "AT_ONCE"), (case, "CASES_AT_ONCE"), (rows, "AT_ONCE")):
        monkeypatch.setattr(module, name, 1)
    assert {form: await written(found, form) for form in Form} == whole


async def test_there_is_no_copy_for_nobody_and_for_the_erased(house: House) -> None:
    head = await house.log.head()
    assert await account_of(house.log, UUID(int=1), head) is None
    rajesh = await id_of(house, RAJESH)
    assert await account_of(house.log, rajesh, head) is not None
    assert await erase_again(house.log, rajesh, now=house.now())
    assert await account_of(house.log, rajesh, head) is None
    assert await account_of(house.log, rajesh, await house.log.head()) is None


async def test_what_somebody_wrote_is_in_json_as_they_wrote_it(copy: Copy) -> None:
    (violation,) = (await copy(RAJESH))["violations"]
    statements = [event["data"].get("statement") for event in violation["events"]]
    assert SCRIPT in statements
