"""Every byte of a ZIP file must belong to something that is read: nothing hides between members.

Stricter than APPNOTE 6.3.10: members lie one after the other from the first byte to the central
directory, the directory reaches to the end record, and the end record is the end of the file.
Memory is one `Member` for each entry; contents are inflated block by block and not kept.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

STORED, DEFLATED = 0, 8
MAX_EXTRA = 100
_BLOCK = 1 << 16
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_FIELD = struct.Struct("<HH")
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
# Encrypted, the two bits of deflate's level, sizes that follow, names in UTF-8.
_FLAGS = _ENCRYPTED | 0x2 | 0x4 | _DESCRIPTOR | 0x800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
# Lengths that extra fields may have: sizes, times (UNIX, NTFS), owner, the name in UTF-8.
_EXTRAS = {
    _ZIP64: range(0, 29),
    0x5455: range(1, 14, 4),
    0x7875: range(3, 20),
    _UNICODE_PATH: range(5, MAX_EXTRA),
    0x000A: range(32, 33),
}


class LayoutError(Exception):
    """The file is no ZIP file whose every byte is accounted for."""


@dataclass(frozen=True, slots=True)
class Member:
    """One entry as both its headers tell it; sizes and positions in bytes.

    `alias` is the second name in UTF-8 that an extra field may carry, else empty.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int
    data: int = 0
    alias: str = ""


def members(file: BinaryIO) -> list[Member]:
    """Return the members in the directory's order. Inflates nothing.

    Raises LayoutError for bytes that belong to no member, for headers that disagree, for comments,
    for extra fields other than times, owner, sizes and name, for methods other than stored and
    deflate, and for anything that is no ZIP file.
    """
    count, start, end = _directory(file)
    found = [_located(file, member) for member in _listed(file, count, start, end)]
    _contiguous(file, found, start)
    return found


def verify(file: BinaryIO, member: Member, spend: Callable[[int], None]) -> None:
    """Inflate the content of `member` and drop it; `spend` is told the bytes of each block.

    Raises LayoutError unless the stream ends where the headers say, with their size and checksum;
    whatever `spend` raises goes through.
    """
    _require(not member.flags & _ENCRYPTED)
    crc = size = 0
    for block in _content(file, member):
        crc, size = zlib.crc32(block, crc), size + len(block)
        spend(len(block))
        _require(size <= member.size)
    _require((crc, size) == (member.crc, member.size))


def _require(holds: bool) -> None:
    if not holds:
        raise LayoutError


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    """Return exactly `count` bytes from `position`."""
    _require(position >= 0)
    file.seek(position)
    data = file.read(count)
    _require(len(data) == count)
    return data


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Return the number of entries, and where the directory begins and ends."""
    place = file.seek(0, 2) - _END.size
    mark, *disks, here, count, length, start, note = _END.unpack(_at(file, place, _END.size))
    _require(mark == b"PK\x05\x06" and disks == [0, 0] and here == count and note == 0)
    if start + length != place:
        count, length, start, place = _directory64(file, place, (count, length, start))
    _require(start + length == place)
    return count, start, place


def _directory64(
    file: BinaryIO, end: int, short: tuple[int, int, int]
) -> tuple[int, int, int, int]:
    """Return what the ZIP64 records in front of the end record tell, and where they begin."""
    place = end - _LOCATOR.size - _END64.size
    mark, disk, where, disks = _LOCATOR.unpack(_at(file, end - _LOCATOR.size, _LOCATOR.size))
    _require((mark, disk, where, disks) == (b"PK\x06\x07", 0, place, 1))
    mark, rest, _made, _needed, *numbers = _END64.unpack(_at(file, place, _END64.size))
    _require(mark == b"PK\x06\x06" and rest == _END64.size - 12 and numbers[:2] == [0, 0])
    here, count, length, start = numbers[2:]
    _require(here == count)
    pairs = zip(short, (count, length, start), (_FULL16, _FULL32, _FULL32), strict=True)
    _require(all(value in (true, full) for value, true, full in pairs))
    return count, length, start, place


def _listed(file: BinaryIO, count: int, place: int, end: int) -> Iterator[Member]:
    """Yield the directory's entries, which must fill it."""
    for _ in range(count):
        _require(place + _CENTRAL.size <= end)
        head = _at(file, place, _CENTRAL.size)
        mark, _made, _needed, flags, method, _time, _date, crc, *numbers = _CENTRAL.unpack(head)
        packed, size, named, extra, note, disk, _inner, _outer, start = numbers
        _require(mark == b"PK\x01\x02" and note == 0 and disk == 0 and extra <= MAX_EXTRA)
        tail = _at(file, place + _CENTRAL.size, named + extra)
        name, fields = tail[:named], _extras(tail[named:])
        size, packed, start = _widened(fields, size, packed, start)
        yield _plain(Member(name, flags, method, crc, packed, size, start), fields)
        place += _CENTRAL.size + len(tail)
    _require(place == end)


def _plain(member: Member, fields: dict[int, bytes]) -> Member:
    """Return `member` with its alias, if readers of every kind see the same entry in it."""
    _require(member.flags & ~_FLAGS == 0 and member.method in (STORED, DEFLATED))
    _require(bool(member.name) and b"\0" not in member.name)
    _require(member.size == 0 or not member.name.endswith(b"/"))
    if member.method == STORED and not member.flags & _ENCRYPTED:
        _require(member.packed == member.size)
    return replace(member, alias=_alias(fields, member.name))


def _extras(data: bytes) -> dict[int, bytes]:
    """Return the extra fields by their id; each at most once, each of a known kind."""
    fields: dict[int, bytes] = {}
    while data:
        _require(len(data) >= _FIELD.size)
        kind, length = _FIELD.unpack_from(data)
        value, data = data[_FIELD.size : _FIELD.size + length], data[_FIELD.size + length :]
        _require(len(value) == length and kind not in fields)
        _require(kind in _EXTRAS and length in _EXTRAS[kind])
        fields[kind] = value
    return fields


def _widened(fields: dict[int, bytes], *values: int) -> list[int]:
    """Return `values` with those that need 64 bits taken from the ZIP64 field, which they fill."""
    wide = fields.get(_ZIP64, b"")
    full = sum(value == _FULL32 for value in values)
    _require(len(wide) == 8 * full)
    numbers = iter(struct.unpack(f"<{full}Q", wide))
    return [next(numbers) if value == _FULL32 else value for value in values]


def _alias(fields: dict[int, bytes], name: bytes) -> str:
    value = fields.get(_UNICODE_PATH)
    if value is None:
        return ""
    _require(value[0] == 1 and value[1:5] == zlib.crc32(name).to_bytes(4, "little"))
    try:
        return value[5:].decode("utf-8")
    except UnicodeDecodeError:
        raise LayoutError from None


def _located(file: BinaryIO, member: Member) -> Member:
    """Return `member` with the position of its content, if its own header agrees."""
    head = _LOCAL.unpack(_at(file, member.start, _LOCAL.size))
    mark, _needed, flags, method, _time, _date, crc, packed, size, named, extra = head
    _require(mark == b"PK\x03\x04" and (flags, method) == (member.flags, member.method))
    _require(named == len(member.name) and extra <= MAX_EXTRA)
    tail = _at(file, member.start + _LOCAL.size, named + extra)
    fields = _extras(tail[named:])
    _require(tail[:named] == member.name)
    _require(_alias(fields, member.name) in ("", member.alias))
    size, packed = _widened(fields, size, packed)
    later = bool(flags & _DESCRIPTOR)
    pairs = ((crc, member.crc), (packed, member.packed), (size, member.size))
    _require(all(told == true or (later and told == 0) for told, true in pairs))
    return replace(member, data=member.start + _LOCAL.size + len(tail))


def _contiguous(file: BinaryIO, found: list[Member], end: int) -> None:
    """Require that the members fill the file from its first byte to `end`."""
    ordered = sorted(found, key=lambda member: member.start)
    starts = [member.start for member in ordered] + [end]
    _require(starts[0] == 0)
    for member, following in zip(ordered, starts[1:], strict=True):
        place = member.data + member.packed
        gap = following - place
        _require(0 <= gap <= 24)
        _require(_at(file, place, gap) in _descriptors(member))


def _descriptors(member: Member) -> list[bytes]:
    """Return what may follow the content: nothing, or sizes with or without mark, 32 or 64 bits."""
    if not member.flags & _DESCRIPTOR:
        return [b""]
    shapes = ["<IQQ"] if max(member.packed, member.size) > _FULL32 else ["<III", "<IQQ"]
    plain = [struct.pack(shape, member.crc, member.packed, member.size) for shape in shapes]
    return plain + [b"PK\x07\x08" + each for each in plain]


def _content(file: BinaryIO, member: Member) -> Iterator[bytes]:
    return _inflated(file, member) if member.method == DEFLATED else _packed(file, member)


def _packed(file: BinaryIO, member: Member) -> Iterator[bytes]:
    for place in range(0, member.packed, _BLOCK):
        yield _at(file, member.data + place, min(_BLOCK, member.packed - place))


def _inflated(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield the content in blocks; the stream must end with its last packed byte."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for block in _packed(file, member):
            _require(not stream.eof)
            yield stream.decompress(block, _BLOCK)
            while stream.unconsumed_tail:
                yield stream.decompress(stream.unconsumed_tail, _BLOCK)
        while not stream.eof and (block := stream.decompress(b"", _BLOCK)):
            yield block
    except zlib.error:
        raise LayoutError from None
    _require(stream.eof and not stream.unused_data)
