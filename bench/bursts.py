"""How many camera violations a second the traffic agency's feed takes in.

    python -m bench.bursts ../shared/feed/make_feed.py
    python -m bench.bursts ../shared/feed/make_feed.py --beside ../before --runs 5

People are registered once, through an import of their own. Each run imports the same burst into a copy of that data
folder, as `sijil import burst.jsonl --agency traffic` in a process of its own: new violations by cameras, each of
somebody chosen at random, half of them notified. With --beside the runs alternate with those of another checkout, which
has a .venv of its own. Prints, for each run, lines a second from the start of the command and from the first batch,
until every line was recorded, and until the read models have caught up and the command has ended; and the processor time
of a line in the command, its follower and their database together, which other work on the machine changes least.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from domain.calendar import RIYADH
from domain.catalogue import VIOLATION_TYPES
from domain.formats import PLATE_LETTERS
from store.database import open_database

ROOT = Path(__file__).parents[1]
CAMERAS = 500
BY_CAMERA = ("SPEED_120_OVER_10", "SPEED_120_OVER_20")
CITIES = (("الرياض", "Riyadh"), ("جدة", "Jeddah"), ("مكة المكرمة", "Makkah"), ("الدمام", "Dammam"), ("أبها", "Abha"))
ROADS = (
    ("طريق الملك فهد", "King Fahd Road"),
    ("الدائري الشمالي", "Northern Ring Road"),
    ("طريق المدينة", "Madinah Road"),
)


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long a run took, each from the start of the command."""

    first: float  # until its first batch was being recorded
    recorded: float
    followed: float  # until it has ended, the read models caught up
    used: float  # of the processors, by all its processes


def registered(generator: Path, people: int) -> Iterator[bytes]:
    """The lines of a generated feed that register people."""
    program = [sys.executable, str(generator), "--people", str(people), "--seed", "1"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as generating:  # noqa: S603
        for line in generating.stdout or ():
            if b'"op":"registerUser"' in line:
                yield line


def burst(people: Sequence[str], lines: int) -> Iterator[str]:
    """Violations of the last half hour, in the order in which cameras report them."""
    cameras = [camera(number) for number in range(1, CAMERAS + 1)]
    begun = datetime.now(RIYADH) - timedelta(minutes=30)
    for number in range(1, lines + 1):
        at = begun + timedelta(minutes=20) * (number / lines)
        occurred = at - timedelta(seconds=random.uniform(60, 300))
        kind = VIOLATION_TYPES[random.choice(BY_CAMERA)]
        plate = "".join(random.choices(list(PLATE_LETTERS), k=3)) + str(random.randint(1, 9999))
        violation = {
            "number": f"SAHER-{number:09d}",
            "violatorNationalId": random.choice(people),
            "typeCode": kind.code,
            "source": "SAHER",
            "occurredAt": occurred.isoformat(timespec="milliseconds"),
            "location": random.choice(cameras),
            "plate": plate,
            "fine": str(kind.min_fine),
        }
        if number % 2:
            violation["notifiedAt"] = (at - timedelta(seconds=30)).isoformat(timespec="milliseconds")
        order = {"at": at.isoformat(timespec="milliseconds"), "as": {"role": "AGENCY_FEED", "subject": "traffic"}}
        yield json.dumps(order | {"op": "recordViolation", "input": violation}, ensure_ascii=False) + "\n"


def camera(number: int) -> dict[str, str]:
    city, road = random.choice(CITIES), random.choice(ROADS)
    return {"ar": f"{road[0]}، {city[0]}، كاميرا {number}", "en": f"{road[1]}, {city[1]}, camera {number}"}


def importing(checkout: Path, data: Path, *arguments: str) -> subprocess.Popen[str]:
    program = [str(checkout / ".venv" / "bin" / "sijil"), "import", *arguments]
    environment = os.environ | {"SIJIL_DATA_DIR": str(data)}
    return subprocess.Popen(  # noqa: S603
        program, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def run(checkout: Path, filled: Path, feed: Path, lines: int) -> Seconds:
    """Import the burst into a copy of what is filled."""
    data = filled.with_name("run")
    subprocess.run(["cp", "-a", filled, data], check=True)  # noqa: S603, S607 (with its owner, which may be another)
    used, started = processor_time(), time.time()
    recorded = 0.0
    with importing(checkout, data, str(feed), "--agency", "traffic") as process:
        for line in process.stdout or ():
            if f"{lines:,} lines recorded" in line:  # said before it waits for the read models
                recorded = time.time() - started
    followed, used = time.time() - started, processor_time() - used
    if process.returncode or not recorded:
        raise RuntimeError(f"the import ended with exit status {process.returncode}")
    first = asyncio.run(first_recorded(data, lines)) - started
    shutil.rmtree(data)
    return Seconds(first, recorded, followed, used)


def processor_time() -> float:
    """Seconds that the processes which have ended under this one have used."""
    times = os.times()
    return times.children_user + times.children_system


async def first_recorded(data: Path, lines: int) -> float:
    """When the first of the violations was recorded; all of them are there, and the read models have them."""
    async with open_database(None, data) as database, database.pool.connection() as connection:
        cursor = await connection.execute("""
            SELECT count(*), extract(epoch FROM min(recorded_at)),
                (SELECT position FROM log_head) - (SELECT min(position) FROM read_models)
            FROM sijil_events WHERE topic LIKE '%Violation.Recorded'
        """)
        recorded, first, behind = await cursor.fetchone() or (0, 0, 0)
    if recorded != lines or behind:
        raise RuntimeError(f"{recorded} violations were recorded, and the read models are {behind} events behind")
    return float(first)


def compare(checkouts: Sequence[Path], filled: Path, feed: Path, lines: int, runs: int) -> Table:
    """Run in turns; the median of each."""
    found: dict[Path, list[Seconds]] = {checkout: [] for checkout in checkouts}
    for turn in range(runs):
        for checkout in checkouts if turn % 2 else checkouts[::-1]:
            found[checkout].append(run(checkout, filled, feed, lines))
            print(checkout, *rates(found[checkout][-1:], lines), flush=True)
    results = Table(
        "lines/s, median", "recorded, from the start", "from the first batch", "read models caught up", "processors"
    )
    for checkout, each in found.items():
        results.add_row(str(checkout), *rates(each, lines))
    return results


def rates(runs: Sequence[Seconds], lines: int) -> list[str]:
    first, recorded, followed, used = (median(getattr(run, field.name) for run in runs) for field in fields(Seconds))
    speeds = [f"{lines / seconds:,.0f}" for seconds in (recorded, recorded - first, followed)]
    return [*speeds, f"{used / lines * 1e6:,.0f} µs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--beside", type=Path, help="another checkout, to compare with")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        filled, people, feed = folder / "filled", folder / "people.jsonl", folder / "burst.jsonl"
        people.write_bytes(b"".join(registered(given.generator, given.people)))
        ids = [json.loads(line)["input"]["nationalId"] for line in people.read_text().splitlines()]
        feed.write_text("".join(burst(ids, given.lines)), encoding="utf-8")
        with importing(ROOT, filled, str(people), "--backdate") as process:
            print((process.stdout.read() if process.stdout else "").strip(), flush=True)
        checkouts = [ROOT] if given.beside is None else [given.beside.resolve(), ROOT]
        results = compare(checkouts, filled, feed, given.lines, given.runs)
        Console(file=sys.stdout, width=140).print(results)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
