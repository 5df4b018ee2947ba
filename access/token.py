"""Bearer tokens: short-lived JWTs, signed with EdDSA (Ed25519) by the newest of the installation's keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from access.key_set import read_keys
from store.key_file import KeyFileWatch

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"  # RFC 9068
AGENCY: Final = "agency:"
LONGEST_TOKEN: Final = 4096

CLOCKS_DIFFER_BY: Final = timedelta(seconds=30)


class InvalidToken(Exception):
    """A token that this installation did not issue, or that holds no longer."""


class Algorithms(JWSRegistry):
    """Knows the named algorithms and nothing else. EdDSA's new name (Ed25519, RFC 9864) few verifiers know yet."""

    def __init__(self, *names: str, strict: bool = True) -> None:
        super().__init__(algorithms=names, strict_check_header=strict)

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 (the library does not export the type)
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]  # without the library's warning of the old name


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: it belongs to a person or to an agency."""

    id: str
    person_id: UUID | None
    agency: str | None
    issued_at: datetime
    expires_at: datetime
    session_id: UUID | None = None
    client_id: str | None = None


class TokenKeys:
    """The signing keys, oldest first: the newest signs, all of them verify. They follow their file."""

    def __init__(self, keys: Sequence[OKPKey], *, issuer: str = "sijil.local") -> None:
        self.issuer = issuer
        self._registry = Algorithms(ALGORITHM)
        self._use(keys)
        self._watch: KeyFileWatch[list[OKPKey]] | None = None

    @classmethod
    def load(cls, file: Path, *, create: bool, issuer: str = "sijil.local") -> "TokenKeys":
        """Read a JWK set from a file of mode 0600, and again whenever it has changed.

        Args:
            file: the JWK set; a key that is added at its end becomes the one that signs.
            create: make the file with one new key where it is missing.
            issuer: name of this installation, claimed by its tokens and asked of them.

        Raises:
            Fault: the file is missing, open to others, or no set of Ed25519 private keys.
        """
        watch = KeyFileWatch(
            file,
            lambda: read_keys(file),
            meanwhile="Tokens are signed and verified with the keys from before.",
        )
        keys = cls(read_keys(file, create=create), issuer=issuer)
        keys._watch = watch
        return keys

    def public(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set, for those who verify our tokens."""
        self._follow_file()
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": str(key["x"]),
                    "kid": str(key.kid),
                    "use": "sig",
                    "alg": ALGORITHM,
                }
                for key in self._keys
            ]
        }

    def issue(
        self,
        subject: UUID | None,
        *,
        now: datetime,
        seconds: int,
        agency: str | None = None,
        session_id: UUID | None = None,
        client_id: str | None = None,
        token_id: str | None = None,
    ) -> str:
        """Make a token for a person, or, with `agency`, for an agency's feed; of equal arguments the same token.

        Args:
            subject: the person, or None.
            now: when it is issued; whole seconds count.
            seconds: how long it holds.
            agency: the agency's code.
            session_id: the person's session, with which the token ends.
            client_id: the agency's program, with whose removal the token ends.
            token_id: its own name; a random one unless given.
        """
        if (subject is None) == (agency is None):
            raise ValueError("a token is for a person or for an agency")
        claims = {
            "sub": str(subject) if agency is None else AGENCY + agency,
            "jti": token_id or str(uuid4()),
        }
        if session_id is not None:
            claims["sid"] = str(session_id)
        if client_id is not None:
            claims["client_id"] = client_id
        return self.sign(TYPE, claims, now=now, seconds=seconds)

    def sign(self, type: str, claims: Mapping[str, Any], *, now: datetime, seconds: int) -> str:
        """Make a token of a type, which holds for so long; where tokens of another type are asked for it is none."""
        self._follow_file()
        issued_at = int(now.timestamp())
        header = {"alg": ALGORITHM, "typ": type, "kid": self._newest.kid}
        claims = {"iss": self.issuer, **claims, "iat": issued_at, "exp": issued_at + seconds}
        return jwt.encode(header, claims, self._newest, registry=self._registry)

    def verify(self, token: str, now: datetime) -> Claims:
        """Return what a token says.

        Raises:
            InvalidToken: it is malformed, forged, another installation's, not valid yet, or expired.
        """
        claims = _claims(self.signed(TYPE, token))
        if not claims.issued_at - CLOCKS_DIFFER_BY <= now < claims.expires_at:
            raise InvalidToken("expired, or not valid yet")
        return claims

    def signed(self, type: str, token: str) -> dict[str, Any]:
        """What a token of a type claims, perhaps of a time that has passed.

        Raises:
            InvalidToken: it is malformed, forged, another installation's, or of another type.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise InvalidToken("malformed")
        self._follow_file()
        try:
            verified = jwt.decode(token, self._keys, registry=self._registry)
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise InvalidToken("not signed by this installation") from fault
        if verified.header.get("typ") != type or verified.claims.get("iss") != self.issuer:
            raise InvalidToken("not a token of this kind and this installation")
        return verified.claims

    def _use(self, keys: Sequence[OKPKey]) -> None:
        self._newest = keys[-1]
        self._keys = KeySet(list(keys))

    def _follow_file(self) -> None:
        """Take over what the file has if it has changed; of one that cannot be used the known keys stay."""
        if self._watch is not None and (keys := self._watch.changed()) is not None:
            self._use(keys)


def _claims(claims: dict[str, Any]) -> Claims:
    try:
        subject = str(claims["sub"])
        session, client = claims.get("sid"), claims.get("client_id")
        agency = subject.removeprefix(AGENCY) if subject.startswith(AGENCY) else None
        return Claims(
            id=str(claims["jti"]),
            person_id=UUID(subject) if agency is None else None,
            agency=agency,
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
            session_id=None if session is None else UUID(str(session)),
            client_id=None if client is None else str(client),
        )
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as fault:
        raise InvalidToken("incomplete") from fault
