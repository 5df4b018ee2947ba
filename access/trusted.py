"""Trusted documents: those that front ends were built with, in a manifest as graphql-codegen's client preset writes it."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from store.faults import ExitStatus, Fault


class TrustedOnly(StrEnum):
    """Whether a document has to be trusted."""

    NO = "no"
    LOG = "log"
    YES = "yes"


PREFIX: Final = "sha256:"
LARGEST: Final = 16 * 1024 * 1024  # bytes
Trusted = Mapping[str, str]
"""Id → text."""


def id_of(text: str) -> str:
    """The id of a document."""
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()


def read_trusted(file: Path, *, longest: int) -> Trusted:
    """The documents in a manifest: an object of id → text, the ids with or without `sha256:` in front.

    Args:
        file: the manifest.
        longest: characters of a document at most.

    Raises:
        Fault: it cannot be read, is not a manifest, an id is not that of its text, or a text is too long.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise _unusable(file, f"it is larger than {LARGEST:,} bytes")
        manifest = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except OSError as fault:
        raise _unusable(file, fault.strerror or str(fault)) from fault
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _unusable(file, "it is not an object of texts in JSON") from None
    for id, text in manifest.items():
        if id_of(text).removeprefix(PREFIX) != id.removeprefix(PREFIX).lower():
            raise _unusable(file, f"{id[:80]} is not the SHA-256 of its document")
        if len(text) > longest:
            raise _unusable(file, f"{id[:80]} is longer than {longest:,} characters")
    return {id_of(text): text for text in manifest.values()}


def _unusable(file: Path, why: str) -> Fault:
    return Fault(f"The trusted documents {file} cannot be used: {why}.", ExitStatus.SETTINGS)
