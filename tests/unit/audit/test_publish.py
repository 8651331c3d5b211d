"""Publishing the log as tlog-tiles."""

from __future__ import annotations

import contextlib

import pytest

from audit.checkpoint import open_checkpoint
from audit.errors import TileMissing
from audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from audit.publish import PublishedAltered, Shelves, published, tiles_of
from audit.tiles import TilePath
from tests.unit.audit.shelves import MemoryShelf, fill, memory_shelves, publish_world
from tests.unit.audit.world import SIGNER, World


def test_a_published_log_proves_each_entry_to_a_stranger(world: World) -> None:
    shelves = memory_shelves()
    fill(world, 300)

    publish_world(world, shelves)

    checkpoint = published(shelves.public, [SIGNER.verifier])
    assert checkpoint is not None
    for index in (0, 255, 256, 299):
        leaf = leaf_of(shelves, index, checkpoint.size)
        path = inclusion_proof(index, checkpoint.size, tile_reader(shelves))
        verify_inclusion(index, checkpoint.size, leaf_hash(leaf), path, checkpoint.root)


def test_everything_a_reader_may_ask_for_is_there(world: World) -> None:
    shelves = memory_shelves()
    fill(world, 520)

    size = publish_world(world, shelves)

    missing = [str(one) for one in tiles_of(size) if shelves.of(one).get(str(one)) is None]
    assert missing == []


def test_entries_stand_apart_from_what_is_public(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 260)

    publish_world(sqlite_log, shelves)

    assert [path for path in public(shelves).files if "entries" in path] == []


def test_the_checkpoint_is_written_last(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 260)

    publish_world(sqlite_log, shelves)

    assert public(shelves).written[-1] == "checkpoint"


def test_what_was_published_is_not_written_again(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 300)
    publish_world(sqlite_log, shelves)
    before = len(public(shelves).written)
    fill(sqlite_log, 2)

    publish_world(sqlite_log, shelves)

    assert public(shelves).written[before:] == [
        "tile/0/001.p/46",
        "tile/1/000.p/1",
        "checkpoint",
    ]


def test_a_publication_cut_short_is_made_whole_by_the_next(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 600)
    publish_world(sqlite_log, shelves)
    whole = dict(public(shelves).files)
    for path in ("checkpoint", "tile/0/001", "tile/1/000.p/2"):
        public(shelves).remove(path)

    publish_world(sqlite_log, shelves)

    assert public(shelves).files == whole


def test_partial_tiles_go_when_the_full_one_is_there(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 100)
    publish_world(sqlite_log, shelves)
    fill(sqlite_log, 200)

    publish_world(sqlite_log, shelves)

    assert [path for path in public(shelves).files if path.startswith("tile/0/000.p")] == []


def test_other_bytes_in_place_of_a_full_tile_stop_publication_and_stay(sqlite_log: World) -> None:
    shelves = memory_shelves()
    public(shelves).files["tile/0/000"] = b"other"
    fill(sqlite_log, 300)

    with pytest.raises(PublishedAltered, match="tile/0/000") as refused:
        publish_world(sqlite_log, shelves)

    assert refused.value.index == 0
    assert public(shelves).files == {"tile/0/000": b"other"}


def test_a_longer_log_in_place_of_this_one_is_left_alone(sqlite_log: World) -> None:
    shelves = memory_shelves()
    fill(sqlite_log, 5)
    longer = str(SIGNER.sign("sumun.example/log\n9\n" + "A" * 43 + "=\n", 1))
    public(shelves).files["checkpoint"] = longer.encode()

    with pytest.raises(PublishedAltered, match="9 entries are published"):
        publish_world(sqlite_log, shelves)

    assert public(shelves).files["checkpoint"] == longer.encode()


@pytest.mark.parametrize("data", [b"", b"\xff", b"sumun.example/log\n", b"a\n\nb\n"])
def test_a_published_checkpoint_that_is_not_the_logs_is_named(data: bytes) -> None:
    shelf = MemoryShelf()
    shelf.files["checkpoint"] = data

    with pytest.raises(PublishedAltered, match="checkpoint"):
        published(shelf, [SIGNER.verifier])


def test_an_empty_log_publishes_a_checkpoint_alone(world: World) -> None:
    shelves = memory_shelves()
    world.log()

    publish_world(world, shelves)

    assert (
        open_checkpoint(public(shelves).files["checkpoint"].decode(), SIGNER.verifier)[0].size == 0
    )


def public(shelves: Shelves) -> MemoryShelf:
    assert isinstance(shelves.public, MemoryShelf)
    return shelves.public


def tile_reader(shelves: Shelves):
    def read(level: int, index: int, width: int) -> bytes:
        data = shelves.public.get(str(TilePath(level, index, width)))
        if data is None:
            raise TileMissing(str(TilePath(level, index, width)))
        return data

    return read


def leaf_of(shelves: Shelves, index: int, size: int) -> bytes:
    tile, offset = divmod(index, 256)
    data = shelves.entries.get(str(TilePath(None, tile, min(256, size - tile * 256))))
    assert data is not None
    for _ in range(offset):
        data = data[2 + int.from_bytes(data[:2], "big") :]
    return data[2 : 2 + int.from_bytes(data[:2], "big")]


class _Killed(Exception):
    pass


class _Mortal(MemoryShelf):
    """A shelf whose process is killed after so many writes."""

    def __init__(self, lives: list[int]) -> None:
        super().__init__()
        self._lives = lives

    def put(self, path: str, data: bytes) -> None:
        if self._lives[0] == 0:
            raise _Killed
        self._lives[0] -= 1
        super().put(path, data)


def test_killed_at_any_write_a_publication_never_shows_a_checkpoint_without_its_tiles(
    sqlite_log: World,
) -> None:
    fill(sqlite_log, 600)
    whole = memory_shelves()
    publish_world(sqlite_log, whole)

    for writes in range(len(public(whole).written) + 3):
        lives = [writes]
        shelves = Shelves(_Mortal(lives), _Mortal(lives))
        with contextlib.suppress(_Killed):
            publish_world(sqlite_log, shelves)
        shown = published(shelves.public, [SIGNER.verifier])
        needed = [] if shown is None else list(tiles_of(shown.size))
        assert all(shelves.of(one).get(str(one)) is not None for one in needed)
        lives[0] = 1000
        publish_world(sqlite_log, shelves)
        assert public(shelves).files == public(whole).files
