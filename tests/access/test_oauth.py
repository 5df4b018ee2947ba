import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from starlette.applications import Starlette
from starlette.routing import Route

from access.attempts import Attempts
from access.client import Clients
from access.digest import Digests
from access.key_set import rotate_keys
from access.oauth import ASSERTION_TYPE, OAuth, audiences
from access.token import TokenKeys
from store.database import Database
from store.keys import Keys
from tests.access.assertions import ED25519, P256, assertion, public
from tests.conftest import Clock

UNKNOWN = "The client is not known, or its assertion is not right or was shown before."


class Endpoint:
    """The endpoint, a program of the traffic department that is registered, and its requests."""

    def __init__(self, clients: Clients, key_file: Path, attempts: Attempts, now: Clock, client_id: str) -> None:
        self.clients = clients
        self.key_file = key_file
        self.keys = keys = TokenKeys.load(key_file, create=True)
        self.now = now
        self.client_id = client_id
        self.address = "192.0.2.1"
        self.oauth = OAuth(clients, keys, attempts, now=now, seconds=300)

    async def send(self, method: str, path: str, **sent: Any) -> httpx.Response:
        routes = [
            Route("/oauth/token", self.oauth.token, methods=["POST"]),
            Route("/.well-known/jwks.json", self.oauth.public_keys),
        ]
        transport = httpx.ASGITransport(Starlette(routes=routes), client=(self.address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://sijil.local") as client:
            return await client.request(method, path, **sent)

    async def post(
        self, *, form: dict[str, str] | None = None, headers: dict[str, str] | None = None, **changed: str | None
    ) -> httpx.Response:
        """A right request, but for the parameters that are given; one that is None is left out. Or the form given."""
        right = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(self.client_id, ED25519, now=self.now()),
        }
        parameters = {name: value for name, value in (right | changed).items() if value is not None}
        return await self.send("POST", "/oauth/token", data=form or parameters, headers=headers)


@pytest.fixture
async def endpoint(database: Database, keys: Keys, now: Clock, tmp_path_factory: pytest.TempPathFactory) -> Endpoint:
    clients = Clients(database, Digests(keys.lookup.access))
    key_file = tmp_path_factory.mktemp("keys") / "token.jwk"
    attempts = Attempts(database, Digests(keys.lookup.access))
    return Endpoint(clients, key_file, attempts, now, await clients.add("traffic", public(ED25519), now=now()))


def refused(response: httpx.Response) -> tuple[int, str, str]:
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"error", "error_description"}
    return response.status_code, body["error"], body["error_description"]


async def test_a_program_gets_a_token_of_its_agency(endpoint: Endpoint, now: Clock) -> None:
    response = await endpoint.post(client_id=endpoint.client_id)

    body = response.json()
    assert (response.status_code, body) == (
        200,
        {"access_token": body["access_token"], "token_type": "Bearer", "expires_in": 300},
    )
    assert [response.headers[name] for name in ("content-type", "cache-control", "pragma")] == [
        "application/json",
        "no-store",
        "no-cache",
    ]
    claims = endpoint.keys.verify(body["access_token"], now())
    assert (claims.person_id, claims.agency, claims.client_id) == (None, "traffic", endpoint.client_id)
    assert (claims.expires_at - now()).total_seconds() == 300


async def test_an_empty_parameter_counts_as_not_given_and_an_unknown_one_for_nothing(endpoint: Endpoint) -> None:
    response = await endpoint.post(scope="", client_id="", resource="https://sijil.local")
    assert response.status_code == 200


@pytest.mark.parametrize(
    "audience",
    [
        "sijil.local",
        "https://sijil.local",
        "http://sijil.local",
        "sijil.local/oauth/token",
        "https://sijil.local/oauth/token",
        "http://sijil.local/oauth/token",
    ],
)
def test_an_assertion_may_be_for_the_installation_or_for_its_endpoint(audience: str) -> None:
    for issuer in ("sijil.local", "https://sijil.local", "http://sijil.local/"):
        assert audience in audiences(issuer)
        assert issuer in audiences(issuer)


async def test_what_proves_nothing_is_answered_alike(endpoint: Endpoint, now: Clock) -> None:
    other = await endpoint.clients.add("sadad", public(P256), now=now())
    gone = await endpoint.clients.add("traffic", public(ED25519), now=now())
    await endpoint.clients.remove(gone, now=now())
    shown = assertion(endpoint.client_id, ED25519, now=now())
    assert (await endpoint.post(client_assertion=shown)).status_code == 200
    header, claims, _ = assertion(endpoint.client_id, ED25519, now=now()).split(".")
    proving_nothing = {
        "a replay": shown,
        "an unknown client": assertion("traffic-000000", ED25519, now=now()),
        "a removed client": assertion(gone, ED25519, now=now()),
        "another's name": assertion(other, ED25519, now=now()),
        "another key": assertion(endpoint.client_id, OKPKey.generate_key("Ed25519"), now=now()),
        "no signature": f"{header}.{claims}.",
    }
    for what, sent in proving_nothing.items():
        response = await endpoint.post(client_assertion=sent)
        assert refused(response) == (401, "invalid_client", UNKNOWN), what
        assert response.headers["www-authenticate"] == 'Bearer realm="sijil"'


async def test_whoever_has_signed_is_told_what_is_wrong(endpoint: Endpoint, now: Clock) -> None:
    at = now().timestamp()
    for claims, reason in (
        ({"exp": at - 1}, "it has expired"),
        ({"exp": at + 601}, "exp may be ten minutes ahead at most"),
        ({"aud": "elsewhere"}, "aud must be sijil.local"),
        ({"jti": None}, "it is no JWT with iss, sub, aud, exp and jti"),
    ):
        sent = assertion(endpoint.client_id, ED25519, now=now(), **claims)
        assert refused(await endpoint.post(client_assertion=sent)) == (
            401,
            "invalid_client",
            f"The assertion: {reason}.",
        )
    assert refused(await endpoint.post(client_id="sadad-000000")) == (
        401,
        "invalid_client",
        "The assertion: client_id names another client.",
    )


async def test_of_one_assertion_at_the_same_moment_one_token_comes(endpoint: Endpoint, now: Clock) -> None:
    for _ in range(5):
        shown = assertion(endpoint.client_id, ED25519, now=now())
        responses = await asyncio.gather(*(endpoint.post(client_assertion=shown) for _ in range(4)))
        assert sorted(response.status_code for response in responses) == [200, 401, 401, 401]


@pytest.mark.parametrize(
    ("changed", "status", "error", "description"),
    [
        ({"grant_type": None}, 400, "invalid_request", "grant_type is missing: it must be client_credentials."),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "grant_type must be client_credentials."),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type", "grant_type must be client_credentials."),
        (
            {"client_assertion": None},
            401,
            "invalid_client",
            f"Authenticate with client_assertion, and client_assertion_type={ASSERTION_TYPE}.",
        ),
        (
            {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
            401,
            "invalid_client",
            f"Authenticate with client_assertion, and client_assertion_type={ASSERTION_TYPE}.",
        ),
        ({"client_secret": "x"}, 400, "invalid_request", "Authenticate in one way: with client_assertion alone."),
        (
            {"scope": "recordViolation"},
            400,
            "invalid_scope",
            "There are no scopes: a client may use the operations of its agency.",
        ),
    ],
)
async def test_a_request_that_is_not_as_it_should_be_is_told_so(
    endpoint: Endpoint, changed: dict[str, Any], status: int, error: str, description: str
) -> None:
    assert refused(await endpoint.post(**changed)) == (status, error, description)


async def test_a_password_is_no_authentication_here(endpoint: Endpoint) -> None:
    basic = {"Authorization": "Basic dHJhZmZpYzpzZWNyZXQ="}
    form = {"grant_type": "client_credentials"}
    for headers, scheme in ((basic, "Basic"), ({"Authorization": 'x" y'}, "Bearer"), ({}, "Bearer")):
        response = await endpoint.post(form=form, headers=headers)
        assert refused(response)[:2] == (401, "invalid_client")
        assert response.headers["www-authenticate"] == f'{scheme} realm="sijil"'
    assert refused(await endpoint.post(headers=basic))[:2] == (400, "invalid_request")


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "content_type", "description"),
    [
        (b"{}", "application/json", f"Send the parameters as {FORM}, in UTF-8."),
        (b"grant_type=client_credentials", "", f"Send the parameters as {FORM}, in UTF-8."),
        (b"grant_type=client_credentials", f"{FORM}; charset=latin-1", f"Send the parameters as {FORM}, in UTF-8."),
        (b"", FORM, "grant_type is missing: it must be client_credentials."),
        (b"", f'{FORM}; charset="UTF-8"', "grant_type is missing: it must be client_credentials."),
        (b"\xff", FORM, "The body is not UTF-8, or has over 20 parameters."),
        (b"grant_type=%ff", FORM, "The body is not UTF-8, or has over 20 parameters."),
        (b"&".join([b"a=1"] * 21), FORM, "The body is not UTF-8, or has over 20 parameters."),
        (b"grant_type=a&grant_type=a", FORM, "A parameter is given twice."),
        (b"a=" + b"x" * 16_383, FORM, "The body is longer than 16384 bytes."),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    endpoint: Endpoint, content: bytes, content_type: str, description: str
) -> None:
    response = await endpoint.send("POST", "/oauth/token", content=content, headers={"Content-Type": content_type})
    assert refused(response) == (400, "invalid_request", description)


async def test_a_body_without_an_end_is_not_read_to_it(endpoint: Endpoint) -> None:
    chunks = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal chunks
        while True:
            chunks += 1
            yield b"x" * 1024

    response = await endpoint.send("POST", "/oauth/token", content=endless(), headers={"Content-Type": FORM})
    assert refused(response) == (400, "invalid_request", "The body is longer than 16384 bytes.")
    assert chunks == 17


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
async def test_only_post_asks_for_a_token(endpoint: Endpoint, method: str) -> None:
    response = await endpoint.send(method, "/oauth/token")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_hundred_failures_of_an_address_are_enough_and_successes_do_not_count(
    endpoint: Endpoint, now: Clock
) -> None:
    for _ in range(2):
        assert (await endpoint.post()).status_code == 200
    wrong: list[dict[str, Any]] = [
        {"client_assertion": "x"},
        {"grant_type": "x"},
        {"client_assertion": None},
        {"scope": "x"},
    ]
    for number in range(100):
        assert (await endpoint.post(**wrong[number % 4])).status_code in {400, 401}
    now.advance(minutes=1)

    response = await endpoint.post()

    assert refused(response) == (
        429,
        "temporarily_unavailable",
        "Too many requests have failed. Try again in 840 s.",
    )
    assert response.headers["retry-after"] == "840"
    endpoint.address = "192.0.2.7"
    assert (await endpoint.post()).status_code == 200
    endpoint.address = "192.0.2.1"
    now.advance(minutes=14)
    assert (await endpoint.post()).status_code == 200


async def test_without_a_database_a_program_is_told_to_come_back(
    endpoint: Endpoint, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.pool.close()

    response = await endpoint.post()

    assert refused(response) == (503, "temporarily_unavailable", "The database does not answer. Try again in 5 s.")
    assert response.headers["retry-after"] == "5"
    assert [record.message for record in caplog.records] == ["no token could be issued: the database does not answer"]


async def test_the_log_names_clients_that_are_known_and_no_assertion(
    endpoint: Endpoint, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")
    shown = assertion(endpoint.client_id, ED25519, now=now())
    for sent in (shown, shown, assertion("who\nare you", ED25519, now=now()), "nonsense"):
        await endpoint.post(client_assertion=sent)

    before = "no token was issued for an assertion: "
    assert [record.message.removeprefix(before) for record in caplog.records] == [
        f"{endpoint.client_id} has shown this assertion before",
        "there is no such client",
        "it is no JWT with iss, sub, aud, exp and jti",
    ]


# Public keys


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_a_token_is_verified_with_the_published_keys_before_and_after_a_rotation(endpoint: Endpoint) -> None:
    tokens = [(await endpoint.post()).json()["access_token"]]
    rotate_keys(endpoint.key_file)
    tokens.append((await endpoint.post()).json()["access_token"])

    response = await endpoint.send("GET", "/.well-known/jwks.json")

    assert [response.headers[name] for name in ("content-type", "cache-control")] == [
        "application/jwk-set+json",
        "public, max-age=300",
    ]
    published = response.json()
    assert [{**key, "x": "…", "kid": "…"} for key in published["keys"]] == [
        {"kty": "OKP", "crv": "Ed25519", "x": "…", "kid": "…", "use": "sig", "alg": "EdDSA"}
    ] * 2
    known = KeySet.import_key_set(published)
    for token in tokens:
        assert jwt.decode(token, known, algorithms=["EdDSA"]).claims["client_id"] == endpoint.client_id


async def test_the_published_keys_hold_nothing_private(endpoint: Endpoint) -> None:
    private = [key["d"] for key in json.loads(endpoint.key_file.read_text())["keys"]]
    response = await endpoint.send("GET", "/.well-known/jwks.json")
    assert [secret in response.text for secret in private] == [False]

    head = await endpoint.send("HEAD", "/.well-known/jwks.json")
    assert (head.status_code, head.content, head.headers) == (200, b"", response.headers)
    assert (await endpoint.send("POST", "/.well-known/jwks.json")).headers["allow"] in {"GET, HEAD", "HEAD, GET"}
