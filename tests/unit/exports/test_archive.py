"""A submitted ZIP file with a place to hide bytes is refused before it is kept."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from gateway.exports import zipwriter
from gateway.exports.archive import SENTENCES, ArchiveFault, ArchiveRefused, Contents, inspect

HIDDEN = b"900101-1234568 010-1234-5678\n" * 9


def zipped(extra: bytes = b"", comment: bytes = b"", kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("a.txt")
        info.compress_type, info.extra, info.comment = kind, extra, comment
        archive.writestr(info, b"group mean\n")
    return buffer.getvalue()


def orphaned(front: bool) -> bytes:
    """Bytes that no entry of the directory names, before the member or after it."""
    data = bytearray(zipped())
    directory, end = data.index(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 16, directory + len(HIDDEN))
    struct.pack_into("<I", data, directory + 42, len(HIDDEN) if front else 0)
    place = 0 if front else directory
    return bytes(data[:place] + HIDDEN + data[place:])


def changed(place: int) -> bytes:
    """One bit of the member's own header differs from the directory."""
    data = bytearray(zipped())
    data[place] ^= 1
    return bytes(data)


HIDING = {
    "before the first member": orphaned(front=True),
    "before the directory": orphaned(front=False),
    "member comment": zipped(comment=HIDDEN),
    "unknown extra field": zipped(extra=struct.pack("<HH", 0x7777, len(HIDDEN)) + HIDDEN),
    "other method": zipped(kind=zipfile.ZIP_BZIP2),
    "checksum": changed(14),
    "packed size": changed(18),
    "size": changed(22),
    "name": changed(30),
}


@pytest.mark.parametrize("case", HIDING)
def test_a_zip_with_bytes_no_one_reads_is_refused(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(HIDING[case])
    with pytest.raises(ArchiveRefused) as caught:
        inspect(path)
    assert caught.value.fault is ArchiveFault.CORRUPT


def test_an_ordinary_zip_and_our_own_package_pass(tmp_path: Path) -> None:
    ordinary, package = tmp_path / "a.zip", tmp_path / "b.zip"
    ordinary.write_bytes(zipped())
    with package.open("wb") as sink:
        list(zipwriter.write(sink, [zipwriter.Source("a/b.txt", 3, [b"ok\n"])]))
    assert (inspect(ordinary), inspect(package)) == (Contents(1, 11), Contents(1, 3))


def test_the_refusal_says_what_to_do_in_both_languages() -> None:
    korean, english = SENTENCES[ArchiveFault.CORRUPT]
    assert "다시 ZIP으로 묶어" in korean
    assert "Pack the files again with an ordinary ZIP program" in english
