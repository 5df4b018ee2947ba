"""docs/receipts.md: its documents are valid, and its lines of Python prove a receipt that is one, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from schema import export
from tests.transparency.keys import signer
from tests.transparency.test_receipt import BOX, ROW, flipped, receipt
from transparency.receipt import preimage

PAGE = (Path(__file__).parents[1] / "docs" / "receipts.md").read_text("utf-8")


def test_every_document_is_valid() -> None:
    queries = re.findall(r"^```graphql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(queries) == 2
    schema = build_schema(export())
    assert [error.message for query in queries for error in validate(schema, parse(query))] == []


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
