"""The one spelling of a path inside a version, shared by import, look-up and delivery."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

MAX_PATH_BYTES = 1024
FORBIDDEN_SEGMENTS = frozenset({"", ".", ".."})
# Controls, lone surrogates and line or paragraph separators never belong into a name; invisible
# direction marks let one name look like another (Unicode TR 36).
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


class PathFault(StrEnum):
    """Why a path is refused."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    NOT_NFC = "not_nfc"
    FORBIDDEN_CHARACTER = "forbidden_character"
    BACKSLASH = "backslash"
    ENCODED_SLASH = "encoded_slash"
    SEGMENT = "segment"


class PathInvalid(Exception):
    """A path that is not canonical; `fault` says why. The path itself may be hostile."""

    def __init__(self, path: str, fault: PathFault) -> None:
        super().__init__(f"path refused: {fault}")
        self.path = path
        self.fault = fault


def canonical(path: str) -> str:
    """`path` itself, if it is the one valid spelling. Raises PathInvalid for any other.

    Relative, `/` between segments, NFC, at most 1,024 bytes of UTF-8; no empty, `.` or `..`
    segment, no backslash, no control or direction characters, no `%2f` or `%5c` left over.
    """
    fault = _fault(path)
    if fault:
        raise PathInvalid(path, fault)
    return path


def from_file_name(name: str) -> str:
    """The canonical path of a file name as an operating system spells it (macOS writes NFD).

    Raises PathInvalid, also for names that are not UTF-8 on disk.
    """
    return canonical(unicodedata.normalize("NFC", name))


def _fault(path: str) -> PathFault | None:
    if not path:
        return PathFault.EMPTY
    if any(map(_forbidden, path)):
        return PathFault.FORBIDDEN_CHARACTER
    if len(path.encode()) > MAX_PATH_BYTES:
        return PathFault.TOO_LONG
    if not unicodedata.is_normalized("NFC", path):
        return PathFault.NOT_NFC
    return _fault_of_slashes(path)


def _fault_of_slashes(path: str) -> PathFault | None:
    if "\\" in path:
        return PathFault.BACKSLASH
    lowered = path.lower()
    if "%2f" in lowered or "%5c" in lowered:
        return PathFault.ENCODED_SLASH
    return PathFault.SEGMENT if not FORBIDDEN_SEGMENTS.isdisjoint(path.split("/")) else None


def _forbidden(character: str) -> bool:
    return unicodedata.category(character) in FORBIDDEN_CATEGORIES or character in DIRECTION_MARKS
