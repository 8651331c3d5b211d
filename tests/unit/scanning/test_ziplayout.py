"""No byte of a ZIP file passes unread: ordinary files pass, hiding places do not."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.exports import zipwriter
from gateway.scanning.engines.inspect import inspect
from gateway.scanning.extract import ziplayout
from gateway.scanning.extract.ziplayout import LayoutError

HIDDEN = b"900101-1234568 010-1234-5678\n" * 9
BOTH = frozenset({"ko", "en"})
LARGE = b"group mean\n" * 90_000


class Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes sizes after each member."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, block: bytes) -> int:  # type: ignore[override]
        self.data += block
        return len(block)


def zipped(kind: int = zipfile.ZIP_STORED, extra: bytes = b"", comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.compress_type, info.extra, info.comment = kind, extra, comment
        archive.writestr(info, b"group mean\n")
    return buffer.getvalue()


def shifted(data: bytes, place: int, inserted: bytes, offset: int) -> bytes:
    """`data` with bytes inserted at `place`, its directory corrected; members at `offset`."""
    out = bytearray(data)
    end = out.rfind(b"PK\x05\x06")
    struct.pack_into("<I", out, end + 16, data.index(b"PK\x01\x02") + len(inserted))
    struct.pack_into("<I", out, data.index(b"PK\x01\x02") + 42, offset)
    return bytes(out[:place] + inserted + out[place:])


def made(
    stream: bytes,
    crc: int,
    size: int,
    method: int = 8,
    local: bytes = b"",
    local_name: bytes = b"t",
) -> bytes:
    """One member, its headers telling what they are told to."""
    head = struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 20, 0, method, 0, 33, crc, len(stream), size, 1, len(local)
    )
    head += local_name + local + stream
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, method, 0, 33, crc, len(stream), size,
        1, 0, 0, 0, 0, 0, 0,
    ) + b"t"  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), len(head), 0)
    return head + entry + end


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def described(shape: str, mark: bytes, wrong: int = 0) -> bytes:
    """A member whose sizes follow it, as programs write that read from a pipe."""
    data, stream = b"ok\n", deflated(b"ok\n")
    crc = zlib.crc32(data)
    out = bytearray(made(stream, crc, len(data)))
    directory = out.index(b"PK\x01\x02")
    struct.pack_into("<H", out, 6, 8)
    struct.pack_into("<3I", out, 14, 0, 0, 0)
    struct.pack_into("<H", out, directory + 8, 8)
    tail = mark + struct.pack(shape, crc, len(stream) + wrong, len(data))
    return shifted(bytes(out), directory, tail, 0)


def piped() -> bytes:
    sink = Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        archive.writestr("폴더/가.txt", LARGE)
        archive.writestr("b.txt", b"")
    return bytes(sink.data)


def package() -> bytes:
    sink = io.BytesIO()
    list(zipwriter.write(sink, [zipwriter.Source("a/b.txt", 3, [b"o", b"k\n"])]))
    return sink.getvalue()


def wide() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w") as archive,
        archive.open("a.txt", "w", force_zip64=True) as member,
    ):
        member.write(b"ok\n")
    return buffer.getvalue()


def folder() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/", b"")
        archive.writestr("a/b.txt", LARGE)
    return buffer.getvalue()


def zip64_ended() -> bytes:
    data = zipped()
    end = data.rfind(b"PK\x05\x06")
    start = data.index(b"PK\x01\x02")
    record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, end - start, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return data[:end] + record + locator + last


def with_field(kind: int, value: bytes) -> bytes:
    return zipped(extra=struct.pack("<HH", kind, len(value)) + value)


ORDINARY: dict[str, Callable[[], bytes]] = {
    "stored": zipped,
    "deflated": lambda: zipped(zipfile.ZIP_DEFLATED),
    "several, with a folder": folder,
    "from a pipe": piped,
    "our package": package,
    "sizes of 64 bits": wide,
    "end record of 64 bits": zip64_ended,
    "empty": lambda: b"PK\x05\x06" + bytes(18),
    "descriptor": lambda: described("<III", b"PK\x07\x08"),
    "descriptor without mark": lambda: described("<III", b""),
    "descriptor of 64 bits": lambda: described("<IQQ", b"PK\x07\x08"),
    "time": lambda: with_field(0x5455, b"\x01" + bytes(4)),
}
WRONG: dict[str, Callable[[], bytes]] = {
    "orphan before": lambda: shifted(zipped(), 0, HIDDEN, len(HIDDEN)),
    "before, unaccounted": lambda: HIDDEN + zipped(),
    "before the directory": lambda: shifted(zipped(), zipped().index(b"PK\x01\x02"), HIDDEN, 0),
    "before the end record": lambda: zipped()[:-22] + HIDDEN + zipped()[-22:],
    "after the end": lambda: zipped() + HIDDEN,
    "archive comment": lambda: zipped()[:-2] + struct.pack("<H", len(HIDDEN)) + HIDDEN,
    "member comment": lambda: zipped(comment=HIDDEN),
    "unknown extra": lambda: with_field(0x7777, b"x"),
    "large extra": lambda: with_field(0x5455, HIDDEN),
    "local extra alone": lambda: made(b"ok", zlib.crc32(b"ok"), 2, 0,
                                      struct.pack("<HH", 0x7777, len(HIDDEN)) + HIDDEN),
    "other local name": lambda: made(b"ok", zlib.crc32(b"ok"), 2, 0, local_name=b"u"),
    "other local flags": lambda: flipped(zipped(), 7),
    "other local method": lambda: flipped(zipped(), 8),
    "other local checksum": lambda: flipped(zipped(), 14),
    "other local size": lambda: flipped(zipped(), 22),
    "descriptor that lies": lambda: described("<III", b"PK\x07\x08", 1),
    "NUL in a name": lambda: zipped().replace(b"a.txt", b"a\0txt"),
    "folder with content": lambda: zipped().replace(b"a.txt", b"a.tx/"),
    "bzip2": lambda: zipped(zipfile.ZIP_BZIP2),
    "more than the size": lambda: made(deflated(b"ok\n" + HIDDEN), zlib.crc32(b"ok\n"), 3),
    "less than the size": lambda: made(deflated(b"ok\n"), zlib.crc32(b"ok\n"), 4),
    "wrong checksum": lambda: made(deflated(b"ok\n"), 1, 3),
    "bytes after the stream": lambda: made(deflated(b"ok\n") + HIDDEN, zlib.crc32(b"ok\n"), 3),
    "block after the stream": lambda: made(
        deflated(b"ok\n") + HIDDEN * 999, zlib.crc32(b"ok\n"), 3
    ),
    "stream cut": lambda: made(deflated(LARGE)[:-1], zlib.crc32(LARGE), len(LARGE)),
    "stored beyond its size": lambda: made(b"ok\n" + HIDDEN, zlib.crc32(b"ok\n"), 3, 0),
    "no ZIP": lambda: HIDDEN,
    "nothing": lambda: b"",
}  # fmt: skip


def checked(file: io.BufferedIOBase) -> int:
    sizes: list[int] = []
    for member in ziplayout.members(file):  # type: ignore[arg-type]
        ziplayout.verify(file, member, sizes.append)  # type: ignore[arg-type]
    return sum(sizes)


@pytest.mark.parametrize("case", ORDINARY)
def test_an_ordinary_zip_passes_whole(case: str) -> None:
    data = ORDINARY[case]()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = sum(entry.file_size for entry in archive.infolist())
    assert checked(io.BytesIO(data)) == expected


@pytest.mark.parametrize("case", WRONG)
def test_a_zip_with_unread_bytes_is_refused(case: str) -> None:
    with pytest.raises(LayoutError):
        checked(io.BytesIO(WRONG[case]()))


@pytest.mark.parametrize("case", [case for case in WRONG if WRONG[case]().startswith(b"PK\x03")])
def test_the_scanner_never_calls_a_zip_with_unread_bytes_clean(case: str) -> None:
    data = WRONG[case]()
    assert inspect(io.BytesIO(data), len(data), "p.zip", BOTH).unscannable == "corrupt_archive"


@pytest.mark.parametrize("option", ["-r", "-r0", "-rfd", "-rX"])
def test_what_the_zip_program_writes_passes(option: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "가.txt").write_bytes(LARGE)
    program = shutil.which("zip")
    assert program is not None, "the tests need Debian's zip; make test installs it"
    subprocess.run([program, "-q", option, "o.zip", "d"], cwd=tmp_path, check=True)
    with (tmp_path / "o.zip").open("rb") as file:
        assert checked(file) == len(LARGE)
