import pytest

from store.codec import leaf_hash
from store.database import Database
from tests.transparency.memory import Memory, entries
from transparency.record import append_tiles, tiles_of, whole_tiles
from transparency.tile import Tile, TileMissing
from transparency.tree import Frontier

STEPS = [1, 254, 1, 1, 700, 65_000, 1_000]


async def test_tiles_in_the_database_are_those_in_memory_whatever_the_steps(database: Database) -> None:
    memory, frontier = Memory(), Frontier()
    async with database.pool.connection() as connection:
        for step in STEPS:
            more = entries(step, frontier.size)
            memory.extend(more)
            await append_tiles(connection, frontier.size, frontier.append(map(leaf_hash, more)))
        rows = await (await connection.execute("SELECT level, index, hashes FROM tiles ORDER BY 1, 2")).fetchall()
        wanted = {Tile(0, 255, 256), Tile(0, 261, 141), Tile(1, 0, 256), Tile(2, 0, 1), Tile(1, 1, 5)}
        assert await tiles_of(connection)(wanted) == await memory.read(wanted)
    levels = [b"".join(hashes for level, _, hashes in rows if level == wanted_level) for wanted_level in range(3)]
    assert levels == [bytes(level) for level in memory.levels]
    assert len(rows) == 262 + 2 + 1


@pytest.mark.parametrize("size", [0, 255, 257, 299, 301])
async def test_nothing_is_appended_to_tiles_of_another_size(database: Database, size: int) -> None:
    leaves = [leaf_hash(entry) for entry in entries(300)]
    async with database.pool.connection() as connection:
        await append_tiles(connection, 0, Frontier().append(leaves))
        with pytest.raises(TileMissing):
            async with connection.transaction():
                await append_tiles(connection, size, [leaves[:1]])
        lengths = await connection.execute("SELECT length(hashes) / 32 FROM tiles ORDER BY level, index")
        assert await lengths.fetchall() == [(256,), (44,), (1,)]


async def test_a_tile_that_is_not_there_or_too_short_is_named(database: Database) -> None:
    async with database.pool.connection() as connection:
        await append_tiles(connection, 0, Frontier().append(map(leaf_hash, entries(300))))
        for missing in (Tile(0, 1, 45), Tile(0, 2, 1), Tile(1, 0, 2), Tile(2, 0, 1)):
            with pytest.raises(TileMissing) as fault:
                await tiles_of(connection)({Tile(0, 0, 256), missing})
            assert (fault.value.tile, str(fault.value)) == (missing, f"{missing.path} is missing or too short")


async def test_tiles_that_are_whole_are_read_beside_those_that_are_not(database: Database) -> None:
    async with database.pool.connection() as connection:
        await append_tiles(connection, 0, Frontier().append(map(leaf_hash, entries(300))))
        whole = [Tile(0, 0, 256), Tile(0, 1, 44), Tile(0, 1, 7), Tile(1, 0, 1)]
        assert [*await whole_tiles(connection, [*whole, Tile(0, 1, 45), Tile(2, 0, 1)])] == whole
        assert await tiles_of(connection)(whole) == await whole_tiles(connection, whole)
