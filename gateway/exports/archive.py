"""A submitted result is a ZIP file; its directory is checked here, its members in the sandbox.

Only headers are read, and only after the directory's size is known to be small: nothing is
unpacked. The rules are stricter than the format: every byte belongs to a member whose two headers
agree (`ziplayout`), there are no comments, and no ZIP64. Whether a member's content ends where its
headers say is found by the scan, which inflates it.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from gateway.catalog.paths import PathInvalid, canonical
from gateway.scanning.extract import ziplayout
from gateway.scanning.extract.ziplayout import LayoutError

MAX_MEMBERS = 10_000
MAX_DIRECTORY_BYTES = 8 << 20
MAX_INFLATED_BYTES = 20 << 30
MAX_RATIO = 200
RATIO_FREE_BYTES = 16 << 20
# Signature, four counts of 16 bits, size and offset of the directory, length of the comment.
_END = struct.Struct("<4s4H2IH")
_END_MARK = b"PK\x05\x06"
_LOCATOR_BYTES = 20
_LOCATOR_MARK = b"PK\x06\x07"
_ENCRYPTED = 0x1


class ArchiveFault(StrEnum):
    """Why a submitted file is refused."""

    NOT_A_ZIP = "not_a_zip"
    CORRUPT = "corrupt"
    EMPTY = "empty"
    TOO_MANY_MEMBERS = "too_many_members"
    NAME = "name"
    REPEATED_NAME = "repeated_name"
    ENCRYPTED = "encrypted"
    LINK = "link"
    TOO_LARGE_INSIDE = "too_large_inside"


class ArchiveRefused(Exception):
    """The file is not a ZIP file that can be reviewed; `member` names the first wrong member."""

    def __init__(self, fault: ArchiveFault, member: str = "") -> None:
        super().__init__(f"archive refused: {fault}")
        self.fault = fault
        self.member = member


SENTENCES: dict[ArchiveFault, tuple[str, str]] = {
    ArchiveFault.NOT_A_ZIP: (
        "ZIP 파일이 아니거나 설명이 붙은 ZIP 파일입니다. 설명 없는 ZIP 파일로 제출해 주십시오.",
        "This is not a ZIP file, or one with a comment. Submit a ZIP file without a comment.",
    ),
    ArchiveFault.CORRUPT: (
        "ZIP 파일이 손상되었거나 검사할 수 없는 내용이 파일 사이에 있습니다."
        " 일반 압축 프로그램으로 파일을 다시 ZIP으로 묶어 제출해 주십시오.",
        "The ZIP file is corrupt, or holds something besides its files that cannot be scanned."
        " Pack the files again with an ordinary ZIP program and submit that.",
    ),
    ArchiveFault.EMPTY: (
        "ZIP 파일에 파일이 없습니다.",
        "The ZIP file holds no file.",
    ),
    ArchiveFault.TOO_MANY_MEMBERS: (
        f"ZIP 파일 하나에 파일을 {MAX_MEMBERS:,}개까지 담을 수 있습니다.",
        f"A ZIP file may hold at most {MAX_MEMBERS:,} files.",
    ),
    ArchiveFault.NAME: (
        "ZIP 안의 파일 이름이 올바르지 않습니다. 상위 폴더(..), 절대 경로, 역슬래시, 제어 문자"
        " 없이 NFC로 적은 이름만 쓸 수 있습니다.",
        "A name inside the ZIP file is not allowed: no parent folders (..), absolute paths,"
        " backslashes or control characters, and in Unicode NFC.",
    ),
    ArchiveFault.REPEATED_NAME: (
        "ZIP 안에 이름이 같은 파일이 둘 이상 있습니다.",
        "The ZIP file holds the same name twice.",
    ),
    ArchiveFault.ENCRYPTED: (
        "암호가 걸린 파일은 검사할 수 없습니다. 암호 없이 다시 제출해 주십시오.",
        "Encrypted files cannot be scanned. Submit them without a password.",
    ),
    ArchiveFault.LINK: (
        "ZIP 안에 링크가 있습니다. 파일 자체를 담아 주십시오.",
        "The ZIP file holds a link. Put the file itself into it.",
    ),
    ArchiveFault.TOO_LARGE_INSIDE: (
        "압축을 풀면 너무 커집니다. 나누어 제출해 주십시오.",
        "The content is too large once inflated. Submit it in parts.",
    ),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What the directory tells: how many files, and their bytes once inflated."""

    members: int
    bytes: int


def inspect(path: Path) -> Contents:
    """Check the ZIP file at `path`. Raises ArchiveRefused; never another error for its content."""
    try:
        with path.open("rb") as file:
            _check_end(file, path.stat().st_size)
            with zipfile.ZipFile(file) as archive:
                contents = _check(archive.infolist(), path.stat().st_size)
            ziplayout.members(file)
            return contents
    except (LayoutError, zipfile.BadZipFile, ValueError, struct.error, NotImplementedError):
        raise ArchiveRefused(ArchiveFault.CORRUPT) from None


def _check_end(file: BinaryIO, size: int) -> None:
    """Find the end record where it must be, and refuse directories too large to be read."""
    tail_bytes = _LOCATOR_BYTES + _END.size
    file.seek(max(0, size - tail_bytes))
    tail = file.read(tail_bytes)
    if size < _END.size or tail[-_END.size :][:4] != _END_MARK or tail[-2:] != b"\x00\x00":
        raise ArchiveRefused(ArchiveFault.NOT_A_ZIP)
    _mark, _disk, _first, _here, count, length, offset, _note = _END.unpack(tail[-_END.size :])
    zip64 = tail[: -_END.size].startswith(_LOCATOR_MARK)
    if zip64 or count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise ArchiveRefused(ArchiveFault.TOO_MANY_MEMBERS)
    if offset + length + _END.size != size:
        raise ArchiveRefused(ArchiveFault.CORRUPT)


def _check(entries: list[zipfile.ZipInfo], packed: int) -> Contents:
    if len({entry.header_offset for entry in entries}) != len(entries):
        raise ArchiveRefused(ArchiveFault.CORRUPT)
    seen: set[str] = set()
    for entry in entries:
        _check_entry(entry, seen)
    files = [entry for entry in entries if not entry.is_dir()]
    if not files:
        raise ArchiveRefused(ArchiveFault.EMPTY)
    inflated = sum(entry.file_size for entry in files)
    if inflated > min(MAX_INFLATED_BYTES, max(RATIO_FREE_BYTES, MAX_RATIO * packed)):
        raise ArchiveRefused(ArchiveFault.TOO_LARGE_INSIDE)
    return Contents(len(files), inflated)


def _check_entry(entry: zipfile.ZipInfo, seen: set[str]) -> None:
    # `filename` is what zipfile made of the name; what other programs read is the original.
    name = entry.orig_filename
    try:
        canonical(name.removesuffix("/"))
    except PathInvalid:
        raise ArchiveRefused(ArchiveFault.NAME, name) from None
    if name in seen:
        raise ArchiveRefused(ArchiveFault.REPEATED_NAME, name)
    seen.add(name)
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(ArchiveFault.ENCRYPTED, name)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArchiveRefused(ArchiveFault.LINK, name)
