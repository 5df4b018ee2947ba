"""Agencies' programs as the tests know them: keys, and the assertions that they sign."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from access.token import Algorithms

ED25519 = OKPKey.generate_key("Ed25519")
P256 = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)


def assertion(
    client_id: str,
    key: Key,
    *,
    now: datetime,
    algorithm: str = "EdDSA",
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A right assertion, but for the header's parameters and the claims that are given; a claim that is None is left out."""
    at = int(now.timestamp())
    right = {"iss": client_id, "sub": client_id, "aud": "sijil.local", "exp": at + 60, "iat": at, "jti": str(uuid4())}
    said = {name: value for name, value in (right | claims).items() if value is not None}
    return jwt.encode({"alg": algorithm} | (header or {}), said, key, registry=Algorithms(algorithm, strict=False))


def public(key: OKPKey | ECKey | RSAKey) -> Any:
    """The public half of a key."""
    return type(key).import_key(key.public_key)  # type: ignore[arg-type]
