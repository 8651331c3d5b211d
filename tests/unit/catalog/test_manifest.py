from __future__ import annotations

import hashlib
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.catalog import manifest
from gateway.catalog.items import Item, media_type
from gateway.config import load
from gateway.storage import Store


def items(count: int) -> Iterator[Item]:
    for number in range(count):
        path = f"folder/{number:08d}.txt"
        yield Item(path, hashlib.sha256(path.encode()).hexdigest(), number, "text/plain")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(load({}, home=tmp_path))


def test_a_manifest_gives_back_what_was_written(store: Store) -> None:
    written = manifest.write(store, items(20_000))
    assert list(manifest.read(store, written.sha256)) == list(items(20_000))


def test_the_same_items_have_the_same_manifest(store: Store) -> None:
    assert manifest.write(store, items(50)).sha256 == manifest.write(store, items(50)).sha256


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(store: Store) -> None:
    written = manifest.write(store, items(5))
    path = store.local_path(written.sha256)
    assert path is not None
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(manifest.ManifestBroken):
        list(manifest.read(store, written.sha256))


def test_something_else_under_a_manifests_digest_is_refused(store: Store) -> None:
    other = store.put(b"this is no Parquet file")
    with pytest.raises(manifest.ManifestBroken):
        list(manifest.read(store, other))


def high_water_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_two_hundred_thousand_items_pass_in_flat_memory(store: Store) -> None:
    before = high_water_kib()
    written = manifest.write(store, items(200_000))
    tracemalloc.start()
    count = sum(1 for _item in manifest.read(store, written.sha256))
    manifest.write_index(store, items(200_000))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 48 << 20
    # Growth, not size: other tests of the same process have made it as large as it is.
    assert high_water_kib() - before < 512 << 10


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/b.TXT", "text/plain"),
        ("영상/001.dcm", "application/dicom"),
        ("x.tar.gz", "application/gzip"),
        ("no-suffix", "application/octet-stream"),
        ("folder.txt/no-suffix", "application/octet-stream"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_the_media_type_comes_from_the_suffix(path: str, kind: str) -> None:
    assert media_type(path) == kind
