"""The record as another installation's API answers it to an auditor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import httpx

from cli.audit.database import streams_of
from cli.audit.remote import asking, fetching, unless_busy
from cli.audit.step import Change, State, Step, Until, Who
from commands.global_id import read_global_id
from domain import formats
from domain.errors import Refused
from domain.text import Text
from schema.scalars import moment
from settings import Settings
from store.faults import ExitStatus, Fault

PAGE: Final = 100  # the most that the API answers at once
EVENT: Final = """id position stream streamVersion type title { ar en } recordedAt occurredAt schemaVersion correlationId causationId
    data actor { role subject name { en } channel }"""
EVENTS: Final = f"""query ($after: String, $filter: EventFilter) {{
    events(first: {PAGE}, after: $after, filter: $filter) {{
        edges {{ node {{ {EVENT} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
STEPS: Final = EVENTS.replace("channel }", "channel } changes { field before after }")
LAST: Final = "query ($filter: EventFilter) { events(last: 1, filter: $filter) { edges { node { position } } } }"
REPLAY: Final = """query ($stream: String!, $version: Int, $asOf: DateTime) {
    replay(stream: $stream, version: $version, asOf: $asOf) { version asOf state } }"""
RECEIPT: Final = "query ($eventId: ID!) { receipt(eventId: $eventId) { proof } }"
PERSON: Final = "query ($nationalId: String!) { person(nationalId: $nationalId) { id } }"


@asynccontextmanager
async def open_api(url: str, settings: Settings) -> AsyncIterator["ApiRecord"]:
    """The record behind an address.

    Raises:
        Fault: there is no token.
    """
    require_token(settings)
    async with asking(url, settings) as client:
        yield ApiRecord(client)


def require_token(settings: Settings) -> None:
    """Say at once what would be refused later.

    Raises:
        Fault: there is no token.
    """
    if settings.token is None:
        raise Fault("Set SIJIL_TOKEN to an auditor's access token.", ExitStatus.SETTINGS)


class ApiRecord:
    """Asks page by page."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def stream(self, named: str) -> str:
        """Find the stream that a text names.

        Raises:
            Fault: there is none.
        """
        for candidate in streams_of(named):
            if await self._last({"stream": str(candidate)}):
                return str(candidate)
        if (person := await self._person(named)) is not None:
            return person
        raise Fault(f"There is no stream, visa, violation, objection or person {named}.", ExitStatus.FILE)

    async def _person(self, named: str) -> str | None:
        try:
            number = formats.national_id(named)
        except Refused:
            return None
        found = (await self._ask(PERSON, nationalId=number))["person"]
        read = None if found is None else read_global_id(found["id"])
        return None if read is None else str(read[1])

    async def steps(self, stream: str) -> AsyncIterator[list[Step]]:
        async for steps in self._pages(STEPS, {"stream": stream}):
            yield steps

    async def state(self, stream: str, until: Until) -> State | None:
        """The stream as it was; None: it had not begun."""
        as_of = None if until.as_of is None else moment(until.as_of)
        found = await self._ask(REPLAY, missing=True, stream=stream, version=until.version, asOf=as_of)
        replayed = found["replay"]
        return None if replayed is None else State(replayed["version"], replayed["asOf"], replayed["state"])

    async def place_of(self, moment_: datetime) -> int:
        return await self._last({"recordedTo": moment(moment_ - timedelta(milliseconds=1))})

    async def head(self) -> int:
        return await self._last({})

    async def events(self, first: int, last: int) -> AsyncIterator[list[Step]]:
        async for steps in self._pages(EVENTS, {"positionFrom": str(first), "positionTo": str(last)}):
            yield steps

    async def at(self, position: int) -> Step | None:
        """The event at a position."""
        found = [step async for steps in self.events(position, position) for step in steps]
        return found[0] if found else None

    async def proof(self, event_id: str) -> str | None:
        """The receipt of an event."""
        found = (await self._ask(RECEIPT, eventId=event_id))["receipt"]
        proof: str | None = None if found is None else found["proof"]
        return proof

    async def origin(self) -> str:
        """The name of its log."""
        key = await fetching(self._client)("key")
        if key is None:
            raise Fault("The log publishes no key.", ExitStatus.DATABASE)
        return key.decode(errors="replace").partition("+")[0]

    async def _last(self, filter: dict[str, str]) -> int:
        edges = (await self._ask(LAST, filter=filter))["events"]["edges"]
        return int(edges[0]["node"]["position"]) if edges else 0

    async def _pages(self, query: str, filter: dict[str, str]) -> AsyncIterator[list[Step]]:
        after = None
        while True:
            page = (await self._ask(query, after=after, filter=filter))["events"]
            if page["edges"]:
                yield [_step(edge["node"]) for edge in page["edges"]]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    async def _ask(self, query: str, *, missing: bool = False, **variables: Any) -> dict[str, Any]:  # noqa: ANN401
        """What is answered. `missing`: NOT_FOUND is an answer, too."""
        body = {"query": query, "variables": variables}
        answer = await unless_busy(self._client, self._client.build_request("POST", "/graphql", json=body))
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise Fault("SIJIL_TOKEN is not accepted: it may have expired.", ExitStatus.SETTINGS)
        try:
            found = answer.json()
        except ValueError:
            raise Fault(f"{answer.request.url} is no GraphQL API of Sijil.", ExitStatus.FILE) from None
        for error in found.get("errors", []):
            if not (missing and error["extensions"]["code"] == "NOT_FOUND"):
                raise Fault(f"The API answers: {error['message']}", ExitStatus.FILE)
        data: dict[str, Any] = found["data"]
        return data


def _step(node: dict[str, Any]) -> Step:
    actor = node["actor"]
    name = actor["name"]["en"] if actor["name"] else None
    return Step(
        id=node["id"],
        position=int(node["position"]),
        stream=node["stream"],
        version=node["streamVersion"],
        type=node["type"],
        title=Text(node["title"]["ar"], node["title"]["en"]),
        recorded_at=node["recordedAt"],
        occurred_at=node["occurredAt"],
        schema_version=node["schemaVersion"],
        correlation_id=node["correlationId"],
        causation_id=node["causationId"],
        who=Who(actor["role"], actor["subject"], name, actor["channel"]),
        data=node["data"],
        changes=tuple(Change(one["field"], one["before"], one["after"]) for one in node.get("changes", ())),
    )
