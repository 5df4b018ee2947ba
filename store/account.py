"""The account that the embedded server runs as when we are root, as which PostgreSQL refuses to run."""

import logging
import os
import pwd
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from store.faults import ExitStatus, Fault

SERVER_USER = "pgserver"

_log = logging.getLogger(__name__)


class Identity(TypedDict, total=False):
    """Arguments of `subprocess.Popen`."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the system, as which root starts the server."""

    uid: int
    gid: int

    def arguments(self) -> Identity:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def open_way_to(self, folder: Path, binaries: Path) -> None:
        """Let this account pass (not read) the folders above the data and the server's binaries, where it cannot yet."""
        if self._passes(folder.parent, binaries):
            return
        for parent in {*folder.parents, binaries, *binaries.parents}:
            mode = parent.stat().st_mode
            if not mode & stat.S_IXOTH:
                _log.warning("%s may now be passed by other users: the embedded database runs as %s.", parent, self.uid)
                parent.chmod(mode | stat.S_IXOTH)
        if not self._passes(folder.parent, binaries):
            subprocess.run(["/bin/chmod", "-R", "go+rX", binaries.parent], check=True, capture_output=True)  # noqa: S603

    def _passes(self, folder: Path, binaries: Path) -> bool:
        script = 'cd "$1" && exec "$2" --version'
        command: list[str | Path] = ["/bin/sh", "-c", script, "sh", folder, binaries / "postgres"]
        done = subprocess.run(command, capture_output=True, check=False, cwd="/", **self.arguments())  # noqa: S603
        return done.returncode == 0


def account_for(folder: Path) -> Account | None:
    """Return the account for a data folder: None (our own) unless we are root; its owner's; else one of its own."""
    if os.geteuid() != 0:
        return None
    for place in (folder, folder.parent):
        if place.exists() and (owner := place.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    return _server_account()


def _server_account() -> Account:
    entry = _entry(SERVER_USER)
    if entry is None:
        with suppress(FileNotFoundError):  # it may fail, too: a system that cannot be changed
            subprocess.run(["useradd", "--system", SERVER_USER], check=False, capture_output=True)  # noqa: S603, S607
        entry = _entry(SERVER_USER) or _entry("nobody")
    if entry is not None:
        return Account(entry.pw_uid, entry.pw_gid)
    message = "The embedded database does not run as root, and no other user could be made: run as another user."
    raise Fault(message, ExitStatus.DATA_FOLDER)


def _entry(name: str) -> pwd.struct_passwd | None:
    with suppress(KeyError):
        return pwd.getpwnam(name)
    return None
