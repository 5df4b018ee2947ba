"""Pages by key, forwards and backwards."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.actor import Role
from projections.read_model import Row
from projections.violation import ViolationRow
from tests.schema.conftest import ISSUED, Api, Keep, counted, objected, person, sponsored, violation, visa

PAGE = """query($first: Int, $after: String, $last: Int, $before: String) { me {
    violations(first: $first, after: $after, last: $last, before: $before) {
        totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        edges { cursor node { number } } } } }"""


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "(first: 1, last: 1)",
        "(first: 0)",
        "(first: -1)",
        "(first: 101)",
        "(last: 101)",
        "(first: null)",
        '(first: 1, after: "")',
        '(first: 1, after: "nonsense")',
        '(first: 1, after: "ق")',
        '(first: 1, after: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")',
        '(last: 1, before: "dmlvf_________________________________8=")',
    ],
)
async def test_a_page_is_asked_for_as_it_should_be(api: Api, keep: Keep, arguments: str) -> None:
    rajesh = person()
    await keep(rajesh)

    answer = await api.ask(f"{{ me {{ violations{arguments} {{ totalCount }} }} }}", rajesh)

    assert answer.errors == [("me.violations", "BAD_USER_INPUT")]


async def test_a_cursor_of_one_list_is_none_of_another(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh, visa(rajesh), violation(rajesh))
    cursors = await api.ask("{ me { visas(first: 1) { pageInfo { endCursor } } } }", rajesh)

    answer = await api.ask(PAGE, rajesh, first=1, after=cursors.data["me"]["visas"]["pageInfo"]["endCursor"])

    assert answer.errors == [("me.violations", "BAD_USER_INPUT")]


async def test_pages_say_what_lies_around_them(api: Api, keep: Keep) -> None:
    rajesh = person()
    rows = [violation(rajesh, occurred_at=ISSUED + timedelta(days=day)) for day in range(5)]
    await keep(rajesh, *rows)
    newest_first = [row.number for row in reversed(rows)]
    whole = (await api.ask(PAGE, rajesh, first=100)).data["me"]["violations"]
    cursor = {edge["node"]["number"]: edge["cursor"] for edge in whole["edges"]}
    a, b, c, d, e = newest_first

    for arguments, shown, previous, following in [
        ({"first": 100}, [a, b, c, d, e], False, False),
        ({"first": 5}, [a, b, c, d, e], False, False),
        ({"first": 2}, [a, b], False, True),
        ({"first": 2, "after": cursor[b]}, [c, d], True, True),
        ({"first": 2, "after": cursor[c]}, [d, e], True, False),
        ({"first": 2, "after": cursor[e]}, [], True, False),
        ({"last": 2}, [d, e], True, False),
        ({"last": 2, "before": cursor[d]}, [b, c], True, True),
        ({"last": 2, "before": cursor[c]}, [a, b], False, True),
        ({"last": 2, "before": cursor[a]}, [], False, True),
        ({"first": 1, "after": cursor[a], "before": cursor[d]}, [b], True, True),
        ({"first": 5, "after": cursor[a], "before": cursor[d]}, [b, c], True, True),
        ({"last": 1, "after": cursor[a], "before": cursor[d]}, [c], True, True),
    ]:
        page = (await api.ask(PAGE, rajesh, **arguments)).data["me"]["violations"]
        assert (arguments, [edge["node"]["number"] for edge in page["edges"]]) == (arguments, shown)
        assert page == {
            "totalCount": 5,
            "edges": [{"cursor": cursor[number], "node": {"number": number}} for number in shown],
            "pageInfo": {
                "hasNextPage": following,
                "hasPreviousPage": previous,
                "startCursor": cursor[shown[0]] if shown else None,
                "endCursor": cursor[shown[-1]] if shown else None,
            },
        }


async def test_the_length_of_a_list_is_worked_out_only_when_asked_for(api: Api, keep: Keep) -> None:
    rajesh = person()
    await keep(rajesh, violation(rajesh))

    for selection, counts in [
        ("edges { cursor }", False),
        ("totalCount", True),
        ("n: totalCount", True),
        ("... on ViolationConnection { totalCount }", True),
        ("...Length", True),
    ]:
        with counted() as statements:
            answer = await api.ask(
                f"{{ me {{ violations(first: 1) {{ {selection} }} }} }}"
                + (" fragment Length on ViolationConnection { totalCount }" if selection == "...Length" else ""),
                rajesh,
            )
        assert answer.errors == []
        assert any("count(*)" in statement for statement in statements) is counts


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    days=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    added=st.lists(st.integers(0, 3), max_size=4),
    size=st.integers(1, 5),
    forward=st.booleans(),
)
async def test_a_walk_visits_every_row_once_and_in_order_while_rows_are_added(
    *, api: Api, keep: Keep, days: list[int], added: list[int], size: int, forward: bool
) -> None:
    # Several rows share each moment, so that the id has to tell them apart.
    rajesh = person()
    rows = [violation(rajesh, occurred_at=ISSUED + timedelta(days=day)) for day in days]
    await keep(rajesh, *rows)
    later = [violation(rajesh, occurred_at=ISSUED + timedelta(days=day)) for day in added]

    visited: list[str] = []
    cursor = None
    while True:
        arguments: dict[str, Any] = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = (await api.ask(PAGE, rajesh, **arguments)).data["me"]["violations"]
        numbers = [edge["node"]["number"] for edge in page["edges"]]
        visited = visited + numbers if forward else numbers + visited
        if not page["pageInfo"]["hasNextPage" if forward else "hasPreviousPage"]:
            break
        cursor = page["pageInfo"]["endCursor" if forward else "startCursor"]
        if later:
            await keep(later.pop())

    there = {row.number for row in rows}
    by_key = {row.number: (row.occurred_at, row.id) for row in [*rows, *later]}
    assert [number for number in visited if number in there] == sorted(
        there, key=lambda number: by_key[number], reverse=True
    )
    assert len(set(visited)) == len(visited)


async def test_the_work_list_is_walked_oldest_first(api: Api, keep: Keep) -> None:
    salman, rajesh = person(Role.TRAFFIC_OFFICER), person()
    rows: list[ViolationRow] = [objected(rajesh, submitted_at=ISSUED + timedelta(days=day)) for day in (3, 1, 2)]
    await keep(salman, rajesh, *rows, violation(rajesh))
    query = """query($after: String) { objections(first: 2, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } edges { node { number } } } }"""

    first = (await api.ask(query, salman, purpose="CASE_REVIEW")).data["objections"]
    second = (await api.ask(query, salman, purpose="CASE_REVIEW", after=first["pageInfo"]["endCursor"])).data[
        "objections"
    ]

    assert [edge["node"]["number"] for edge in first["edges"] + second["edges"]] == [
        f"O{rows[1].number}",
        f"O{rows[2].number}",
        f"O{rows[0].number}",
    ]
    assert (first["totalCount"], second["totalCount"]) == (3, 3)


async def test_people_to_ask_about_are_walked_too(api: Api, keep: Keep) -> None:
    noura = person(name="Noura Al-Qahtani")
    workers: list[Row] = [sponsored(noura) for _ in range(5)]
    await keep(noura, *workers)
    query = """query($after: String) { me { mayAskAbout(first: 2, after: $after) {
        totalCount pageInfo { hasNextPage hasPreviousPage endCursor } edges { node { id } } } } }"""

    seen: list[str] = []
    after = None
    for previous, following in ((False, True), (True, True), (True, False)):
        page = (await api.ask(query, noura, after=after)).data["me"]["mayAskAbout"]
        info = page["pageInfo"]
        assert (info["hasPreviousPage"], info["hasNextPage"], page["totalCount"]) == (previous, following, 5)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = info["endCursor"]
    assert len(set(seen)) == 5
