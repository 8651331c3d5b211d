from __future__ import annotations

import hashlib
import io
import os
import time
from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import OperatorError
from gateway.storage import ObjectMissing, Store, StoreUnavailable
from gateway.storage.store import ABANDONED_SECONDS

ABSENT = "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(load({}, home=tmp_path))


def test_what_is_put_is_read_back_under_its_sha256(store: Store) -> None:
    digest = store.put("수문".encode())
    assert digest == hashlib.sha256("수문".encode()).hexdigest()
    assert store.read(digest, 0, 6) == "수문".encode()
    assert store.size(digest) == 6


def test_an_empty_object_is_an_object(store: Store) -> None:
    digest = store.put(b"")
    target = io.BytesIO()
    store.fetch(digest, 0, target)
    assert (store.exists(digest), store.size(digest), target.getvalue()) == (True, 0, b"")


def test_blocks_give_exactly_the_range_asked_for(store: Store) -> None:
    data = os.urandom((1 << 20) * 2 + 17)
    digest = store.put(data)
    blocks = list(store.blocks(digest, 5, len(data) - 9))
    assert b"".join(blocks) == data[5:-4]
    assert max(map(len, blocks)) == 1 << 20


def test_more_than_there_is_cannot_be_read(store: Store) -> None:
    digest = store.put(b"short")
    with pytest.raises(StoreUnavailable):
        store.read(digest, 0, 6)


@pytest.mark.parametrize("name", [ABSENT, "", "../../etc/passwd", "AB" * 32, "g" * 64])
def test_what_is_no_object_is_missing(store: Store, name: str) -> None:
    assert not store.exists(name)
    with pytest.raises(ObjectMissing):
        store.read(name, 0, 1)
    with pytest.raises(ObjectMissing):
        store.open_descriptor(name)


def test_a_descriptor_reads_the_object(store: Store) -> None:
    descriptor = store.open_descriptor(store.put(b"bytes"))
    assert descriptor is not None
    assert os.pread(descriptor, 10, 0) == b"bytes"
    os.close(descriptor)


def test_an_object_is_not_written_twice(store: Store) -> None:
    path = store.local_path(store.put(b"once"))
    assert path is not None
    before = path.stat().st_ino
    store.put(b"once")
    assert path.stat().st_ino == before


def test_nothing_stays_behind_when_staging_fails(store: Store) -> None:
    def write_and_fail() -> None:
        with store.stage() as staging:
            staging.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert store.root is not None
    assert list((store.root / ".staging").iterdir()) == []


def test_only_what_a_killed_process_left_long_ago_is_swept(store: Store) -> None:
    assert store.root is not None
    staging = store.root / ".staging"
    staging.mkdir()
    for name, age in (("old", ABANDONED_SECONDS + 60), ("young", 60)):
        (staging / name).write_bytes(b"x")
        moment = time.time() - age
        os.utime(staging / name, (moment, moment))
    assert store.sweep() == 1
    assert [path.name for path in staging.iterdir()] == ["young"]


@pytest.mark.parametrize("url", ["ftp://host/x", "file://host/x", "nonsense"])
def test_an_address_that_names_no_store_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(OperatorError, match="SUMUN_STORAGE_URL"):
        Store.open(load({}, home=tmp_path, storage_url=url))


def test_a_full_or_broken_disk_is_told_as_unavailable(store: Store) -> None:
    assert store.root is not None
    (store.root / "sha256").write_bytes(b"a file where a folder should be")
    with pytest.raises(StoreUnavailable):
        store.put(b"x")
