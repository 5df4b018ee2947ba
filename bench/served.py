"""A `sijil serve` of a measurement's own: an empty data folder, invented people from a feed, a port that is free."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PASSWORD = "Absher#2026"  # noqa: S105 (of invented people)
ANSWER_WITHIN = 60.0  # seconds
START_WITHIN = 120.0  # seconds
UNLIMITED = 1_000_000_000  # points: one caller asks for all


@dataclass(frozen=True, slots=True)
class Person:
    """Number `number` of the invented people, whether registered or not."""

    number: int

    @property
    def username(self) -> str:
        return f"person{self.number:07}"

    @property
    def mobile(self) -> str:
        return f"+9665{self.number:08}"

    @property
    def national_id(self) -> str:
        nine = f"1{self.number:08}"
        doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(nine)]
        return nine + str(-sum(sum(divmod(value, 10)) for value in doubled) % 10)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    data: Path
    port: int
    pid: int


@contextmanager
def served(people: Sequence[Person], *, without_password: Sequence[Person] = ()) -> Iterator[Served]:
    """Register people and serve them inside the block."""
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        data = folder / "data"
        feed = folder / "people.jsonl"
        lines = [_registration(one, PASSWORD) for one in people] + [
            _registration(one, None) for one in without_password
        ]
        feed.write_text("".join(lines), "utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"SIJIL_DATA_DIR": str(data), "SIJIL_POINTS": str(UNLIMITED)}
        sijil = str(Path(sys.executable).with_name("sijil"))
        # What it says goes to stderr: stdout has the figures alone.
        load = [sijil, "import", str(feed), "--backdate"]
        subprocess.run(load, cwd=ROOT, env=environment, stdout=sys.stderr, check=True)  # noqa: S603
        with (folder / "log").open("w+", encoding="utf-8") as log:
            serve = [sijil, "serve", "--host", "127.0.0.1", "--port", "0"]
            process = subprocess.Popen(serve, cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603
            try:
                yield Served(data, _port(process, folder / "log"), process.pid)
            finally:
                process.terminate()
                try:
                    process.wait(START_WITHIN)
                except subprocess.TimeoutExpired:
                    process.kill()
                _show_complaints(folder / "log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _registration(person: Person, password: str | None) -> str:
    line = {
        "at": (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0).isoformat(),
        "as": {"role": "AGENCY_FEED", "subject": "civil-affairs"},
        "op": "registerUser",
        "input": {
            "nationalId": person.national_id,
            "username": person.username,
            "name": {"ar": "اسم كامل", "en": "Full Name"},
            "mobile": person.mobile,
            "initialPassword": password,
        },
    }
    return json.dumps(line, ensure_ascii=False) + "\n"


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    give_up_at = time.monotonic() + START_WITHIN
    while process.poll() is None and time.monotonic() < give_up_at:
        found = re.search(r"http://[^/\s]+:(\d+)/graphql", log.read_text("utf-8"))
        if found:
            return int(found[1])
        time.sleep(0.1)
    raise RuntimeError(f"sijil serve did not start:\n{log.read_text('utf-8')}")


def _show_complaints(log: Path) -> None:
    complaints = re.findall(r"^.*\b(?:WARNING|ERROR|CRITICAL)\b.*$", log.read_text("utf-8"), re.MULTILINE)
    for line in complaints[:10]:
        print(line, file=sys.stderr)
    if complaints:
        print(f"the server logged {len(complaints):,} warnings and errors", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one mutation was answered."""

    status: int
    body: dict[str, Any]
    seconds: float

    @property
    def payload(self) -> dict[str, Any]:
        values = list((self.body.get("data") or {}).values())
        return values[0] or {} if values else {}

    @property
    def codes(self) -> str:
        """Of its problems and errors; OK if there are none."""
        problems = [problem["code"] for problem in self.payload.get("problems", [])]
        errors = [error["extensions"]["code"] for error in self.body.get("errors", [])]
        return " ".join(problems + errors) or "OK"


class Connection:
    """One connection to the server, from an address of the loopback network; as little work as HTTP/1.1 allows."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, address: str = "127.0.0.1") -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))

    async def mutate(self, operation: str, shown: str, **input: str) -> Answer:
        """Send a mutation; timed from its first byte to the last one of the answer."""
        kind = "ConfirmInput" if operation == "confirmSignIn" else f"{operation[0].upper()}{operation[1:]}Input"
        query = f"mutation ($input: {kind}!) {{ {operation}(input: $input) {{ {shown} problems {{ code }} }} }}"
        body = json.dumps({"query": query, "variables": {"input": input}}).encode()
        head = (
            "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        async with asyncio.timeout(ANSWER_WITHIN):
            started = time.perf_counter()
            self._writer.write(head.encode() + body)
            answered = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"content-length: (\d+)", answered, re.IGNORECASE)
            content = await self._reader.readexactly(int(length[1]) if length else 0)
            seconds = time.perf_counter() - started
        return Answer(int(answered.split(" ", 2)[1]), json.loads(content), seconds)

    def close(self) -> None:
        self._writer.close()
