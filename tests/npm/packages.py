"""npm packages that tests use: those of the lock file beside this, installed once until that changes."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "npm"  # in .venv: for all runs, also two at once


def node_modules() -> Path:
    """The folder of the packages; without npm a test is skipped, in CI it fails."""
    npm = shutil.which("npm")
    if npm is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Node.js is not installed")
    version = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = INSTALLED / version
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            install(npm, folder)
    return folder / "node_modules"


def install(npm: str, folder: Path) -> None:
    for before in INSTALLED.iterdir():
        if before.is_dir():
            shutil.rmtree(before)  # of another lock file, or not finished
    folder.mkdir()
    for file in HERE.glob("package*.json"):
        shutil.copy(file, folder)
    done = subprocess.run(  # noqa: S603 (npm, with our own files)
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (folder / "done").touch()


def run(program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the packages in a folder, which gets to see them as its own."""
    modules = node_modules()
    if not (cwd / "node_modules").exists():
        (cwd / "node_modules").symlink_to(modules)
    return subprocess.run(  # noqa: S603 (a program of the lock file)
        [modules / ".bin" / program, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )
