"""What proves that the record only grows is there for everybody."""

import json
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from store.codec import leaf_hash
from store.database import Database
from tests.conftest import Clock
from tests.schema.conftest import Api, counted
from tests.test_front_end import STEP, shown
from tests.transparency import naive
from tests.transparency.keys import ORIGIN, signer
from tests.transparency.memory import entries
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.record import Signed, append_tiles, keep
from transparency.tree import Frontier, check_consistency

PAGE = Path(__file__).parents[2] / "docs" / "transparency.md"
CHECKPOINT = "{ checkpoint { origin treeSize rootHash signedAt note } }"
PROOF = """query ($old: String!, $new: String!) {
    consistencyProof(fromSize: $old, toSize: $new) { fromSize toSize hashes }
}"""
ENTRIES = entries(700)
ROOT = naive.mth(ENTRIES)


@pytest.fixture
async def note(database: Database, now: Clock) -> str:
    """What is signed: a tree of 700 entries."""
    frontier = Frontier()
    levels = frontier.append(map(leaf_hash, ENTRIES))
    note = checkpoint.sign(Checkpoint(ORIGIN, 700, ROOT), [signer()])
    async with database.pool.connection() as connection:
        await connection.execute("TRUNCATE tiles, checkpoints")
        await append_tiles(connection, 0, levels)
        await keep(connection, Signed(700, ROOT, now(), note))
    return note


async def test_anybody_sees_the_last_checkpoint(api: Api, note: str) -> None:
    assert (await api.ask(CHECKPOINT)).data == {
        "checkpoint": {
            "origin": ORIGIN,
            "treeSize": "700",
            "rootHash": b64encode(ROOT).decode(),
            "signedAt": "2026-03-01T09:00:00.000Z",
            "note": note,
        }
    }


async def test_before_the_first_checkpoint_there_is_none_and_nothing_to_prove(api: Api, database: Database) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("TRUNCATE tiles, checkpoints")
    assert (await api.ask(CHECKPOINT)).data == {"checkpoint": None}
    assert (await api.ask(PROOF, old="0", new="1")).errors == [("consistencyProof", "BAD_USER_INPUT")]


async def test_anybody_sees_how_the_log_has_grown_lately(api: Api, note: str, database: Database, now: Clock) -> None:
    async with database.pool.connection() as connection:
        for size in (1, 2, 700, 701):
            await keep(connection, Signed(size, ROOT, now(), note))
    grown = "query ($last: Int!) { checkpoints(last: $last) { treeSize signedAt } }"
    shown = (await api.ask(grown, last=3)).data["checkpoints"]
    assert [(one["treeSize"], one["signedAt"]) for one in shown] == [
        (size, "2026-03-01T09:00:00.000Z") for size in ("2", "700", "701")
    ]
    for wrong in (0, -1, 61):
        assert (await api.ask(grown, last=wrong)).errors == [("checkpoints", "BAD_USER_INPUT")]


@pytest.mark.usefixtures("note")
async def test_the_page_about_the_log_shows_what_is_answered(api: Api) -> None:
    ((document, expected),) = STEP.findall(PAGE.read_text("utf-8"))
    assert shown((await api.ask(document)).body) == json.loads(expected)


@pytest.mark.usefixtures("note")
@pytest.mark.parametrize(("old", "new"), [(1, 700), (256, 512), (300, 699), (700, 700), (0, 5)])
async def test_anybody_gets_the_proof_that_a_tree_extends_another(api: Api, old: int, new: int) -> None:
    shown = (await api.ask(PROOF, old=str(old), new=str(new))).data["consistencyProof"]
    assert (shown["fromSize"], shown["toSize"]) == (str(old), str(new))
    hashes = [b64decode(hash) for hash in shown["hashes"]]
    check_consistency(old, naive.mth(ENTRIES[:old]), new, naive.mth(ENTRIES[:new]), hashes)


@pytest.mark.usefixtures("note")
@pytest.mark.parametrize(
    ("old", "new"),
    [("2", "1"), ("1", "701"), ("-1", "5"), ("", "5"), ("1", "9" * 19), ("1", "٥"), ("1.0", "5"), ("1", "5\n")],
)
async def test_sizes_that_were_not_signed_or_are_none_are_refused(api: Api, old: str, new: str) -> None:
    answer = await api.ask(PROOF, old=old, new=new)
    assert answer.errors == [("consistencyProof", "BAD_USER_INPUT")]


async def test_an_operation_reads_checkpoints_once_however_often_they_are_asked_for(
    api: Api, note: str, database: Database, now: Clock
) -> None:
    async with database.pool.connection() as connection:
        for size in range(1, 71):
            await keep(connection, Signed(size, ROOT, now(), note))
    fields = [f"a{last}: checkpoints(last: {last}) {{ treeSize }}" for last in (*range(1, 19), 60)]
    with counted() as statements:
        answer = await api.ask(f"{{ {' '.join(fields)} checkpoint {{ treeSize }} }}")
    assert sum("FROM checkpoints" in one for one in statements) == 1
    assert answer.data["checkpoint"] == {"treeSize": "700"}
    for last in (1, 2, 60):
        sizes = [one["treeSize"] for one in answer.data[f"a{last}"]]
        assert sizes == [*map(str, range(72 - last, 71)), "700"]


@pytest.mark.usefixtures("note")
async def test_checkpoints_count_as_rows_of_the_operation(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.context.MOST_ROWS", 100)
    answer = await api.ask("{ one: checkpoints(last: 60) { treeSize } two: checkpoints(last: 60) { treeSize } }")
    assert answer.errors == [("two", "BAD_USER_INPUT")]


@pytest.mark.usefixtures("note")
async def test_a_damaged_tile_is_named_with_what_it_covers_and_fails_what_needs_it_alone(
    api: Api, database: Database
) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE tiles SET hashes = substr(hashes, 1, 320) WHERE level = 0 AND index = 2")
    proofs = [("whole", 100, 300), ("damaged", 600, 700)]
    fields = [f'{name}: consistencyProof(fromSize: "{old}", toSize: "{new}") {{ hashes }}' for name, old, new in proofs]
    with counted() as statements:
        answer = await api.ask(f"{{ {' '.join(fields)} }}")
    assert answer.body["data"]["whole"] is not None
    assert sum("FROM tiles" in one for one in statements) == 1
    (error,) = answer.body["errors"]
    reference = error["extensions"]["reference"]
    assert (error["path"], error["extensions"]) == (
        ["damaged"],
        {"code": "INTERNAL", "reference": reference, "tile": "tile/0/002.p/188"},
    )
    assert error["message"] == (
        "The log's tree is damaged: tile/0/002.p/188, of positions 513 to 700: have `sijil audit verify` run; "
        f"reference {reference}"
    )
