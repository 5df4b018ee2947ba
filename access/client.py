"""Agencies' programs: registered with a public key, known by assertions that they sign (private_key_jwt, RFC 7523)."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from access.digest import Digests
from access.token import CLOCKS_DIFFER_BY, Algorithms
from store.codec import RandomBytes
from store.database import Database
from store.faults import ExitStatus, Fault

PublicKey = OKPKey | ECKey | RSAKey

ALGORITHMS: Final = {"OKP": ("EdDSA", "Ed25519"), "EC": ("ES256",), "RSA": ("RS256", "PS256")}
"""What a key of a type may sign with. Never what the assertion itself asks for: see RFC 8725, 3.1."""

SHORTEST_RSA: Final = 2048
LONGEST_RSA: Final = 4096
PUBLIC_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

ASSERTION_HOLDS: Final = timedelta(minutes=10)
LONGEST_ID: Final = 256
FORGOTTEN_AT_ONCE: Final = 100

USE_ONCE = """
    INSERT INTO client_assertions AS a (digest, expires_at) VALUES (%(digest)s, %(expires_at)s)
    ON CONFLICT (digest) DO UPDATE SET expires_at = excluded.expires_at WHERE a.expires_at <= %(now)s
    RETURNING true
"""
FORGET = """
    DELETE FROM client_assertions WHERE digest IN (
        SELECT digest FROM client_assertions WHERE expires_at <= %(now)s
        ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
    )
"""


class InvalidAssertion(Exception):
    """An assertion that proves nothing; `told` is what its sender may know, None before they are known."""

    def __init__(self, reason: str, *, told: bool = False) -> None:
        super().__init__(reason)
        self.told = told


@dataclass(frozen=True, slots=True)
class Client:
    """A program that acts for an agency."""

    id: str
    agency: str
    public_key: PublicKey
    added_at: datetime
    removed_at: datetime | None = None


class _Assertion(msgspec.Struct, frozen=True):
    """What an assertion claims."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    jti: str
    iat: float | None = None
    nbf: float | None = None


class Clients:
    """The registered programs, and the assertions they have shown."""

    def __init__(self, database: Database, digests: Digests, *, random_bytes: RandomBytes = os.urandom) -> None:
        self._database = database
        self._digests = digests
        self._random_bytes = random_bytes

    async def add(self, agency: str, public_key: PublicKey, *, now: datetime) -> str:
        """Register a program of an agency; returns its new id."""
        key = json.dumps(public_key.as_dict(private=False))
        async with self._database.pool.connection() as connection:
            while True:  # until the id is free
                client_id = f"{agency}-{self._random_bytes(3).hex()}"
                cursor = await connection.execute(
                    "INSERT INTO clients (id, agency, public_key, added_at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (client_id, agency, key, now),
                )
                if cursor.rowcount:
                    return client_id

    async def remove(self, client_id: str, *, now: datetime) -> bool:
        """End a program's access; False when there is none of this id. One that was removed stays so."""
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                "UPDATE clients SET removed_at = coalesce(removed_at, %s) WHERE id = %s", (now, client_id)
            )
        return bool(cursor.rowcount)

    async def all(self) -> list[Client]:
        """Every program that was ever registered, by agency and age."""
        return await self._select("true ORDER BY agency, added_at, id", ())

    async def is_active(self, client_id: str) -> bool:
        """Whether the program is registered and not removed."""
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute("SELECT FROM clients WHERE id = %s AND removed_at IS NULL", (client_id,))
            return bool(cursor.rowcount)

    async def authenticate(
        self, assertion: str, *, client_id: str | None, audiences: frozenset[str], now: datetime
    ) -> Client:
        """Find out which program has signed an assertion, and use it up.

        Args:
            assertion: a JWT.
            client_id: the program that it must be, if the request names one.
            audiences: names of this installation; the assertion must be meant for one of them.
            now: the time of the request.

        Raises:
            InvalidAssertion: it is nobody's, forged, meant for others, out of date, or was shown before.
        """
        claims, client = await self._signed(assertion)
        if client_id is not None and client_id != client.id:
            raise InvalidAssertion("client_id names another client", told=True)
        _check(claims, audiences, now)
        digest = self._digests("client assertion", client.id, claims.jti)
        # Another process, whose clock is behind, must not find it forgotten.
        expires_at = datetime.fromtimestamp(claims.exp, UTC) + CLOCKS_DIFFER_BY
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(USE_ONCE, {"digest": digest, "expires_at": expires_at, "now": now})
            first = await cursor.fetchone()
            await connection.execute(FORGET, {"now": now, "most": FORGOTTEN_AT_ONCE})
        if first is None:
            raise InvalidAssertion(f"{client.id} has shown this assertion before")
        return client

    async def _signed(self, assertion: str) -> tuple[_Assertion, Client]:
        """What a client claims and has signed."""
        try:
            parsed = jws.extract_compact(assertion.encode("ascii"))
            claims = msgspec.json.decode(parsed.payload or b"", type=_Assertion)
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, RecursionError) as fault:
            raise InvalidAssertion("it is no JWT with iss, sub, aud, exp and jti", told=True) from fault
        client = await self._active(claims.sub)
        if client is None:
            raise InvalidAssertion("there is no such client")
        registry = Algorithms(*ALGORITHMS[client.public_key.key_type], strict=False)
        try:
            is_signed = jws.validate_compact(parsed, client.public_key, registry=registry)
        except (JoseError, ValueError, TypeError) as fault:
            raise InvalidAssertion(f"{client.id} may not sign like this") from fault
        if not is_signed:
            raise InvalidAssertion(f"this is not the signature of {client.id}")
        return claims, client

    async def _active(self, client_id: str) -> Client | None:
        if "\0" in client_id:  # no text for PostgreSQL
            return None
        return next(iter(await self._select("id = %s AND removed_at IS NULL", (client_id,))), None)

    async def _select(self, condition: str, parameters: tuple[str, ...]) -> list[Client]:
        columns = "id, agency, public_key, added_at, removed_at"
        async with self._database.pool.connection() as connection:
            cursor = await connection.execute(
                f"SELECT {columns} FROM clients WHERE {condition}".encode(),  # noqa: S608 (ours)
                parameters,
            )
            return [
                Client(id, agency, _usable(_from_jwk(json.loads(key))), added_at, removed_at)
                for id, agency, key, added_at, removed_at in await cursor.fetchall()
            ]


def _check(claims: _Assertion, audiences: frozenset[str], now: datetime) -> None:
    """Refuse what a client has signed, but not for us and now.

    Raises:
        InvalidAssertion: with a reason that the client may know.
    """
    seconds = now.timestamp()
    skew = CLOCKS_DIFFER_BY.total_seconds()
    audience = {claims.aud} if isinstance(claims.aud, str) else set(claims.aud)
    wrong = {
        "iss and sub must both be the client id": claims.iss != claims.sub,
        f"aud must be {min(audiences, key=len)}": not audience & audiences,
        "it has expired": claims.exp <= seconds,
        "exp may be ten minutes ahead at most": claims.exp > seconds + ASSERTION_HOLDS.total_seconds(),
        "iat is in the future": claims.iat is not None and claims.iat > seconds + skew,
        "it does not hold yet": claims.nbf is not None and claims.nbf > seconds + skew,
        f"jti must have 1 to {LONGEST_ID} characters": not 1 <= len(claims.jti) <= LONGEST_ID,
    }
    for reason, is_so in wrong.items():
        if is_so:
            raise InvalidAssertion(reason, told=True)


# Public keys


def read_public_key(content: bytes) -> PublicKey:
    """A client's public key, from PEM (SubjectPublicKeyInfo) or from a JWK.

    Raises:
        Fault: it is none, a private one, or not of a kind that is used here; the message holds nothing of it.
    """
    try:
        if content.lstrip().startswith(b"{"):
            return _usable(_from_jwk(_without_secrets(json.loads(content))))
        if b"PRIVATE KEY" in content:
            raise _private()
        return _usable(load_pem_public_key(content))
    except (JoseError, ValueError, TypeError, KeyError, RecursionError, UnsupportedAlgorithm) as fault:
        message = "This is no public key: it must be PEM (-----BEGIN PUBLIC KEY-----) or one JWK."
        raise Fault(message, ExitStatus.FILE) from fault


def kind_of(key: PublicKey) -> str:
    """Its type and size, for people: Ed25519, P-256, RSA 2048."""
    return f"RSA {key.public_key.key_size}" if isinstance(key, RSAKey) else key.curve_name


def _without_secrets(jwk: Mapping[str, object]) -> Mapping[str, object]:
    if SECRET_MEMBERS & jwk.keys():
        raise _private()
    return jwk


def _private() -> Fault:
    message = "This is a private key: it must stay with the agency. Register the public key that belongs to it."
    return Fault(message, ExitStatus.FILE)


def _from_jwk(jwk: Mapping[str, object]) -> object:
    """The key alone: what a JWK says about its use is left out."""
    binding = JWKRegistry.key_types[str(jwk["kty"])].binding
    key: object = binding.import_from_dict({name: str(jwk[name]) for name in PUBLIC_MEMBERS & jwk.keys()})
    return key


def _usable(key: object) -> PublicKey:
    match key:
        case Ed25519PublicKey():
            return OKPKey.import_key(key)
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return ECKey.import_key(key)
        case RSAPublicKey() if SHORTEST_RSA <= key.key_size <= LONGEST_RSA:
            return RSAKey.import_key(key)
    message = (
        f"This key is of no kind that is used here: Ed25519, P-256, or RSA of {SHORTEST_RSA} to {LONGEST_RSA} bits."
    )
    raise Fault(message, ExitStatus.FILE)
