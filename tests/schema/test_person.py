from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.actor import Role
from domain.user import AccountStatus, SponsorRelation
from projections.person import DelegationEntry, PersonRow
from tests.conftest import Clock
from tests.examples import ADDRESS
from tests.schema.conftest import (
    Api,
    Keep,
    counted,
    delegated,
    delegating,
    docket,
    objected,
    person,
    sponsored,
    violation,
    visa,
)
from tests.schema.test_node import known_as

ME = """{ me { name { ar en text } nationalId kind username roles language status mobile email
  person { nationalId name { text } status roles } } }"""


async def test_i_see_my_own_account(api: Api, keep: Keep) -> None:
    rajesh = person(national_id="2502032556")
    await keep(rajesh)

    answer = await api.ask(ME, rajesh)

    assert answer.data == {
        "me": {
            "name": {"ar": "راجيش كومار", "en": "Rajesh Kumar", "text": "Rajesh Kumar"},
            "nationalId": "2502032556",
            "kind": "RESIDENT",
            "username": rajesh.username,
            "roles": ["PERSON"],
            "language": "EN",
            "status": "ACTIVE",
            "mobile": rajesh.mobile,
            "email": rajesh.email,
            "person": {
                "nationalId": "2502032556",
                "name": {"text": "Rajesh Kumar"},
                "status": "ACTIVE",
                "roles": ["PERSON"],
            },
        }
    }


async def test_an_account_is_in_arabic_without_a_word_about_it(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)

    answer = await api.ask("{ me { name { text } } }", rajesh, headers={"Accept-Language": ""})

    assert answer.data == {"me": {"name": {"text": "راجيش كومار"}}}


async def test_the_dashboard_is_three_statements_with_authentication(api: Api, keep: Keep) -> None:
    rajesh = sponsored(person())
    await keep(rajesh, *(visa(rajesh) for _ in range(3)), *(violation(rajesh) for _ in range(4)), objected(rajesh))

    with counted() as statements:
        answer = await api.ask(
            """{ me { name { text }
            visas(first: 3) { totalCount edges { node { number statusLabel { text } holder { name { text } }
                deadlines { kind on { gregorian hijri } daysLeft } } } }
            violations(first: 5) { totalCount edges { node { number amountDue violator { name { text } }
                deadlines { kind daysLeft } objection { number statusLabel { text } } } } } } }""",
            rajesh,
        )

    assert answer.data["me"]["visas"]["totalCount"] == 3
    assert answer.data["me"]["violations"]["totalCount"] == 5
    assert len(statements) == 3


async def test_a_remembered_reader_is_read_again_for_me_after_the_record_went_on(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh)
    query = "{ me { username person { nationalId } } }"

    counts = []
    for moved in (0, 0, 1):
        api.followed.position += moved
        with counted() as statements:
            await api.ask(query, rajesh)
        counts.append(len(statements))

    assert counts == [1, 0, 1]


async def test_sponsors_ask_about_those_they_sponsor(api: Api, keep: Keep) -> None:
    noura = person(name="Noura Al-Qahtani")
    worker = sponsored(noura, SponsorRelation.EMPLOYER, name="Rajesh Kumar")
    child = sponsored(noura, SponsorRelation.HEAD_OF_HOUSEHOLD, name="Layla Kumar")
    stranger = sponsored(person())
    await keep(noura, worker, child, stranger)
    query = """query($relation: Relation, $id: String) { me {
        mayAskAbout(first: 10, relation: $relation, nationalId: $id) {
            totalCount edges { relation node { name { en } nationalId status roles } } } } }"""

    async def found(relation: str | None = None, id: str | None = None) -> list[tuple[str, str]]:
        listed = (await api.ask(query, noura, relation=relation, id=id)).data["me"]["mayAskAbout"]
        assert listed["totalCount"] == len(listed["edges"])
        return sorted((edge["node"]["name"]["en"], edge["relation"]) for edge in listed["edges"])

    layla, rajesh = ("Layla Kumar", "HEAD_OF_HOUSEHOLD"), ("Rajesh Kumar", "EMPLOYER")
    assert await found() == [layla, rajesh]
    assert await found(relation="EMPLOYER") == [rajesh]
    assert await found(relation="HEAD_OF_HOUSEHOLD", id=child.national_id) == [layla]
    assert await found(relation="EMPLOYER", id=child.national_id) == []
    assert await found(relation="DELEGATE") == []
    assert await found(id=stranger.national_id) == []


NO_UNIT = replace(ADDRESS, unit_number=None, short_address=None)
MY_ADDRESS = """{ me { address { buildingNumber street { ar en } district { text } city { en } postalCode additionalNumber
    unitNumber shortAddress } } }"""


async def test_i_see_my_address(api: Api, keep: Keep) -> None:
    rajesh, noura, salman = person(address=ADDRESS), person(address=NO_UNIT), person()
    await keep(rajesh, noura, salman)

    shown = [(await api.ask(MY_ADDRESS, reader)).data["me"]["address"] for reader in (rajesh, noura, salman)]

    whole = {
        "buildingNumber": "7596",
        "street": {"ar": "شارع العليا", "en": "Al Olaya Street"},
        "district": {"text": "Al Olaya"},
        "city": {"en": "Riyadh"},
        "postalCode": "12331",
        "additionalNumber": "3241",
        "unitNumber": "5",
        "shortAddress": "RRRD7596",
    }
    assert shown == [whole, whole | {"unitNumber": None, "shortAddress": None}, None]


async def test_a_lock_shows_until_it_is_over(api: Api, keep: Keep, now: Clock) -> None:
    hind, rajesh = person(Role.ADMINISTRATOR), person(locked_until=now() + timedelta(minutes=30))
    erased = person(status=AccountStatus.ERASED, locked_until=now() + timedelta(minutes=30))
    await keep(hind, rajesh, erased)
    query = "query($id: String!) { person(nationalId: $id) { status } }"

    async def status(national_id: str | None) -> Any:
        return (await api.ask(query, hind, purpose="SUPPORT", id=national_id)).data["person"]["status"]

    assert (await api.ask("{ me { status person { status } } }", rajesh)).data["me"] == {
        "status": "LOCKED",
        "person": {"status": "LOCKED"},
    }
    assert (await status(rajesh.national_id), await status(erased.national_id)) == ("LOCKED", "ERASED")
    now.advance(minutes=30)
    assert (await status(rajesh.national_id), await status(erased.national_id)) == ("ACTIVE", "ERASED")


async def test_delegates_ask_about_those_who_delegated_to_them_while_that_holds(
    api: Api, keep: Keep, now: Clock
) -> None:
    salman = person(name="Salman Al-Shehri")
    first, last = date(2026, 3, 1), date(2026, 3, 2)
    noura = delegating(delegated(salman, first, last), name="Noura Al-Qahtani")
    rajesh = delegating(delegated(salman, last, last), delegated(salman, last, last))
    gone = delegating(delegated(salman, first, last), status=AccountStatus.ERASED)
    both = delegating(delegated(salman, first, last), name="Layla Kumar")
    both.sponsors, both.sponsor_ids = sponsored(salman).sponsors, [salman.id]
    await keep(salman, noura, rajesh, gone, both, delegating(delegated(rajesh, first, last)))
    query = """query($relation: Relation, $id: String) { me {
        mayAskAbout(first: 10, relation: $relation, nationalId: $id) {
            totalCount edges { relation node { name { en } nationalId status roles } } } } }"""

    async def found(relation: str | None = None, id: str | None = None) -> list[tuple[str, str]]:
        listed = (await api.ask(query, salman, relation=relation, id=id)).data["me"]["mayAskAbout"]
        assert listed["totalCount"] == len(listed["edges"])
        assert {edge["node"]["status"] for edge in listed["edges"]} <= {None}
        return sorted((edge["node"]["name"]["en"], edge["relation"]) for edge in listed["edges"])

    layla, hers, his = ("Layla Kumar", "EMPLOYER"), ("Noura Al-Qahtani", "DELEGATE"), ("Rajesh Kumar", "DELEGATE")
    assert await found() == [layla, hers]
    assert await found(relation="DELEGATE") == [hers]
    assert await found(relation="DELEGATE", id=noura.national_id) == [hers]
    assert await found(relation="DELEGATE", id=rajesh.national_id) == []
    assert await found(relation="EMPLOYER") == [layla]
    now.advance(days=1)
    assert await found() == [layla, hers, his]
    now.advance(days=1)
    assert await found() == [layla]


DELEGATIONS = """{ me { delegations { id from until service active
    delegator { name { en } nationalId status } delegate { name { en } nationalId status } } } }"""


async def test_i_see_what_i_delegated_and_what_was_delegated_to_me(api: Api, keep: Keep) -> None:
    rajesh, salman = person(), person(name="Salman Al-Shehri")
    mine = delegated(salman, date(2026, 3, 2), date(2026, 3, 9), granted_at=datetime(2026, 2, 28, 9, tzinfo=UTC))
    hers = delegated(rajesh, date(2026, 2, 1), date(2026, 3, 1), granted_at=datetime(2026, 2, 28, 8, tzinfo=UTC))
    rajesh.delegations, rajesh.delegate_ids = [mine], [salman.id]
    noura = delegating(delegated(salman), hers, name="Noura Al-Qahtani")
    gone = delegating(delegated(rajesh), status=AccountStatus.ERASED)
    await keep(rajesh, salman, noura, gone)
    await api.ask("{ me { id } }", rajesh)

    with counted() as statements:
        shown = (await api.ask(DELEGATIONS, rajesh)).data["me"]["delegations"]

    assert [one.pop("id") != "" for one in shown] == [True, True]
    me = {"name": {"en": "Rajesh Kumar"}, "nationalId": rajesh.national_id, "status": "ACTIVE"}
    assert shown == [
        {
            "from": "2026-03-02",
            "until": "2026-03-09",
            "service": "VISA_INQUIRY",
            "active": False,
            "delegator": me,
            "delegate": {"name": {"en": "Salman Al-Shehri"}, "nationalId": salman.national_id, "status": None},
        },
        {
            "from": "2026-02-01",
            "until": "2026-03-01",
            "service": "VISA_INQUIRY",
            "active": True,
            "delegator": {"name": {"en": "Noura Al-Qahtani"}, "nationalId": noura.national_id, "status": None},
            "delegate": me,
        },
    ]
    assert len(statements) == 2


async def test_the_hundred_delegations_that_are_not_over_or_newest_are_shown(api: Api, keep: Keep) -> None:
    rajesh, salman = person(), person(name="Salman Al-Shehri")

    def granted(number: int, until: date, to: PersonRow = rajesh) -> DelegationEntry:
        granted_at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=number)
        return delegated(to, date(2026, 2, 1), until, granted_at=granted_at)

    over, still = date(2026, 2, 28), date(2026, 3, 1)
    received = [granted(number, still if number % 3 == 0 else over) for number in range(150)]
    mine = [granted(-1, still, salman), granted(1000, over, salman)]
    rajesh.delegations, rajesh.delegate_ids = mine, [salman.id]
    await keep(rajesh, salman, delegating(*received[:75]), delegating(*received[75:]))

    shown = (await api.ask("{ me { delegations { id } } }", rajesh)).data["me"]["delegations"]

    in_order = [
        *(one for one in reversed(received) if one.until_day == still),
        mine[0],
        mine[1],
        *(one for one in reversed(received) if one.until_day == over),
    ]
    assert [one["id"] for one in shown] == [known_as("Delegation", one) for one in in_order[:100]]


async def test_the_parties_of_a_delegation_know_each_other_also_when_it_is_over(api: Api, keep: Keep) -> None:
    salman, stranger = person(name="Salman Al-Shehri"), person()
    noura = delegating(delegated(salman, date(2026, 1, 1), date(2026, 1, 2)), name="Noura Al-Qahtani")
    await keep(salman, stranger, noura, visa(noura))
    shown = (await api.ask("{ me { delegations { delegator { id } delegate { id } } } }", noura)).data["me"]
    (parties,) = shown["delegations"]
    query = (
        """query($id: ID!) { node(id: $id) { ... on Person { name { en } status visas(first: 1) { totalCount } } } }"""
    )

    async def seen(reader: Any, who: str) -> Any:
        return (await api.ask(query, reader, id=parties[who]["id"])).data["node"]

    assert await seen(noura, "delegate") == {"name": {"en": "Salman Al-Shehri"}, "status": None, "visas": None}
    assert await seen(salman, "delegator") == {"name": {"en": "Noura Al-Qahtani"}, "status": None, "visas": None}
    assert (await seen(stranger, "delegate"), await seen(stranger, "delegator")) == (None, None)


async def test_the_quota_counts_this_hijri_years_rejections(api: Api, keep: Keep) -> None:
    rajesh, noura = person(), person()
    its = objected(rajesh)
    rejections = {"V1": date(2026, 2, 1), "V2": date(2025, 7, 1), "V3": date(2025, 6, 1)}  # 1447 began on 2025-06-26
    await keep(rajesh, noura, its, docket(rajesh, open_objections=[its.number], rejections=rejections))
    query = "{ me { objectionQuota { active { number } rejectedThisHijriYear limit hijriYear mayObject } } }"

    assert (await api.ask(query, rajesh)).data["me"]["objectionQuota"] == {
        "active": {"number": f"O{its.number}"},
        "rejectedThisHijriYear": 2,
        "limit": 5,
        "hijriYear": 1447,
        "mayObject": False,
    }
    assert (await api.ask(query, noura)).data["me"]["objectionQuota"] == {
        "active": None,
        "rejectedThisHijriYear": 0,
        "limit": 5,
        "hijriYear": 1447,
        "mayObject": True,
    }


@pytest.mark.parametrize("number", ["", "1000000000", "abc", "2" * 5_000, "2502032556\0"])
async def test_what_cannot_be_an_id_number_is_told_so(api: Api, keep: Keep, number: str) -> None:
    khalid = person(Role.PASSPORT_OFFICER)
    await keep(khalid)

    answer = await api.ask(
        "query($id: String!) { person(nationalId: $id) { id } }", khalid, purpose="COUNTER_REQUEST", id=number
    )

    assert answer.errors == [("person", "BAD_USER_INPUT")]
    assert answer.body["errors"][0]["message"] == "The ID number is not valid"


async def test_an_unknown_number_is_nobody(api: Api, keep: Keep) -> None:
    khalid = person(Role.PASSPORT_OFFICER)
    await keep(khalid)

    answer = await api.ask('{ person(nationalId: "2502032556") { id } }', khalid, purpose="COUNTER_REQUEST")

    assert answer.data == {"person": None}
