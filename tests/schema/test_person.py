from datetime import date

import pytest

from domain.actor import Role
from domain.user import SponsorRelation
from tests.schema.conftest import Api, Keep, counted, docket, objected, person, sponsored, violation, visa

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
