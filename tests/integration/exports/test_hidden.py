"""Results that carry more than their directory tells, on both databases."""

from __future__ import annotations

import struct
import zlib

import pytest

from gateway.errors import Problem
from gateway.exports.archive import ArchiveFault
from gateway.exports.models import ExportState
from tests.integration.exports.conftest import NUMBER, Stage
from tests.integration.exports.making import result, zipped
from tests.integration.exports.test_packages import staged_files

SHOWN = b"group mean\n"


def longer_than_stated() -> bytes:
    """Both headers agree on the first line; the deflate stream goes on."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = stream.compress(SHOWN + NUMBER.encode()) + stream.flush()
    told = (zlib.crc32(SHOWN), len(packed), len(SHOWN))
    head = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *told, 1, 0) + b"t" + packed
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *told, 1, *[0] * 6)
    entry += b"t"
    return (
        head + entry + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(head), 0)
    )


def orphaned() -> bytes:
    """A whole member in front that the directory does not name."""
    orphan = zipped({"private.txt": NUMBER})
    orphan = orphan[: orphan.index(b"PK\x01\x02")]
    data = bytearray(zipped({"t.txt": SHOWN}))
    directory, end = data.index(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 16, directory + len(orphan))
    struct.pack_into("<I", data, directory + 42, len(orphan))
    return orphan + bytes(data)


def test_a_member_longer_than_stated_is_held_as_unscannable(stage: Stage) -> None:
    made = result(stage, longer_than_stated())
    stage.work()
    seen = stage.seen(made)
    assert seen.state is ExportState.HELD
    assert seen.scan is not None
    assert "UNSCANNABLE" in seen.scan.counts


def test_a_member_the_directory_does_not_name_is_refused(stage: Stage) -> None:
    with pytest.raises(Problem) as caught:
        result(stage, orphaned())
    assert caught.value.extra["fault"] == ArchiveFault.CORRUPT
    assert staged_files(stage) == []
