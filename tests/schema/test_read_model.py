"""How the read models fare is told to those who look after them, and answers say what is not current."""

from uuid import uuid4

import pytest

from commands.global_id import global_id
from domain.actor import Role
from projections import READ_MODELS
from store.database import Database
from store.log import Log
from tests.schema.conftest import Api, Keep, person, visa

STATES = "{ readModels { name version position headPosition lagEvents lagSeconds state setAside { position reason } } }"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR])
async def test_auditors_and_administrators_see_how_the_read_models_fare(
    api: Api, keep: Keep, database: Database, log: Log, role: Role
) -> None:
    reader = person(role)
    await keep(reader)
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE read_models SET position = (SELECT position FROM log_head)")
    answer = await api.ask(STATES, reader)
    head = str(await log.head())
    live = {"position": head, "headPosition": head, "lagEvents": 0, "lagSeconds": 0.0, "state": "LIVE", "setAside": []}
    assert answer.data == {
        "readModels": [{"name": one.name, "version": one.version, **live} for one in READ_MODELS],
    }


async def test_nobody_else_sees_how_the_read_models_fare(api: Api, keep: Keep) -> None:
    officer = person(Role.PASSPORT_OFFICER, Role.TRAFFIC_OFFICER, Role.COURT_CLERK)
    await keep(officer)
    assert (await api.ask(STATES, officer)).errors == [("readModels", "FORBIDDEN")]
    assert (await api.ask(STATES)).errors == [("readModels", "UNAUTHENTICATED")]


async def test_an_answer_names_what_it_shows_and_is_not_current_and_nothing_else(api: Api, keep: Keep) -> None:
    holder = person()
    late, current = visa(holder), visa(holder)
    await keep(holder, late, current)
    api.followed.not_current = frozenset({late.id, uuid4()})
    mine = "{ me { visas(first: 5) { edges { node { id } } } } }"

    answer = await api.ask(mine, holder)
    assert answer.body["extensions"]["notCurrent"] == [global_id("Visa", late.id)]

    query = "query($number: String!) { visa(number: $number) { status } }"
    assert "notCurrent" not in (await api.ask(query, holder, number=current.number)).body["extensions"]
    late_one = await api.ask(query, holder, number=late.number)
    assert late_one.body["extensions"]["notCurrent"] == [global_id("Visa", late.id)]


async def test_an_account_that_is_not_current_is_named_as_user_and_as_person(api: Api, keep: Keep) -> None:
    holder = person()
    mine = visa(holder)
    await keep(holder, mine)
    api.followed.not_current = frozenset({holder.id})
    answer = await api.ask("{ me { id visas(first: 1) { edges { node { holder { id } } } } } }", holder)
    assert answer.body["extensions"]["notCurrent"] == sorted(
        [global_id("User", holder.id), global_id("Person", holder.id)]
    )
