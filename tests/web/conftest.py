"""Runs what a browser runs, in Node.js."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / "web" / "audit"

JavaScript = Callable[..., Any]


@pytest.fixture(scope="session")
def javascript() -> JavaScript:
    """Runs code that imports from a module of the console and prints JSON; it finds a value given to it in `given`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")

    def run(names: str, module: str, code: str, given: object = None) -> Any:
        imported = f'import {{ {names} }} from "{(AUDIT / module).as_uri()}";'
        reading = 'let text = ""; for await (const part of process.stdin) text += part; const given = JSON.parse(text);'
        done = subprocess.run(  # noqa: S603 (our own files)
            [node, "--input-type=module", "-e", f"{imported} {reading} {code}"],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    return run
