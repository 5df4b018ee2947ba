"""What encryption costs: an import, and building all read models again, beside the same without it.

    python -m bench.encryption ../shared/feed/make_feed.py --people 5000 --rounds 5

Each round imports a feed into an empty folder, as `sijil import` with a follower beside it, and then builds all read models
from event one several times; once as it is (AES-GCM, a salt and a hash for each event, a key for each person) and once with
personal values as plain JSON (bench/in_the_open.py), in turns, the first of a round in turns, too. Prints for each the
speed with encryption as a share of the speed without, round by round, and median, least and most of them; by the clock, and
by processor time of all processes of an import, and of the building process, which other work on the machine changes least.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.bursts import processor_time
from bench.in_the_open import leave_encryption_out
from bench.rebuild import built_again
from cli.program import collect_less
from installation import open_installation
from settings import read_settings

ROOT = Path(__file__).parents[1]
SEALED, OPEN = "cli", "bench.in_the_open"


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds: the less, the faster."""

    importing: float
    importing_used: float  # of the processors, by the command, its follower and their database
    building: float
    building_used: float  # of the processors, by the building process


def program(*arguments: str | Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SIJIL_DATA_DIR": str(arguments[-1])}
    command = [sys.executable, "-P", "-m", *map(str, arguments[:-1])]
    return subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def run(variant: str, feed: Path, folder: Path, builds: int) -> Costs:
    data = folder / "data"
    used, begun = processor_time(), time.monotonic()
    with program(variant, "import", feed, "--backdate", "--rejects", folder / "rejects", data) as importing:
        said = importing.stdout.read() if importing.stdout else ""
    importing_took, importing_used = time.monotonic() - begun, processor_time() - used
    if "was imported" not in said:
        raise RuntimeError(f"the import ended with exit status {importing.returncode}: {said}")
    with program("bench.encryption", "--build", variant, "--builds", str(builds), data) as building:
        took, building_used = json.loads(building.stdout.read() if building.stdout else "")
    shutil.rmtree(data)
    return Costs(importing_took, importing_used, took, building_used)


async def build(data: Path, builds: int) -> tuple[float, float]:
    """Median seconds of building all read models, by the clock and of this process."""
    found: list[tuple[float, float]] = []
    settings = read_settings({"SIJIL_DATA_DIR": str(data)})
    async with open_installation(settings, cached_events=500_000) as installation:
        for _ in range(builds + 1):
            used = time.process_time()
            _, took = await built_again(installation)
            found.append((took, time.process_time() - used))
    took_each, used_each = zip(*found[1:], strict=True)  # the first one fills caches
    return median(took_each), median(used_each)


def shares(rounds: Sequence[tuple[Costs, Costs]]) -> Table:
    table = Table("speed with encryption, without it being 1", "median", "least", "most", "rounds")
    for field in fields(Costs):
        each = [getattr(opened, field.name) / getattr(sealed, field.name) for sealed, opened in rounds]
        values = [f"{value:.2f}" for value in (median(each), min(each), max(each))]
        table.add_row(field.name, *values, " ".join(f"{value:.2f}" for value in each))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path, nargs="?")
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--builds", type=int, default=3)
    parser.add_argument("--build", choices=[SEALED, OPEN], help=argparse.SUPPRESS)  # in a process of its own
    given = parser.parse_args()
    collect_less()
    if given.build:
        if given.build == OPEN:
            leave_encryption_out()
        print(json.dumps(asyncio.run(build(Path(os.environ["SIJIL_DATA_DIR"]), given.builds))))
        return
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        feed = folder / "feed.jsonl"
        with feed.open("wb") as file:
            generate = [sys.executable, str(given.generator), "--people", str(given.people), "--seed", "1"]
            subprocess.run(generate, stdout=file, check=True)  # noqa: S603
        rounds = []
        for turn in range(given.rounds):
            order = (SEALED, OPEN) if turn % 2 else (OPEN, SEALED)
            found = {variant: run(variant, feed, folder, given.builds) for variant in order}
            print(*(f"{variant}: {asdict(costs)}" for variant, costs in found.items()), sep="\n", flush=True)
            rounds.append((found[SEALED], found[OPEN]))
        Console(file=sys.stdout, width=140).print(shares(rounds))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
