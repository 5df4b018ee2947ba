"""The console finds the stream of a visa or a violation by its number, as the domain makes it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from domain.violation import Violation
from domain.visa import Visa

STREAM = Path(__file__).parents[2] / "web" / "audit" / "stream.js"
CODE = """import { streamOf } from "%s";
const all = JSON.parse(process.argv[1]);
console.log(JSON.stringify(await Promise.all(all.map(([kind, number]) => streamOf(kind, number)))));"""


def test_streams_follow_from_numbers_as_in_the_domain() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    numbers = [[kind, number] for kind in ("Visa", "Violation") for number in ("7001", "6000000003", "٧")]
    command = [node, "--input-type=module", "-e", CODE % STREAM.as_uri(), json.dumps(numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own file)
    stream_of = {"Visa": Visa.create_id, "Violation": Violation.create_id}
    assert json.loads(done.stdout) == [str(stream_of[kind](number)) for kind, number in numbers]
