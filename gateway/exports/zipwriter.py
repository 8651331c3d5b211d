"""ZIP files that come out the same, byte by byte, whoever writes them and whenever.

Members are stored, not deflated: the bytes of deflate depend on the library's version, and the
digest of a package must not. Nothing is held in memory, and nothing is written twice: sizes and
checksums follow each member (APPNOTE 6.3.10, section 4.3.9).
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

# The oldest time a ZIP file can hold: files of a version have no time of their own.
_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16
_UNIX = 3


class Sink(Protocol):
    """Where the ZIP file goes; it need not seek."""

    def write(self, block: bytes, /) -> int: ...
    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One member to be: its path, its size in bytes where known, its bytes."""

    path: str
    size: int
    blocks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Member:
    """One member as written: hex sha256 and size in bytes."""

    path: str
    sha256: str
    size: int


def write(sink: Sink, sources: Iterable[Source]) -> Iterator[Member]:
    """Write `sources` in their order and yield each as it was written; the file is whole once
    the iterator has ended."""
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]
        for source in sources:
            yield _add(archive, source)


def _add(archive: zipfile.ZipFile, source: Source) -> Member:
    digest, size = hashlib.sha256(), 0
    with archive.open(_header(source), "w") as member:
        for block in source.blocks:
            digest.update(block)
            size += member.write(block)
    return Member(source.path, digest.hexdigest(), size)


def _header(source: Source) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(source.path, _TIME)
    info.create_system, info.external_attr = _UNIX, _PLAIN_FILE
    info.compress_type = zipfile.ZIP_STORED
    info.file_size = source.size
    return info
