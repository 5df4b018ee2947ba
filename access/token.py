"""Bearer tokens: short-lived JWTs, signed with EdDSA (Ed25519) by the newest of the installation's keys."""

import json
import os
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from store.faults import ExitStatus, Fault

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"  # RFC 9068
AGENCY: Final = "agency:"
LONGEST_TOKEN: Final = 4096

CLOCKS_DIFFER_BY: Final = timedelta(seconds=30)


class InvalidToken(Exception):
    """A token that this installation did not issue, or that holds no longer."""


class _OneAlgorithm(JWSRegistry):
    """Knows EdDSA and nothing else; its new name (Ed25519, RFC 9864) is one that few verifiers know yet."""

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 (the library does not export the type)
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: it belongs to a person or to an agency."""

    id: str
    person_id: UUID | None
    agency: str | None
    issued_at: datetime
    expires_at: datetime


class TokenKeys:
    """The signing keys, oldest first: the newest signs, all of them verify."""

    def __init__(self, keys: Sequence[OKPKey], *, issuer: str = "sijil.local") -> None:
        self.issuer = issuer
        self._newest = keys[-1]
        self._keys = KeySet(list(keys))
        self._registry = _OneAlgorithm()

    @classmethod
    def load(cls, file: Path, *, create: bool, issuer: str = "sijil.local") -> "TokenKeys":
        """Read a JWK set from a file of mode 0600.

        Args:
            file: the JWK set; a key that is added at its end becomes the one that signs.
            create: make the file with one new key where it is missing.
            issuer: name of this installation, claimed by its tokens and asked of them.

        Raises:
            Fault: the file is missing, open to others, or no set of Ed25519 private keys.
        """
        try:
            if create and not file.exists():
                _make(file)
            return cls(_read(file), issuer=issuer)
        except OSError as fault:
            message = f"The token keys {file} cannot be used: {fault.strerror or fault}."
            raise Fault(message, ExitStatus.SETTINGS) from fault

    def issue(self, subject: UUID | None, *, now: datetime, seconds: int, agency: str | None = None) -> str:
        """Make a token for a person, or, with `agency`, for an agency's feed."""
        if (subject is None) == (agency is None):
            raise ValueError("a token is for a person or for an agency")
        issued_at = int(now.timestamp())
        claims = {
            "iss": self.issuer,
            "sub": str(subject) if agency is None else AGENCY + agency,
            "iat": issued_at,
            "exp": issued_at + seconds,
            "jti": str(uuid4()),
        }
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._newest.kid}
        return jwt.encode(header, claims, self._newest, registry=self._registry)

    def verify(self, token: str, now: datetime) -> Claims:
        """Return what a token says.

        Raises:
            InvalidToken: it is malformed, forged, another installation's, not valid yet, or expired.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise InvalidToken("malformed")
        try:
            verified = jwt.decode(token, self._keys, registry=self._registry)
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise InvalidToken("not signed by this installation") from fault
        if verified.header.get("typ") != TYPE or verified.claims.get("iss") != self.issuer:
            raise InvalidToken("not an access token of this installation")
        claims = _claims(verified.claims)
        if not claims.issued_at - CLOCKS_DIFFER_BY <= now < claims.expires_at:
            raise InvalidToken("expired, or not valid yet")
        return claims


def _claims(claims: dict[str, Any]) -> Claims:
    try:
        subject = str(claims["sub"])
        agency = subject.removeprefix(AGENCY) if subject.startswith(AGENCY) else None
        return Claims(
            id=str(claims["jti"]),
            person_id=UUID(subject) if agency is None else None,
            agency=agency,
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (KeyError, ValueError, TypeError, OverflowError, OSError) as fault:
        raise InvalidToken("incomplete") from fault


def _read(file: Path) -> list[OKPKey]:
    with file.open("rb") as opened:
        mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
        content = opened.read(1_000_000)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"The token keys {file} are open to other users (mode {mode:04o}): chmod 600 them."
        raise Fault(message, ExitStatus.SETTINGS)
    try:
        keys = [OKPKey.import_key(key) for key in json.loads(content)["keys"]]
    except (JoseError, ValueError, TypeError, KeyError) as fault:
        raise _damaged(file) from fault
    if not keys or not all(key.is_private and key.curve_name == "Ed25519" for key in keys):
        raise _damaged(file)
    for key in keys:
        key.ensure_kid()
    return keys


def _damaged(file: Path) -> Fault:
    message = f"The token keys {file} are damaged: put the right file back, or move it away to get new keys."
    return Fault(message, ExitStatus.SETTINGS)


def _make(file: Path) -> None:
    """Write a key under another name and link it into place: whole or not there, and only the first one counts."""
    key = OKPKey.generate_key("Ed25519", auto_kid=True)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600, O_EXCL
    try:
        with os.fdopen(descriptor, "w") as opened:
            json.dump({"keys": [key.as_dict(private=True)]}, opened)
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        Path(temporary).unlink()
