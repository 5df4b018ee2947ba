"""docs/receipts.md runs: a receipt is got as it says, and its lines of Python prove one that is one, and nothing else."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.audit.case import case_of
from cli.audit.receipt import words
from store.database import Database
from store.keyring import Keyring
from store.log import Log
from tests.conftest import Clock
from tests.house import RAJESH, House, open_house
from tests.stories.test_receipt import sign
from tests.stories.test_violation import do, reported, token
from tests.test_front_end import STEP, found, shown, written
from tests.transparency.keys import signer
from tests.transparency.test_receipt import BOX, ROW, flipped, receipt
from transparency.key import LogKeyFile
from transparency.receipt import preimage, verify_receipt

FILE = Path(__file__).parents[1] / "docs" / "receipts.md"
PAGE = FILE.read_text("utf-8")
NUMBER = "7000001311"
OBJECTION: dict[str, Any] = {
    "violationNumber": NUMBER,
    "reason": "OTHER_DRIVER",
    "statement": "My brother drove.",
    "acceptTerms": True,
}


async def run(house: House, folder: Path, *, rewrite: bool = False) -> str:
    """The page with the answers that come, or an assertion that they are those of the page."""
    await house.register(RAJESH)
    house.now.time = datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert (await do(house, "recordViolation", "traffic", **reported(house, RAJESH, NUMBER))).problems == []
    house.now.advance(days=1)
    assert (await do(house, "submitObjection", RAJESH, **OBJECTION)).problems == []
    keys = LogKeyFile(folder / "log.key", origin="sijil.local/log", make=(house.now(), os.urandom))
    await sign(house, keys, folder)
    page, event_id = PAGE, None
    for step in STEP.finditer(PAGE):
        given: dict[str, Any] = {"number": f"O{NUMBER}"} if event_id is None else {"eventId": event_id}
        answer = await house.ask(step[1], await token(house, RAJESH), **given)
        event_id = found(answer.body, "eventId") or event_id
        proven = verify_receipt(found(answer.body, "proof") or "", keys.keys.verifiers)
        said = "\n".join([*words(proven, case_of(proven, NUMBER))][:3])
        if rewrite:
            page = page.replace(
                step[0], step[0].replace(f"```json\n{step[2]}", f"```json\n{written(shown(answer.body))}\n")
            )
        else:
            assert shown(answer.body) == json.loads(step[2]), step[1]
            assert said in page
    return page


async def test_the_page_about_receipts_runs(
    database: Database, log: Log, keyring: Keyring, now: Clock, tmp_path: Path
) -> None:
    async with open_house(database, log, keyring, now, tmp_path) as house:
        await run(house, tmp_path)


@pytest.mark.parametrize("size", [5, 6, 13, 64])
def test_the_lines_that_check_a_receipt_without_this_program_do(tmp_path: Path, size: int) -> None:
    (lines,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    program, file = tmp_path / "check.py", tmp_path / "receipt"
    program.write_text(lines, "utf-8")

    def check(text: bytes) -> subprocess.CompletedProcess[str]:
        file.write_bytes(text)
        return subprocess.run(  # noqa: S603 (our own program)
            [sys.executable, program, file, str(signer().verifier)], capture_output=True, text=True, check=False
        )

    whole = receipt(preimage(ROW, BOX), size=size).encode()
    done = check(whole)
    assert (done.returncode, "لم أكن أقود السيارة" in done.stdout) == (0, True), done.stderr
    assert check(flipped(whole, whole.index(b"index") + 6, 1)).returncode != 0
    assert check(receipt(preimage(ROW._replace(topic="x"), BOX), size=size).encode()).returncode != 0
