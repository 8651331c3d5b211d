from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.catalog import manifest_index
from gateway.catalog.service_versions import find_version
from gateway.runtime import Runtime
from gateway.storage import ObjectMissing, Store, StoreUnavailable
from gateway.web.paging import Window
from tests import deliveries
from tests.parts import s3

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path, s3_endpoint: str) -> Store:
    return Store.open(s3.settings_for(tmp_path, s3_endpoint, tmp_path.name))


def test_an_object_makes_the_round_trip(store: Store) -> None:
    data = os.urandom(12 * MIB + 5)
    digest = store.put(data)
    target = io.BytesIO()
    store.fetch(digest, store.size(digest), target)
    assert hashlib.sha256(target.getvalue()).hexdigest() == digest
    assert store.read(digest, 3, 4) == data[3:7]
    assert store.local_path(digest) is None
    assert store.open_descriptor(digest) is None


def test_nothing_stays_on_local_disk(store: Store, tmp_path: Path) -> None:
    store.put(b"x")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_is_not_there_is_missing(store: Store) -> None:
    assert not store.exists("0" * 64)
    with pytest.raises(ObjectMissing):
        store.read("0" * 64, 0, 1)


def test_more_than_there_is_cannot_be_read(store: Store) -> None:
    digest = store.put(b"short")
    with pytest.raises(StoreUnavailable):
        store.read(digest, 0, 6)


def test_a_server_that_is_gone_is_told_as_unavailable(
    tmp_path: Path, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = Store.open(s3.settings_for(tmp_path, s3_endpoint))
    with pytest.raises(StoreUnavailable):
        store.put(b"x")


def test_a_version_is_imported_scanned_and_looked_up_on_s3(
    runtime: Runtime, store: Store, tmp_path: Path
) -> None:
    on_s3 = replace(runtime, store=store)
    deliveries.dataset(on_s3)
    root = deliveries.folder(tmp_path, {"편지/가.txt": "안녕", "b.txt": "x"})
    deliveries.opened(on_s3, root)
    with on_s3.db.read() as session:
        version = find_version(session, "korean-letters", "v1")[1]
    item = manifest_index.lookup(on_s3, version, "편지/가.txt")
    assert item is not None
    assert store.read(item.sha256, 0, item.size) == "안녕".encode()
    listed = manifest_index.listing(on_s3, version, "", Window(10, ""))
    assert [each.path for each in listed] == ["b.txt", "편지/가.txt"]
