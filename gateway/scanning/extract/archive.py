"""ZIP archives, member by member, never unpacked to a disk, with limits against bombs.

An archive with a byte that belongs to no member (`ziplayout`) is corrupt as a whole: what is not
read here must not pass as clean.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, cast

from gateway.scanning.extract import ziplayout
from gateway.scanning.extract.segment import Piece, Pieces, Problem, Segment, Unscannable
from gateway.scanning.model import Location, Reason

MAX_DEPTH = 3
MAX_ENTRIES = 200_000
MAX_RATIO = 200
# Small archives of very regular text are no bombs, whatever their ratio.
RATIO_FREE_BYTES = 16 << 20
MAX_BYTES = 1 << 40
# Formats that must be read from several places at once are held in memory up to this size.
MAX_HELD = 64 << 20
_ENCRYPTED_FLAG = 0x1
_FAULTS = (
    ziplayout.LayoutError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    OSError,
)
_NESTED = "!/"

Reader = Callable[[Any, str, "Budget"], Pieces]


@dataclass(slots=True)
class Budget:
    """What one outermost file may still inflate to, through all levels of nesting."""

    compressed: int
    depth: int = 0
    inflated: int = 0
    entries: int = 0
    limits: tuple[int, int, int] = field(default=(MAX_RATIO, MAX_BYTES, MAX_ENTRIES))

    def spend(self, count: int) -> None:
        """Account for `count` inflated bytes. Raises `Unscannable` at a limit."""
        ratio, most, _ = self.limits
        self.inflated += count
        if self.inflated > most:
            raise Unscannable(Reason.ARCHIVE_BYTES)
        if self.inflated > max(RATIO_FREE_BYTES, ratio * self.compressed):
            raise Unscannable(Reason.ARCHIVE_RATIO)

    def enter(self, count: int) -> None:
        """Account for an archive of `count` entries one level down. Raises `Unscannable`."""
        self.depth += 1
        self.entries += count
        if self.depth > MAX_DEPTH:
            raise Unscannable(Reason.ARCHIVE_DEPTH)
        if self.entries > self.limits[2]:
            raise Unscannable(Reason.ARCHIVE_ENTRIES)


def read(file: BinaryIO, budget: Budget, reader: Reader) -> Pieces:
    """Yield the pieces of every member, read by `reader`, at `{"member": name, ...}`.

    A member that cannot be read is a `Problem` at its place; the others go on. A limit of the
    whole archive ends it with a `Problem`.
    """
    try:
        yield from _members(file, budget, reader)
    except Unscannable as problem:
        yield Problem(problem.reason)
    except _FAULTS:
        yield Problem(Reason.CORRUPT_ARCHIVE)


def hold(file: BinaryIO) -> io.BytesIO:
    """Return a member's bytes in memory. Raises `Unscannable` beyond `MAX_HELD`."""
    file.seek(0)
    data = file.read(MAX_HELD + 1)
    if len(data) > MAX_HELD:
        raise Unscannable(Reason.FIELD_TOO_LARGE)
    return io.BytesIO(data)


def _members(file: BinaryIO, budget: Budget, reader: Reader) -> Pieces:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        budget.enter(len(entries))
        for entry, member in zip(entries, _laid_out(file, entries), strict=True):
            # A name may itself be what must not leave; its place is then shown masked.
            for name in filter(None, (entry.filename, member.alias)):
                yield Segment({"member": entry.filename}, name, cue="")
            for piece in _member(archive, entry, member, budget, reader):
                yield _placed(piece, entry.filename)
        budget.depth -= 1


def _laid_out(file: BinaryIO, entries: list[zipfile.ZipInfo]) -> list[ziplayout.Member]:
    """Return the members whose bytes were accounted for; they must be those zipfile will read."""
    members = ziplayout.members(file)
    ours = [(each.start, each.packed, each.size, each.crc) for each in members]
    theirs = [
        (each.header_offset, each.compress_size, each.file_size, each.CRC) for each in entries
    ]
    if ours != theirs:
        raise Unscannable(Reason.CORRUPT_ARCHIVE)
    return members


def _member(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    member: ziplayout.Member,
    budget: Budget,
    reader: Reader,
) -> Pieces:
    if entry.flag_bits & _ENCRYPTED_FLAG:
        yield Problem(Reason.ENCRYPTED)
        return
    try:
        # First to its end, whatever the reader needs of it; folders must be empty as well.
        ziplayout.verify(cast(BinaryIO, archive.fp), member, budget.spend)
        if not entry.is_dir():
            with archive.open(entry) as stream:
                yield from reader(_Capped(stream), entry.filename, budget)
    except _FAULTS:
        yield Problem(Reason.CORRUPT_ARCHIVE)


def _placed(piece: Piece, name: str) -> Piece:
    place: Location = {**piece.location, "member": _joined(name, piece.location.get("member"))}
    if isinstance(piece, Problem):
        return Problem(piece.reason, place)
    return Segment(
        place, piece.text, piece.offset, piece.lead, piece.tail, piece.cue, piece.escaped
    )


def _joined(name: str, inner: str | int | None) -> str:
    return name if inner is None else f"{name}{_NESTED}{inner}"


class _Capped:
    """A member's stream that never returns more at once than may be held in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, count: int = -1) -> bytes:
        """Read like a file, at most one byte more than `MAX_HELD` if no count is given."""
        return self._stream.read(count if count >= 0 else MAX_HELD + 1)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek like a file; a step back inflates from the beginning again."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Return the position in the inflated bytes."""
        return int(self._stream.tell())
