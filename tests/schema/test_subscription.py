"""What is told to who listens, over WebSockets and over server-sent events, of a server that runs."""

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from commands.erasure import ErasePerson
from commands.user import RevokeRole
from domain.actor import Role
from domain.violation import Violation
from duties import background
from projections import READ_MODELS
from projections.set_aside import retry
from projections.updates import Happened, Listener
from projections.violation import ViolationRow, Violations
from schema import live
from schema import socket as ws
from schema.ids import global_id
from store.codec import Recorded
from store.database import Database, DatabaseUnavailable, Pool
from store.keyring import Keyring
from store.log import Log
from telemetry.count import SOCKETS
from tests.conftest import Clock
from tests.house import NOURA, RAJESH, SETUP, House, Registered, open_house
from tests.stories.test_history import issue, movement
from tests.stories.test_violation import SALMAN, Life, do, recorded, reported, token

MINE = """subscription ($after: Position) { myUpdates(after: $after) {
    position event { type title { en } data actor { role subject name { en } } changes { field before after } }
    violation { number status } visa { number } objection { status } user { language }
} }"""
ONE = "subscription ($number: String!) { violationUpdated(number: $number) { position event { type } violation { status } } }"
EVERY = """subscription ($filter: EventFilter, $after: Position) { eventRecorded(filter: $filter, after: $after) {
    position type stream streamVersion data actor { role subject name { en } } about { nationalId name { en } } } }"""
YOUSEF = Registered("2855690703", "yousef", "+966510000006", None, ("يوسف الغامدي", "Yousef Al-Ghamdi"))


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """What is recorded here is not for the other tests."""
    return fresh_database_url


@dataclass
class Served:
    """A house that serves on a port."""

    house: House
    port: int

    @property
    def listeners(self) -> int:
        services = self.house.app._services
        of_events, of_looks = services.updates._listeners.values(), services.reads._told.values()
        return sum(map(len, of_events)) + sum(map(len, of_looks))

    @asynccontextmanager
    async def socket(self, who: Registered | str | None, **payload: Any) -> AsyncIterator["Client"]:
        """A connection of somebody, acknowledged."""
        async with connect(
            f"ws://127.0.0.1:{self.port}/graphql", subprotocols=[Subprotocol(ws.PROTOCOL)], compression=None
        ) as connection:
            client = Client(connection, self)
            said = {"acceptLanguage": "en", **payload}
            if who is not None:
                bearer = who if isinstance(who, str) else await token(self.house, who)
                said["authorization"] = f"Bearer {bearer}"
            await client.send(type="connection_init", payload=said)
            assert await client.receive() == {"type": "connection_ack"}
            yield client


async def until(what: Callable[[], bool], *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not what():  # noqa: ASYNC110 (seen from outside)
            await asyncio.sleep(0.01)


@dataclass
class Client:
    """Speaks graphql-transport-ws."""

    connection: ClientConnection
    served: Served

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self, *, within: float = 5) -> dict[str, Any]:
        async with asyncio.timeout(within):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        before = self.served.listeners
        await self.send(type="subscribe", id=id, payload={"query": query, "variables": variables})
        with suppress(TimeoutError):  # it may be refused
            await until(lambda: self.served.listeners > before, within=1)
        await asyncio.sleep(0.1)  # listening from now on

    async def next(self) -> dict[str, Any]:
        """The next update; it is the one root field of what is told."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        (value,) = message["payload"]["data"].values()
        found: dict[str, Any] = value
        return found

    async def closed(self, *, within: float = 5) -> int:
        """The code that it is closed with."""
        async with asyncio.timeout(within):
            await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code


@pytest.fixture
async def served(database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path) -> AsyncIterator[Served]:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await house.register(RAJESH, NOURA, SALMAN, YOUSEF)
        await house.appoint(SALMAN, Role.TRAFFIC_OFFICER)
        await house.appoint(YOUSEF, Role.AUDITOR)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(live, "LOOK_AGAIN_AFTER", 0.1)
            async with serving(house) as port, background(house.app.run_beside):
                yield Served(house, port)


@asynccontextmanager
async def serving(house: House) -> AsyncIterator[int]:
    web = Starlette(routes=[Route("/graphql", house.app), WebSocketRoute("/graphql", house.app)])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            web, log_config=None, lifespan="off", ws="websockets-sansio", ws_per_message_deflate=False
        )
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 (it has no event for it)
            await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = server.force_exit = True
        await task


# What is told


async def test_a_person_is_told_what_happens_to_their_own_cases_with_the_case_as_it_is(served: Served) -> None:
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE)
        number = await recorded(served.house, RAJESH)
        first, second = await client.next(), await client.next()
    assert [update["event"]["type"] for update in (first, second)] == ["Violation.Recorded", "Violation.Notified"]
    assert first["violation"] == {"number": number, "status": "NOTIFIED"}
    assert first["event"]["title"] == {"en": "Traffic violation recorded"}
    assert first["event"]["actor"] == {"role": "AGENCY_FEED", "subject": "traffic", "name": {"en": "Traffic"}}
    assert first["event"]["data"]["plate"] == "ABD1234"
    changes = {change["field"]: (change["before"], change["after"]) for change in second["event"]["changes"]}
    assert changes["status"] == ("RECORDED", "NOTIFIED")
    assert changes["objectBefore"] == (None, "2026-03-31")
    assert (first["visa"], first["objection"], first["user"]) == (None, None, None)


async def test_nobody_is_told_of_somebody_elses_cases(served: Served) -> None:
    async with served.socket(NOURA) as client:
        await client.subscribe(MINE)
        await recorded(served.house, RAJESH)
        await do(served.house, "setLanguage", NOURA, language="EN")
        update = await client.next()
    assert (update["event"]["type"], update["user"]) == ("User.LanguageChanged", {"language": "EN"})


async def test_an_update_names_what_it_shows_and_is_not_current_until_that_is_mended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = served.house
    number = await recorded(house, RAJESH)
    payment = {"violationNumber": number, "paidAt": "2026-03-01T09:00:00Z", "amount": "50.00"}
    apply = Violations.apply

    def trips(self: Violations, row: ViolationRow | None, one: Recorded) -> ViolationRow | None:
        if isinstance(one.event, Violation.Paid):
            raise RuntimeError  # noqa: TRY004 (any fault)
        return apply(self, row, one)

    async with served.socket(RAJESH) as client:
        await client.subscribe("subscription { myUpdates { event { type } violation { id paid } } }")
        with monkeypatch.context() as faulty:
            faulty.setattr(Violations, "apply", trips)
            await do(house, "recordPayment", "sadad", **payment, reference="S1")
            late = (await client.receive())["payload"]
        violation = late["data"]["myUpdates"]["violation"]
        assert (late["data"]["myUpdates"]["event"]["type"], violation["paid"]) == ("Violation.Paid", "0.00")
        assert late["extensions"]["notCurrent"] == [violation["id"]]

        assert await retry(house.database, house.log, READ_MODELS) == (1, [])
        await do(house, "recordPayment", "sadad", **payment, reference="S2")
        current = (await client.receive())["payload"]
        assert current["data"]["myUpdates"]["violation"]["paid"] == "100.00"
        assert "notCurrent" not in current["extensions"]


async def test_who_comes_back_with_a_position_is_told_everything_since_once_and_in_order(served: Served) -> None:
    for _ in range(3):
        await recorded(served.house, RAJESH)
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE, after="0")
        seen = [await client.next() for _ in range(4)]
    await recorded(served.house, RAJESH)
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE, after=seen[-1]["position"])
        seen += [await client.next() for _ in range(4)]
        await recorded(served.house, RAJESH)
        seen += [await client.next() for _ in range(2)]
    positions = [int(update["position"]) for update in seen]
    assert positions == sorted(set(positions))
    types = [update["event"]["type"] for update in seen]
    assert types[0] == "User.Registered"
    assert types[1:] == ["Violation.Recorded", "Violation.Notified"] * 4 + ["Violation.Recorded"]


async def test_a_case_is_followed_by_who_may_see_it(served: Served) -> None:
    number = await recorded(served.house, RAJESH)
    paid = {"violationNumber": number, "paidAt": "2026-03-01T09:00:00Z", "reference": "S1"}
    async with (
        served.socket(RAJESH) as violator,
        served.socket(SALMAN, purpose="CASE_REVIEW") as officer,
        served.socket(NOURA) as stranger,
    ):
        for client in (violator, officer, stranger):
            await client.subscribe(ONE, number=number)
        refused = await stranger.receive()
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "NOT_FOUND"
        assert (await do(served.house, "recordPayment", "sadad", **paid)).problems == []
        for client in (violator, officer):
            update = await client.next()
            assert (update["event"]["type"], update["violation"]) == ("Violation.Paid", {"status": "PAID"})


@pytest.mark.parametrize(
    ("shown", "step", "seen"),
    [
        ("event { data }", "pay 50.00", {"VIOLATION"}),
        ("event { data }", "object", {"VIOLATION", "OBJECTION"}),
        ("objection { status }", "pay 50.00", {"VIOLATION", "OBJECTION"}),
        ("violation { history(first: 1) { edges { node { type } } } }", "pay 50.00", {"VIOLATION", "OBJECTION"}),
    ],
)
async def test_it_is_noted_that_an_officer_who_follows_a_violation_was_shown_the_objection(
    served: Served, shown: str, step: str, seen: set[str]
) -> None:
    number = await recorded(served.house, RAJESH)
    query = f"subscription ($number: String!) {{ violationUpdated(number: $number) {{ position {shown} }} }}"
    async with served.socket(SALMAN, purpose="CASE_REVIEW") as officer:
        await officer.subscribe(query, number=number)
        await Life(served.house, RAJESH, number).take(step)
        await officer.next()
    looks = await served.house.rows("SELECT DISTINCT unnest(seen) FROM access_log WHERE purpose = 'CASE_REVIEW'")
    assert {kind for (kind,) in looks} == seen


async def test_an_auditor_is_told_everything_masked(served: Served) -> None:
    async with served.socket(YOUSEF, purpose="AUDIT") as client:
        await client.subscribe(EVERY, filter={"streamType": "Violation"})
        await recorded(served.house, RAJESH)
        event, _ = await client.next(), await client.next()
    assert event["type"] == "Violation.Recorded"
    assert event["data"]["plate"] is None
    assert event["data"]["location"] == {"ar": "طريق الملك فهد", "en": "King Fahd Road"}
    assert event["about"] == [{"nationalId": "*******556", "name": {"en": "R. K."}}]


async def test_an_auditor_is_told_of_a_person_what_was_missed_and_what_comes_and_it_is_noted(served: Served) -> None:
    house = served.house
    worker = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"}
    await do(house, "assignSponsor", "civil-affairs", **worker)
    await recorded(house, RAJESH)
    async with served.socket(YOUSEF, purpose="AUDIT") as client:
        await client.subscribe(EVERY, filter={"aboutNationalId": NOURA.national_id}, after="0")
        missed = [await client.next(), await client.next()]
        ended = {name: worker[name] for name in ("nationalId", "sponsorNationalId")}
        await do(house, "endSponsorship", "civil-affairs", **ended)
        await recorded(house, RAJESH)
        await recorded(house, NOURA)
        told = [await client.next(), await client.next(), await client.next()]
    assert [event["type"] for event in missed] == ["User.Registered", "User.SponsorAssigned"]
    assert [event["type"] for event in told] == [
        "User.SponsorshipEnded",
        "Violation.Recorded",
        "Violation.Notified",
    ]
    looks = await house.rows("SELECT DISTINCT role, purpose, unnest(seen) FROM access_log")
    assert sorted(looks) == [("AUDITOR", "AUDIT", "PERSON"), ("AUDITOR", "AUDIT", "VIOLATION")]


async def test_who_is_a_delegate_and_an_auditor_is_told_what_either_is_and_it_is_noted(served: Served) -> None:
    house = served.house
    days = {"from": "2026-03-01", "until": "2026-03-31"}
    delegation = {"delegateNationalId": NOURA.national_id, "service": "VISA_INQUIRY"} | days
    visa = {"visaNumber": "6000000009"}
    await do(house, "issueVisa", "passports", **issue() | {"number": "6000000009"})
    assert (await do(house, "grantDelegation", RAJESH, **delegation)).problems == []
    await house.appoint(NOURA, Role.AUDITOR)
    query = 'subscription { visaUpdated(number: "6000000009") { event { type } } }'
    async with served.socket(NOURA, purpose="AUDIT") as in_office, served.socket(NOURA) as delegate:
        for client in (in_office, delegate):
            await client.subscribe(query)
        for direction in ("RETURN", "DEPARTURE"):
            await do(house, "recordMovement", "border-guard", **movement(house, direction) | visa)
        told = [(await client.next())["event"]["type"] for client in (in_office, in_office, delegate)]
    assert told == ["Visa.MovementRefused", "Visa.Departed", "Visa.Departed"]
    looks = await house.rows("SELECT role, seen FROM access_log")
    assert looks == [("AUDITOR", ["VISA"])] * 2


@pytest.mark.parametrize(
    ("who", "payload", "code"),
    [(RAJESH, {"purpose": "AUDIT"}, "FORBIDDEN"), (YOUSEF, {}, "PURPOSE_REQUIRED")],
)
async def test_only_auditors_who_say_why_are_told_everything(
    served: Served, who: Registered, payload: dict[str, str], code: str
) -> None:
    async with served.socket(who, **payload) as client:
        await client.subscribe(EVERY)
        refused = await client.receive()
    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", code)


# When it is over


async def test_a_connection_ends_with_its_session(served: Served) -> None:
    session = await served.house.sign_in(RAJESH)
    async with served.socket(session["accessToken"]) as client:
        await client.subscribe(MINE)
        await served.house.ask("mutation { signOut { problems { code } } }", session["accessToken"])
        assert await client.closed() == 4401


async def test_a_connection_ends_with_the_erasure_of_its_person(served: Served) -> None:
    house = served.house
    erasure = ErasePerson(national_id=RAJESH.national_id, legal_basis="PDPL, article 18")
    async with served.socket(RAJESH) as client, served.socket(YOUSEF, purpose="AUDIT") as auditor:
        await client.subscribe(MINE)
        await auditor.subscribe(EVERY)
        await house.carry_out("erasePerson", erasure, SETUP)
        assert await client.closed() == 4401
        told = await auditor.next()
        assert (told["type"], told["about"]) == ("User.Erased", [{"nationalId": None, "name": None}])
        assert not [*house.app._documents._kept]  # clients write values into documents


async def test_a_connection_ends_when_a_role_is_taken_away(served: Served) -> None:
    async with served.socket(YOUSEF, purpose="AUDIT") as client:
        await client.subscribe(EVERY)
        await served.house.carry_out("revokeRole", RevokeRole(national_id=YOUSEF.national_id, role=Role.AUDITOR), SETUP)
        assert await client.closed() == 4403


async def test_a_right_that_is_gone_ends_it_with_the_next_event(served: Served) -> None:
    number = await recorded(served.house, RAJESH)
    async with served.socket(SALMAN, purpose="CASE_REVIEW") as client:
        await client.subscribe(ONE, number=number)
        await served.house.carry_out(
            "revokeRole", RevokeRole(national_id=SALMAN.national_id, role=Role.TRAFFIC_OFFICER), SETUP
        )
        assert await client.closed(within=12) == 4403


async def test_a_delegation_that_is_withdrawn_ends_what_it_let_somebody_listen_to(served: Served) -> None:
    house = served.house
    days = {"from": "2026-03-01", "until": "2026-03-31"}
    delegation = {"delegateNationalId": NOURA.national_id, "service": "VISA_INQUIRY"} | days
    visa = issue() | {"number": "6000000009"}
    assert (await do(house, "issueVisa", "passports", **visa)).problems == []
    granted = await do(house, "grantDelegation", RAJESH, shown="user { delegations { id } }", **delegation)
    [kept] = granted.data["user"]["delegations"]
    query = 'subscription { visaUpdated(number: "6000000009") { position event { type } } }'
    async with served.socket(NOURA) as delegate, served.socket(RAJESH) as holder:
        for client in (delegate, holder):
            await client.subscribe(query)
        await do(house, "setLanguage", RAJESH, language="EN")  # that of the holder which is nobody's business here
        revoked = await do(house, "revokeDelegation", RAJESH, delegationId=kept["id"])
        assert revoked.problems == []
        assert await delegate.closed() == 4403
        left = movement(house, "DEPARTURE") | {"visaNumber": "6000000009"}
        assert (await do(house, "recordMovement", "border-guard", **left)).problems == []
        assert (await holder.next())["event"]["type"] == "Visa.Departed"


async def test_a_token_without_a_session_ends_by_itself(served: Served) -> None:
    async with served.socket(RAJESH) as client:
        served.house.now.advance(seconds=301)
        assert await client.closed() == 4401


# The protocol


async def test_queries_and_mutations_are_answered_too(served: Served) -> None:
    async with served.socket(RAJESH) as client:
        await client.subscribe("{ me { username } }", id="a")
        assert await client.receive() == {
            "type": "next",
            "id": "a",
            "payload": {
                "data": {"me": {"username": "rajesh"}},
                "extensions": {
                    "position": str(served.house.followed.position),
                    "cost": {"requested": 2, "limit": 1_000_000, "remaining": 999_998},
                },
            },
        }
        assert await client.receive() == {"type": "complete", "id": "a"}
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


async def test_what_is_completed_is_told_no_more(served: Served) -> None:
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE)
        await client.send(type="complete", id="1")
        await asyncio.sleep(0.1)
        await recorded(served.house, RAJESH)
        await client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


async def test_a_document_that_is_not_valid_is_an_error(served: Served) -> None:
    async with served.socket(RAJESH) as client:
        for query in (
            "subscription { nothing }",
            "subscription {",
            "subscription { myUpdates(after: 1) { position } }",
        ):
            await client.subscribe(query)
            message = await client.receive()
            assert message["type"] == "error"
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{ me { username } }"}}'], 4401),
        (['{"type": "connection_init"}'], 4401),
        (['{"type": "connection_init", "payload": {"authorization": "Bearer x"}}'], 4401),
        (["nonsense"], 4400),
        (["[]"], 4400),
        (["x" * 2_000_000], 4400),
    ],
)
async def test_what_is_no_greeting_closes_the_connection(served: Served, messages: list[str], code: int) -> None:
    url = f"ws://127.0.0.1:{served.port}/graphql"
    async with connect(url, subprotocols=[Subprotocol(ws.PROTOCOL)], compression=None) as connection:
        for message in messages:
            await connection.send(message)
        found = await Client(connection, served).closed()
    assert found == code


async def test_who_says_nothing_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "INITIALISED_WITHIN", 0.1)
    url = f"ws://127.0.0.1:{served.port}/graphql"
    async with connect(url, subprotocols=[Subprotocol(ws.PROTOCOL)], compression=None) as connection:
        assert await Client(connection, served).closed() == 4408


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "connection_init"}, 4429),
        ({"type": "subscribe", "id": "1", "payload": {"query": MINE}}, 4409),
        ({"type": "start", "id": "2", "payload": {"query": MINE}}, 4400),
        ({"type": "subscribe", "payload": {"query": MINE}}, 4400),
    ],
)
async def test_what_the_protocol_does_not_allow_closes_the_connection(
    served: Served, message: dict[str, Any], code: int
) -> None:
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE)
        await client.send(**message)
        assert await client.closed() == code


async def test_a_person_has_so_many_connections_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_A_PERSON", 1)
    url = f"ws://127.0.0.1:{served.port}/graphql"
    async with served.socket(RAJESH):
        async with connect(url, subprotocols=[Subprotocol(ws.PROTOCOL)], compression=None) as connection:
            second = Client(connection, served)
            bearer = await token(served.house, RAJESH)
            await second.send(type="connection_init", payload={"authorization": f"Bearer {bearer}"})
            assert await second.closed() == 4429
        async with served.socket(NOURA):
            pass
    async with served.socket(RAJESH):
        pass


# Server-sent events


async def told(
    served: Served, who: Registered, query: str, count: int, *, language: str = "ar", **variables: Any
) -> list[dict[str, Any]]:
    """The first updates that come as server-sent events."""
    bearer = f"Bearer {await token(served.house, who)}"
    headers = {"Accept": "text/event-stream", "Accept-Language": language, "Authorization": bearer}
    found: list[dict[str, Any]] = []
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=10) as client,
        client.stream("POST", "/graphql", json={"query": query, "variables": variables}, headers=headers) as response,
    ):
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.headers["content-language"] == language
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count or line == "event: complete":
                return found
    return found


async def test_updates_come_as_server_sent_events_too(served: Served) -> None:
    await recorded(served.house, RAJESH)
    found = await told(served, RAJESH, MINE, 3, after="0")
    types = [one["data"]["myUpdates"]["event"]["type"] for one in found]
    assert types == ["User.Registered", "Violation.Recorded", "Violation.Notified"]


async def test_a_client_that_goes_away_leaves_no_task_behind(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    def waiting() -> int:
        return sum("Event.wait" in repr(task) for task in asyncio.all_tasks())

    before = waiting()
    for _ in range(3):
        await told(served, RAJESH, MINE, 1, after="0")
    await until(lambda: (waiting(), len(served.house.app.live._listening)) == (before, 0))
    gc.collect()
    assert "destroyed" not in caplog.text


async def test_every_event_costs_what_the_first_one_does(served: Served) -> None:
    await recorded(served.house, RAJESH)
    updates = await told(served, RAJESH, MINE, 3, after="0")
    costs = [one["extensions"]["cost"] for one in updates]
    assert [one["remaining"] for one in costs] == [1_000_000 - number * costs[0]["requested"] for number in (1, 2, 3)]


async def test_a_document_that_is_not_valid_is_told_as_an_event_to_who_takes_events_alone(served: Served) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.post("/graphql", json={"query": "{ nothing }"}, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    first, *_, last = answer.text.strip().split("\n\n")
    assert first.startswith('event: next\ndata: {"errors":[')
    assert last == "event: complete\ndata:"


async def test_a_cookie_is_asked_for_over_http_alone(served: Served) -> None:
    query = """mutation { confirmSignIn(input: {challengeId: "x", code: "123456"}, refreshTokenInCookie: true) {
        problems { code } } }"""
    async with served.socket(RAJESH) as client:
        await client.send(type="subscribe", id="1", payload={"query": query})
        answer = (await client.receive())["payload"]
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_a_place_that_the_log_does_not_have_is_refused(served: Served) -> None:
    (refused,) = await told(served, RAJESH, MINE, 2, after="99999999")
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["BAD_USER_INPUT"]


async def test_who_is_not_signed_in_is_told_nothing(served: Served) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as client:
        answer = await client.post("/graphql", json={"query": MINE}, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_a_refused_listener_is_told_why_and_that_it_is_all(served: Served) -> None:
    found = await told(served, RAJESH, EVERY, 2)
    assert [one["errors"][0]["extensions"]["code"] for one in found] == ["FORBIDDEN"]


async def test_a_stream_of_events_says_why_it_is_over(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(live, "MOST_OF_A_PERSON", 0)
        (many,) = await told(served, RAJESH, MINE, 2)
    assert [error["extensions"] for error in many["errors"]] == [{"code": "RATE_LIMITED", "retryAfterSeconds": 12}]
    listening = asyncio.create_task(told(served, RAJESH, MINE, 2))
    await until(lambda: served.listeners == 1)
    served.house.now.advance(minutes=6)  # a token without a session
    await served.house.app.live.look()
    (over,) = await listening
    assert [error["extensions"]["code"] for error in over["errors"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("query", ["{ violationTypes { code } }", "{ is no document"], ids=["query", "malformed"])
async def test_who_takes_json_as_well_is_answered_in_json_but_for_subscriptions(served: Served, query: str) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", headers=accept) as client:
        answer = await client.post("/graphql", json={"query": query})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
        refused = await client.post("/graphql", json={"query": MINE})
        assert refused.status_code == 401
        bearer = {"Authorization": f"Bearer {await token(served.house, RAJESH)}"}
        async with client.stream("POST", "/graphql", json={"query": MINE}, headers=bearer) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")


async def test_who_has_more_waiting_than_is_kept_comes_back_from_where_they_were(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.updates.MOST_WAITING", 1)
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE)
        for _ in range(3):
            await recorded(served.house, RAJESH)
        assert await client.closed() == 1013
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE, after="0")
        monkeypatch.undo()
        assert len({(await client.next())["position"] for _ in range(7)}) == 7


async def test_who_listens_for_one_person_is_not_too_slow_for_what_happens_to_others(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Listener.tell
    told: list[str] = []

    def note(listener: Listener, happened: Happened) -> None:
        told.append(type(happened.recorded.event).__qualname__)
        tell(listener, happened)

    monkeypatch.setattr(Listener, "tell", note)
    worker = {"nationalId": RAJESH.national_id, "sponsorNationalId": NOURA.national_id, "relation": "EMPLOYER"}
    async with served.socket(YOUSEF, purpose="AUDIT") as client:
        await client.subscribe(EVERY, filter={"aboutNationalId": NOURA.national_id})
        await recorded(served.house, RAJESH)
        await do(served.house, "assignSponsor", "civil-affairs", **worker)
        await recorded(served.house, NOURA)
        seen = [(await client.next())["type"] for _ in range(3)]
    assert seen == told == ["User.SponsorAssigned", "Violation.Recorded", "Violation.Notified"]


async def test_a_connection_has_so_many_operations_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ws, "MOST_OPERATIONS", 2)
    async with served.socket(RAJESH) as client:
        for number in range(3):
            await client.subscribe(MINE, id=str(number))
        assert await client.closed() == 4429


# A bad moment


class Gone:
    """A database that gives no connection while `gone`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gone = False
        connect = Pool.getconn

        async def getconn(pool: Pool, timeout: float | None = None) -> Any:  # noqa: ASYNC109 (the library's)
            if self.gone:
                raise DatabaseUnavailable("it does not answer")
            return await connect(pool, timeout)

        monkeypatch.setattr(Pool, "getconn", getconn)


@pytest.mark.parametrize("query", [MINE, ONE], ids=["own cases", "one case"])
async def test_what_cannot_be_read_for_a_moment_is_not_told_by_half(
    served: Served, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    number = await recorded(served.house, RAJESH)
    database = Gone(monkeypatch)
    tell = Listener.tell

    def goes_now(listener: Listener, happened: Happened) -> None:
        database.gone = True
        tell(listener, happened)

    async with served.socket(RAJESH) as client:
        await client.subscribe(query, **({"number": number} if query == ONE else {}))
        monkeypatch.setattr(Listener, "tell", goes_now)
        paid = {"violationNumber": number, "paidAt": "2026-03-01T09:00:00Z", "reference": "S1"}
        paying = asyncio.create_task(do(served.house, "recordPayment", "sadad", **paid))
        assert await client.closed() == 1013
        monkeypatch.setattr(Listener, "tell", tell)
        database.gone = False
        await paying
    after = str(await served.house.log.head() - 2)
    async with served.socket(RAJESH) as client:
        await client.subscribe(MINE, after=after)
        assert (await client.next())["violation"] == {"number": number, "status": "PAID"}


async def test_who_greets_at_a_bad_moment_may_come_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.greeting.WAITS_FOR_SECONDS", 0.1)
    bearer = await token(served.house, RAJESH)

    async def greeted(**payload: str) -> tuple[int, str]:
        url = f"ws://127.0.0.1:{served.port}/graphql"
        async with connect(url, subprotocols=[Subprotocol(ws.PROTOCOL)], compression=None) as connection:
            client = Client(connection, served)
            await client.send(type="connection_init", payload={"authorization": f"Bearer {bearer}", **payload})
            return await client.closed(), connection.close_reason or ""

    assert (await greeted(readAfter="999"))[0] == 1013
    assert await greeted(readAfter="soon") == (4400, "the header Read-After is not a position")
    behind = await served.house.ask("{ me { username } }", bearer, headers={"Read-After": "999"})
    lag = 999 - await served.house.log.head()
    assert behind.body["errors"][0]["extensions"] == {"code": "READ_MODEL_BEHIND", "lagEvents": lag}
    Gone(monkeypatch).gone = True
    served.house.app._greeter._readers._known.clear()
    assert (await greeted())[0] == 1013


async def test_a_command_whose_fact_cannot_be_shown_names_what_it_has_changed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = served.house
    with monkeypatch.context() as faulty:

        def trips(*_: object) -> None:
            raise KeyError

        faulty.setattr(Violations, "apply", trips)
        report = reported(house, RAJESH, "7000000777")
        answer = await do(house, "recordViolation", "traffic", shown="violation { number }", **report)
    violation = Violation.create_id("7000000777")
    assert answer.body["data"]["recordViolation"]["violation"] is None
    assert answer.body["extensions"]["notCurrent"] == [global_id("Violation", violation)]
    assert await retry(house.database, house.log, READ_MODELS) == (1, [])


# What operators see


async def test_each_operation_of_a_connection_has_an_id_of_its_own_on_its_events(served: Served) -> None:
    before = await served.house.log.head()
    async with served.socket(NOURA) as client:
        for language in ("EN", "AR"):
            await client.subscribe(
                f"mutation {{ setLanguage(input: {{language: {language}}}) {{ position }} }}", id=language
            )
            await client.next()
            assert await client.receive() == {"type": "complete", "id": language}
    found = await served.house.rows("SELECT state FROM sijil_events WHERE notification_id > %s", before)
    assert len({json.loads(bytes(state))["correlation_id"] for (state,) in found}) == 2


async def test_connections_are_counted_while_they_are_open(served: Served) -> None:
    before = SOCKETS.now
    async with served.socket(NOURA), served.socket(RAJESH):
        assert SOCKETS.now - before == 2
    async with asyncio.timeout(5):
        while SOCKETS.now > before:  # noqa: ASYNC110 (it has no event for it)
            await asyncio.sleep(0.01)


async def test_who_comes_while_it_is_asked_who_still_may_listen_is_not_sent_away(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    living, asking, answered = served.house.app.live._living, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> Any:
        found = await living(*arguments)
        asking.set()
        await answered.wait()
        return found

    async with served.socket(NOURA):
        monkeypatch.setattr(served.house.app.live, "_living", slow)
        await asyncio.wait_for(asking.wait(), 5)
        async with served.socket(RAJESH) as client:
            answered.set()
            await asyncio.sleep(0.3)
            await client.send(type="ping")
            assert await client.receive() == {"type": "pong"}
