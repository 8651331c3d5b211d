"""Find out a text file's encoding by strict decoding, and read it in pieces of bounded size."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from gateway.scanning.extract.segment import Unscannable
from gateway.scanning.model import Reason

READ_BYTES = 1 << 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# CP949 is a superset of EUC-KR.
_CANDIDATES = ("utf-8", "cp949")
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\v\x1b\x08")
_CONTROLS = bytes(set(range(32)) - _TEXT_CONTROLS)


def detect(file: BinaryIO) -> str:
    """Return a codec name that decodes all of `file` strictly; the position is left at 0.

    Raises `Unscannable`: BINARY_CONTENT where control bytes show that it is no text,
    BROKEN_ENCODING where no known encoding fits.
    """
    head = _rewound(file).read(READ_BYTES)
    binary = head.translate(None, _CONTROLS) != head
    for name in _candidates(head, binary):
        if _decodes(file, name):
            file.seek(0)
            return name
    raise Unscannable(Reason.BINARY_CONTENT if binary else Reason.BROKEN_ENCODING)


def chunks(file: BinaryIO, encoding: str, errors: str = "strict") -> Iterator[str]:
    """Yield the decoded text of `file` from its beginning, about 64 KiB of bytes at a time."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    _rewound(file)
    while data := file.read(READ_BYTES):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _candidates(head: bytes, binary: bool) -> tuple[str, ...]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return (name,)
    return _utf16_without_mark(head) if binary else _CANDIDATES


def _utf16_without_mark(head: bytes) -> tuple[str, ...]:
    """ASCII in UTF-16 shows NUL in every other byte; Hangul alone does not, and needs a mark."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 20 < len(head) or min(even, odd):
        return ()
    return ("utf-16-le",) if odd else ("utf-16-be",)


def _decodes(file: BinaryIO, encoding: str) -> bool:
    try:
        return all(_is_text(text) for text in chunks(file, encoding))
    except UnicodeError:
        return False


def _is_text(text: str) -> bool:
    return "\0" not in text
