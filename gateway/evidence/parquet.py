"""Writes entries as Parquet: one row an entry, with the exact leaf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audit.leaf import Columns

SCHEMA = pa.schema(
    [
        pa.field("idx", pa.int64(), nullable=False),
        *(
            pa.field(name, pa.int64() if name == "time_ms" else pa.string())
            for name in Columns._fields
        ),
        pa.field("leaf", pa.binary(), nullable=False),
        pa.field("leaf_hash", pa.binary(32), nullable=False),
    ]
)


def write(path: Path, pages: Iterable[Sequence[Sequence[Any]]]) -> int:
    """Write pages of rows in the order of `SCHEMA`, a row group each, with zstd; returns rows.

    Raises OSError.
    """
    rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for page in pages:
            columns = [list(column) for column in zip(*page, strict=True)]
            writer.write_table(pa.table(columns, schema=SCHEMA))
            rows += len(page)
    return rows
