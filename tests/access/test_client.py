import asyncio
import base64
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.jwk import ECKey, OKPKey, RSAKey

from access.client import ALGORITHMS, Client, Clients, InvalidAssertion, kind_of, read_public_key
from access.digest import Digests
from store.database import Database
from store.faults import ExitStatus, Fault
from store.keys import Keys
from tests.access.assertions import ED25519, P256, RSA, assertion, public
from tests.conftest import Clock

AUDIENCES = frozenset({"sijil.local", "https://sijil.local/oauth/token"})


def encoded(part: object) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def pem(key: Any) -> bytes:
    written: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return written


class Installation:
    """Registered programs, each with a key of its own."""

    def __init__(self, database: Database, keys: Keys, now: Clock) -> None:
        self.database = database
        self.clients = Clients(database, Digests(keys.lookup.access))
        self.now = now

    async def add(self, key: Any = ED25519, agency: str = "traffic") -> str:
        return await self.clients.add(agency, public(key), now=self.now())

    async def show(self, shown: str, *, client_id: str | None = None) -> Client:
        return await self.clients.authenticate(shown, client_id=client_id, audiences=AUDIENCES, now=self.now())

    async def refused(self, shown: str, *, client_id: str | None = None) -> tuple[str, bool]:
        with pytest.raises(InvalidAssertion) as refusal:
            await self.show(shown, client_id=client_id)
        return str(refusal.value), refusal.value.told

    async def remembered(self) -> list[tuple[bytes, datetime]]:
        async with self.database.pool.connection() as connection:
            cursor = await connection.execute("SELECT digest, expires_at FROM client_assertions ORDER BY expires_at")
            return await cursor.fetchall()


@pytest.fixture
def installation(database: Database, keys: Keys, now: Clock) -> Installation:
    return Installation(database, keys, now)


# Registration


async def test_a_program_is_known_by_its_agency_and_a_random_end(database: Database, keys: Keys, now: Clock) -> None:
    randomness = iter([b"\x3f\x9a\x2c", b"\x3f\x9a\x2c", b"\x00\x00\x01"])
    clients = Clients(database, Digests(keys.lookup.access), random_bytes=lambda _: next(randomness))

    added = [await clients.add("traffic", public(key), now=now()) for key in (ED25519, P256)]

    assert added == ["traffic-3f9a2c", "traffic-000001"]  # the second one would have had the first one's id
    assert {one.id: one.public_key.as_dict() for one in await clients.all()} == {
        "traffic-3f9a2c": ED25519.as_dict(private=False),
        "traffic-000001": P256.as_dict(private=False),
    }


async def test_programs_are_listed_by_agency_and_age_the_removed_ones_too(
    installation: Installation, now: Clock
) -> None:
    first = await installation.add()
    now.advance(minutes=1)
    second, other = await installation.add(RSA), await installation.add(P256, "sadad")
    now.advance(minutes=1)

    assert await installation.clients.remove(first, now=now())

    listed = [(one.id, one.agency, kind_of(one.public_key)) for one in await installation.clients.all()]
    assert listed == [(other, "sadad", "P-256"), (first, "traffic", "Ed25519"), (second, "traffic", "RSA 2048")]
    assert [one.removed_at for one in await installation.clients.all()] == [None, now(), None]


async def test_a_removed_program_is_active_no_more_and_stays_removed_since_then(
    installation: Installation, now: Clock
) -> None:
    client_id = await installation.add()
    removed_at = now()
    assert await installation.clients.is_active(client_id)

    for _ in range(2):
        assert await installation.clients.remove(client_id, now=now())
        now.advance(minutes=1)

    assert not await installation.clients.is_active(client_id)
    assert [one.removed_at for one in await installation.clients.all()] == [removed_at]
    assert await installation.refused(assertion(client_id, ED25519, now=now())) == ("there is no such client", False)


async def test_nobody_is_neither_active_nor_removed(installation: Installation, now: Clock) -> None:
    assert not await installation.clients.is_active("traffic-000000")
    assert not await installation.clients.remove("traffic-000000", now=now())


# Assertions


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ED25519, "EdDSA"), (ED25519, "Ed25519"), (P256, "ES256"), (RSA, "RS256"), (RSA, "PS256")],
    ids=["EdDSA", "Ed25519", "ES256", "RS256", "PS256"],
)
async def test_whoever_signs_with_the_registered_key_is_the_client(
    installation: Installation, now: Clock, key: Any, algorithm: str
) -> None:
    client_id = await installation.add(key)

    client = await installation.show(assertion(client_id, key, now=now(), algorithm=algorithm), client_id=client_id)

    assert (client.id, client.agency) == (client_id, "traffic")


async def test_an_assertion_may_differ_within_the_rules(installation: Installation, now: Clock) -> None:
    client_id = await installation.add()
    right: list[dict[str, Any]] = [
        {"aud": "https://sijil.local/oauth/token"},
        {"aud": ["elsewhere", "sijil.local"]},
        {"exp": 600},
        {"exp": 0.5},
        {"iat": None},
        {"iat": 30, "nbf": 30},
        {"nbf": -600},
        {"jti": "x"},
        {"jti": "x" * 256},
        {"jti": "\0"},
        {"more": {"of": "it"}},
        {"header": {"typ": "client-authentication+jwt", "kid": "mine", "cty": "JWT"}},
        {"header": {"x": 1}},
    ]
    for claims in right:
        shown = assertion(client_id, ED25519, now=now(), **timed(claims, now()))
        assert (await installation.show(shown)).id == client_id, claims


async def test_a_client_is_told_what_is_wrong_with_an_assertion_and_it_is_not_used_up(
    installation: Installation, now: Clock
) -> None:
    client_id = await installation.add()
    wrong: dict[str, list[dict[str, Any]]] = {
        "iss and sub must both be the client id": [{"iss": "civil-affairs-000000"}],
        "aud must be sijil.local": [{"aud": "elsewhere"}, {"aud": ["elsewhere"]}, {"aud": []}],
        "it has expired": [{"exp": 0}, {"exp": -3600}],
        "exp may be ten minutes ahead at most": [{"exp": 600.5}, {"exp": 1e300}, {"exp": 10**300}],
        "iat is in the future": [{"iat": 30.5}, {"iat": 1e300}],
        "it does not hold yet": [{"nbf": 30.5}],
        "jti must have 1 to 256 characters": [{"jti": ""}, {"jti": "x" * 257}],
        "it is no JWT with iss, sub, aud, exp and jti": [
            *({name: None} for name in ("iss", "sub", "aud", "exp", "jti")),
            *({"exp": exp} for exp in ("soon", True, float("nan"), float("inf"))),
            {"sub": 1},
            {"sub": ["x"]},
            {"jti": 7},
            {"iat": "now"},
        ],
    }
    for reason, claims in ((reason, claims) for reason, each in wrong.items() for claims in each):
        shown = assertion(client_id, ED25519, now=now(), **timed(claims, now()))
        assert await installation.refused(shown) == (reason, True), claims
    assert await installation.remembered() == []


def timed(claims: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Claims whose times are said in seconds from now."""
    times = {
        name: now.timestamp() + value
        for name, value in claims.items()
        if name in {"exp", "iat", "nbf"} and isinstance(value, int | float) and not isinstance(value, bool)
    }
    return claims | times


async def test_an_assertion_in_the_name_of_nobody_or_of_another_is_refused_untold(
    installation: Installation, now: Clock
) -> None:
    traffic, sadad = await installation.add(), await installation.add(P256, "sadad")
    for name, reason in {
        "traffic-000000": "there is no such client",
        "\0": "there is no such client",
        sadad: f"{sadad} may not sign like this",
    }.items():
        assert await installation.refused(assertion(name, ED25519, now=now())) == (reason, False)
    other = assertion(traffic, OKPKey.generate_key("Ed25519"), now=now())
    assert await installation.refused(other) == (f"this is not the signature of {traffic}", False)


async def test_a_request_that_names_another_client_is_refused(installation: Installation, now: Clock) -> None:
    shown = assertion(await installation.add(), ED25519, now=now())
    assert await installation.refused(shown, client_id="sadad-000000") == ("client_id names another client", True)


@pytest.mark.parametrize("key", [ED25519, P256, RSA], ids=kind_of)
async def test_the_public_key_is_no_shared_secret(installation: Installation, now: Clock, key: Any) -> None:
    client_id = await installation.add(key)
    claims = assertion(client_id, key, now=now(), algorithm=ALGORITHMS[key.key_type][0]).split(".")[1]
    signed = f"{encoded({'alg': 'HS256'})}.{claims}"
    for secret in (pem(key.public_key), json.dumps(key.as_dict(private=False)).encode()):
        shown = f"{signed}.{encoded(hmac.digest(secret, signed.encode(), 'sha256'))}"
        assert await installation.refused(shown) == (f"{client_id} may not sign like this", False)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS512"])
async def test_a_key_signs_only_with_the_algorithms_of_its_kind(
    installation: Installation, now: Clock, algorithm: str
) -> None:
    client_id = await installation.add(RSA)
    shown = assertion(client_id, RSA, now=now(), algorithm=algorithm)
    assert await installation.refused(shown) == (f"{client_id} may not sign like this", False)


async def test_a_key_in_the_header_counts_for_nothing(installation: Installation, now: Clock) -> None:
    client_id = await installation.add()
    own = OKPKey.generate_key("Ed25519")
    shown = assertion(client_id, own, now=now(), header={"jwk": own.as_dict(private=False)})
    assert await installation.refused(shown) == (f"this is not the signature of {client_id}", False)


async def test_what_is_unsigned_or_no_jwt_is_refused(installation: Installation, now: Clock) -> None:
    client_id = await installation.add()
    header, claims, signature = assertion(client_id, ED25519, now=now()).split(".")
    unsigned: list[object] = ["none", "None", "EdDSA", "HS256", "", None, 1, [], {"alg": "none"}]
    for algorithm in unsigned:
        for end in ("", signature[:-4], "AAAA"):
            assert (await installation.refused(f"{encoded({'alg': algorithm})}.{claims}.{end}"))[1] is False
    headers: list[object] = [
        ["alg"], "alg", 1, None, {}, b"{", b"\xff", b"[" * 300,
        {"alg": "EdDSA", "crit": ["exp"], "exp": 1}, {"alg": "EdDSA", "crit": 5}, {"alg": "EdDSA", "crit": "alg"},
        {"alg": "EdDSA", "b64": False}, {"alg": "EdDSA", "b64": False, "crit": ["b64"]}, {"alg": "EdDSA", "x": "x" * 5000},
    ]  # fmt: skip
    for changed in headers:
        await installation.refused(f"{encoded(changed)}.{claims}.{signature}")
    for content in (b"", b"{", b"\xff", b"[]", b"[" * 9000, b'{"a":' * 2000, b'{"sub": "\\ud800"}', b"1" * 5000):
        assert (await installation.refused(f"{header}.{encoded(content)}.{signature}"))[1] is True
    for nonsense in (
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        f"{header}.{claims}",
        f"{header}.{claims}.{signature}.",
        "ق.ق.ق",
        "\0",
    ):
        await installation.refused(nonsense)
    assert await installation.remembered() == []


# Once only


async def test_an_assertion_counts_once(installation: Installation, now: Clock) -> None:
    client_id = await installation.add()
    shown = assertion(client_id, ED25519, now=now())

    await installation.show(shown)

    assert await installation.refused(shown) == (f"{client_id} has shown this assertion before", False)
    again = (
        assertion(client_id, ED25519, now=now(), jti="one"),
        assertion(client_id, ED25519, now=now(), exp=now().timestamp() + 90, jti="one"),
    )
    await installation.show(again[0])
    assert (await installation.refused(again[1]))[0] == f"{client_id} has shown this assertion before"


async def test_of_two_showings_at_the_same_moment_one_counts(installation: Installation, now: Clock) -> None:
    client_id = await installation.add()
    for _ in range(5):
        shown = assertion(client_id, ED25519, now=now())
        outcomes = await asyncio.gather(*(installation.show(shown) for _ in range(4)), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Client", *["InvalidAssertion"] * 3]


async def test_two_clients_may_use_the_same_jti(installation: Installation, now: Clock) -> None:
    for client_id in (await installation.add(), await installation.add()):
        await installation.show(assertion(client_id, ED25519, now=now(), jti="1"))
    digests = [digest for digest, _ in await installation.remembered()]
    assert [len(digest) for digest in digests] == [32, 32]
    assert len(set(digests)) == 2


async def test_what_has_expired_is_forgotten_some_at_a_time_and_may_come_again(
    installation: Installation, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.client.FORGOTTEN_AT_ONCE", 2)
    client_id = await installation.add()
    for number in range(4):
        await installation.show(assertion(client_id, ED25519, now=now(), jti=str(number)))
    started = now()
    now.advance(seconds=90)  # the assertions held for 60 s, and clocks may differ by 30 s

    await installation.show(assertion(client_id, ED25519, now=now(), jti="3"))
    assert [expires_at for _, expires_at in await installation.remembered()] == [
        started + timedelta(seconds=90),
        now() + timedelta(seconds=90),
    ]
    assert (await installation.refused(assertion(client_id, ED25519, now=now(), jti="3")))[1] is False
    assert len(await installation.remembered()) == 1


# Public keys


@pytest.mark.parametrize("key", [ED25519, P256, RSA], ids=kind_of)
def test_a_public_key_is_read_from_pem_or_from_a_jwk(key: Any) -> None:
    expected = key.as_dict(private=False)
    labelled = expected | {"kid": "mine", "use": "enc", "key_ops": ["encrypt"], "alg": "RSA-OAEP", "x5t": "…"}
    for content in (pem(key.public_key), json.dumps(expected).encode(), b"\n " + json.dumps(labelled).encode()):
        assert read_public_key(content).as_dict() == expected


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (ec.generate_private_key(ec.SECP256R1()), "P-256"),
        (rsa.generate_private_key(65537, 3072), "RSA 3072"),
    ],
    ids=["Ed25519", "P-256", "RSA"],
)
def test_a_private_key_is_refused_in_words_that_do_not_repeat_it(key: Any, kind: str) -> None:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    traditional = (
        {}
        if kind == "Ed25519"
        else {"": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())}
    )
    jwk_class: Any = {"Ed25519": OKPKey, "P-256": ECKey, "RSA 3072": RSAKey}[kind]
    jwk = json.dumps(jwk_class.import_key(key).as_dict(private=True)).encode()
    for content in (private, jwk, pem(key.public_key()) + private, *traditional.values()):
        with pytest.raises(Fault, match=r"^This is a private key: it must stay with the agency\.") as fault:
            read_public_key(content)
        assert fault.value.exit_status == ExitStatus.FILE
    assert kind_of(read_public_key(pem(key.public_key()))) == kind


@pytest.mark.parametrize(
    "content",
    [
        pem(ec.generate_private_key(ec.SECP384R1()).public_key()),
        pem(ec.generate_private_key(ec.SECP256K1()).public_key()),
        pem(rsa.generate_private_key(65537, 1024).public_key()),  # noqa: S505 (it is refused)
        json.dumps(ECKey.generate_key("P-384").as_dict(private=False)).encode(),
        json.dumps(OKPKey.generate_key("Ed448").as_dict(private=False)).encode(),
        json.dumps({"kty": "RSA", "e": "AQAB", "n": encoded((2**1023 + 1).to_bytes(128))}).encode(),
        json.dumps({"kty": "RSA", "e": "AQAB", "n": encoded((2**4096 + 1).to_bytes(513))}).encode(),
    ],
    ids=["P-384", "secp256k1", "RSA 1024", "P-384 as JWK", "Ed448 as JWK", "RSA 1024 as JWK", "RSA 4097 as JWK"],
)
def test_a_key_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises(
        Fault, match="of no kind that is used here: Ed25519, P-256, or RSA of 2048 to 4096 bits"
    ) as fault:
        read_public_key(content)
    assert fault.value.exit_status == ExitStatus.FILE


@pytest.mark.parametrize(
    "content",
    [
        b"", b"traffic", b"\xff", b"{", b"{}", b'{"keys": []}', b'{"kty": "OKP"}', b'{"kty": "OKP", "crv": "Ed25519", "x": 1}',
        b'{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}', b'{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}',
        b'{"kty": "RSA", "n": "", "e": ""}', b'{"kty": "oct"}', b'{"kty": ["OKP"]}', b'{"a":' * 5000,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(content: bytes) -> None:
    with pytest.raises(Fault, match=r"^This is no public key: it must be PEM") as fault:
        read_public_key(content)
    assert fault.value.exit_status == ExitStatus.FILE


def test_a_shared_secret_is_no_public_key() -> None:
    with pytest.raises(Fault, match=r"^This is a private key"):
        read_public_key(b'{"kty": "oct", "k": "c2VjcmV0"}')
