"""The immutable Parquet manifest of a version. Imports pyarrow: commands and workers only.

Columns: path (UTF-8, ascending by bytes), size (bytes), sha256 (32 bytes), media_type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.catalog import manifest_index
from gateway.catalog.items import Item
from gateway.storage import Staged, Store
from gateway.storage.store import Staging

ROWS = 16_384
SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("sha256", pa.binary(32), nullable=False),
        pa.field("media_type", pa.dictionary(pa.int32(), pa.string()), nullable=False),
    ]
)


class ManifestBroken(Exception):
    """The manifest in the store is not what its digest says, or is no manifest."""


def write(store: Store, items: Iterable[Item]) -> Staged:
    """Store the manifest of `items`, sorted by path; the same items give the same digest."""
    with store.stage() as staging:
        with pq.ParquetWriter(staging.path, SCHEMA, compression="zstd") as file:
            rest = iter(items)
            while rows := tuple(islice(rest, ROWS)):
                file.write_batch(_batch(rows))
        staged = staging.adopt()
        store.commit(staged)
    return staged


def write_index(store: Store, items: Iterable[Item]) -> Staged:
    """Store the look-up file of `items`, sorted by path."""
    with store.stage() as staging:
        manifest_index.build(staging.path, items)
        staged = staging.adopt()
        store.commit(staged)
    return staged


def read(store: Store, sha256: str) -> Iterator[Item]:
    """The items of a manifest in order of path, with flat memory.

    Raises ManifestBroken, ObjectMissing or StoreUnavailable.
    """
    with store.stage() as staging:
        _fetch(store, sha256, staging)
        yield from _items(staging.path)


def _fetch(store: Store, sha256: str, staging: Staging) -> None:
    store.fetch(sha256, store.size(sha256), staging)
    if staging.finish().sha256 != sha256:
        raise ManifestBroken(sha256)


def _items(path: Path) -> Iterator[Item]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield from map(_item, batch.to_pylist())
    except pa.ArrowException as error:
        raise ManifestBroken(str(error)) from error


def _item(row: dict[str, object]) -> Item:
    digest, size = row["sha256"], row["size"]
    assert isinstance(digest, bytes)
    assert isinstance(size, int)
    return Item(str(row["path"]), digest.hex(), size, str(row["media_type"]))


def _batch(rows: tuple[Item, ...]) -> pa.RecordBatch:
    columns = {
        "path": [row.path for row in rows],
        "size": [row.size for row in rows],
        "sha256": [bytes.fromhex(row.sha256) for row in rows],
        "media_type": [row.media_type for row in rows],
    }
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)
