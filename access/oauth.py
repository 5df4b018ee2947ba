"""Tokens for agencies' programs: OAuth 2.0 client credentials (RFC 6749, 4.4) with a signed assertion (RFC 7523)."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

import psycopg
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from access.attempts import Attempts, Limit
from access.client import Clients, InvalidAssertion
from access.token import TokenKeys
from domain import rules
from domain.errors import Refused
from store.database import DatabaseUnavailable

logger = logging.getLogger(__name__)

PATH: Final = "/oauth/token"
FORM: Final = "application/x-www-form-urlencoded"
GRANT_TYPE: Final = "client_credentials"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_BODY: Final = 16_384
MOST_PARAMETERS: Final = 20
NOT_CACHED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
UNKNOWN: Final = "The client is not known, or its assertion is not right or was shown before."
FAILURES: Final = Limit("failed assertions of an address", rules.FAILURES_PER_ADDRESS, timedelta(minutes=15))


@dataclass(eq=False)
class OAuthError(Exception):
    """A request that is answered as RFC 6749, 5.2 says; `detail` is for the developer who sent it."""

    code: str
    detail: str
    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        body = {"error": self.code, "error_description": self.detail}
        return JSONResponse(body, self.status, NOT_CACHED | dict(self.headers))


class OAuth:
    """The endpoints."""

    def __init__(
        self,
        clients: Clients,
        token_keys: TokenKeys,
        attempts: Attempts,
        *,
        now: Callable[[], datetime],
        seconds: int,
    ) -> None:
        self._clients = clients
        self._keys = token_keys
        self._attempts = attempts
        self._now = now
        self._seconds = seconds
        self._audiences = audiences(token_keys.issuer)

    async def public_keys(self, _request: Request) -> Response:
        """The keys with which whoever gets a token can verify it."""
        return JSONResponse(
            self._keys.public(), headers={"Cache-Control": "public, max-age=300"}, media_type="application/jwk-set+json"
        )

    async def token(self, request: Request) -> Response:
        """Exchange an assertion for an access token."""
        try:
            address = self._attempts.of_address(request.client.host if request.client else "")
            await self._attempts.count(FAILURES, address, now=self._now())
            answer = await self._answer(request)
            await self._attempts.take_back(FAILURES, address)
        except Refused as refused:
            seconds = refused.problems[0].retry_after_seconds or 1
            return _come_back("Too many requests have failed.", HTTPStatus.TOO_MANY_REQUESTS, seconds).response()
        except OAuthError as error:
            return error.response()
        except (psycopg.OperationalError, DatabaseUnavailable):
            logger.warning("no token could be issued: the database does not answer")
            return _come_back("The database does not answer.", HTTPStatus.SERVICE_UNAVAILABLE, 5).response()
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        return JSONResponse(answer, headers=NOT_CACHED)

    async def _answer(self, request: Request) -> dict[str, str | int]:
        assertion, client_id = _credentials(request, await _form(request))
        now = self._now()
        try:
            client = await self._clients.authenticate(
                assertion, client_id=client_id, audiences=self._audiences, now=now
            )
        except InvalidAssertion as invalid:
            logger.info("no token was issued for an assertion: %s", invalid)
            raise _invalid_client(request, f"The assertion: {invalid}." if invalid.told else UNKNOWN) from None
        token = self._keys.issue(None, now=now, seconds=self._seconds, agency=client.agency, client_id=client.id)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._seconds}


def audiences(issuer: str) -> frozenset[str]:
    """What an assertion for this installation may name as its audience: it, or its token endpoint."""
    name = issuer.removeprefix("https://").removeprefix("http://").rstrip("/")
    return frozenset(
        {issuer} | {f"{scheme}{name}{path}" for scheme in ("", "https://", "http://") for path in ("", PATH)}
    )


def _credentials(request: Request, form: Mapping[str, str]) -> tuple[str, str | None]:
    """The assertion and, if it is given, the client's id.

    Raises:
        OAuthError: this is no request for a token as they are given here.
    """
    if "grant_type" not in form:
        raise OAuthError("invalid_request", f"grant_type is missing: it must be {GRANT_TYPE}.")
    if form["grant_type"] != GRANT_TYPE:
        raise OAuthError("unsupported_grant_type", f"grant_type must be {GRANT_TYPE}.")
    other = "authorization" in request.headers or "client_secret" in form
    if "client_assertion" not in form or form.get("client_assertion_type") != ASSERTION_TYPE:
        wanted = f"Authenticate with client_assertion, and client_assertion_type={ASSERTION_TYPE}."
        raise _invalid_client(request, wanted)
    if other:
        raise OAuthError("invalid_request", "Authenticate in one way: with client_assertion alone.")
    if "scope" in form:
        raise OAuthError("invalid_scope", "There are no scopes: a client may use the operations of its agency.")
    return form["client_assertion"], form.get("client_id")


async def _form(request: Request) -> dict[str, str]:
    """The parameters in a request's body; one that is empty counts as not given (RFC 6749, 3.2).

    Raises:
        OAuthError: there are none, or one is given twice.
    """
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    if media_type.strip() != FORM or charset not in {"", "charset=utf-8"}:
        raise OAuthError("invalid_request", f"Send the parameters as {FORM}, in UTF-8.")
    try:
        pairs = parse_qsl((await _body(request)).decode(), errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise OAuthError(
            "invalid_request", f"The body is not UTF-8, or has over {MOST_PARAMETERS} parameters."
        ) from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise OAuthError("invalid_request", "A parameter is given twice.")
    return form


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise OAuthError("invalid_request", f"The body is longer than {LONGEST_BODY} bytes.")
    return bytes(body)


def _invalid_client(request: Request, detail: str) -> OAuthError:
    # A 401 names a scheme (RFC 9110, 15.5.2): the one that was tried (RFC 6749, 5.2). Assertions have none of their own.
    tried = request.headers.get("authorization", "").partition(" ")[0].lower()
    challenge = {"WWW-Authenticate": f'{"Basic" if tried == "basic" else "Bearer"} realm="sijil"'}
    return OAuthError("invalid_client", detail, HTTPStatus.UNAUTHORIZED, challenge)


def _come_back(detail: str, status: HTTPStatus, seconds: int) -> OAuthError:
    return OAuthError(
        "temporarily_unavailable", f"{detail} Try again in {seconds} s.", status, {"Retry-After": str(seconds)}
    )
