"""The file of the keys that sign access tokens: a JWK set of Ed25519 keys, the newest last."""

import json
from collections.abc import Sequence
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from store.faults import ExitStatus, Fault
from store.key_file import changing, read_key_file, replace_key_file

NAME = "token key"


def read_keys(file: Path, *, create: bool = False) -> list[OKPKey]:
    """The private keys in the file, oldest first.

    Args:
        file: where they are.
        create: make the file with one new key where it is missing.

    Raises:
        Fault: it is missing, open to others, or no set of Ed25519 private keys.
    """
    content = read_key_file(
        file,
        NAME,
        missing="put it back, or let `sijil serve` make a new one",
        make=(lambda: _written([_new_key()])) if create else None,
    )
    try:
        keys = [OKPKey.import_key(key) for key in json.loads(content)["keys"]]
    except (JoseError, ValueError, TypeError, KeyError) as fault:
        raise _damaged(file) from fault
    if not keys or not all(key.is_private and key.curve_name == "Ed25519" for key in keys):
        raise _damaged(file)
    for key in keys:
        key.ensure_kid()
    return keys


def rotate_keys(file: Path) -> list[str]:
    """Put a new key behind the newest one and drop the others.

    Returns:
        The ids of the two keys that are there now, the new one last.

    Raises:
        Fault: the file cannot be used, or another process does the same.
    """
    read_keys(file)  # says what is wrong with it
    with changing(file, NAME):
        keys = [read_keys(file)[-1], _new_key()]
        replace_key_file(file, NAME, _written(keys))
    return [str(key.kid) for key in keys]


def _new_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519", auto_kid=True)


def _written(keys: Sequence[OKPKey]) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=True) for key in keys]}).encode()


def _damaged(file: Path) -> Fault:
    message = f"The {NAME} {file} is damaged: put the right file back, or move it away to get a new one."
    return Fault(message, ExitStatus.SETTINGS)
