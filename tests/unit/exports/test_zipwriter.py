"""ZIP files come out the same every time, and standard programs read them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from gateway.exports import zipwriter
from gateway.exports.zipwriter import Source


class Pipe:
    """Takes bytes and cannot seek."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, block: bytes, /) -> int:
        self.data += block
        return len(block)

    def flush(self) -> None:
        """Nothing is held back."""


def written(*sources: Source) -> tuple[bytes, list[Any]]:
    pipe = Pipe()
    members = list(zipwriter.write(pipe, sources))
    return bytes(pipe.data), members


def test_members_come_back_whole_with_korean_names() -> None:
    data, members = written(Source("가/나.txt", 6, [b"abc", b"def"]), Source("빈.txt", 0, []))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.read("가/나.txt") == b"abcdef"
        assert archive.namelist() == ["가/나.txt", "빈.txt"]
    assert [member.size for member in members] == [6, 0]


def test_the_bytes_do_not_depend_on_how_they_arrive() -> None:
    whole, _members = written(Source("a", 4, [b"1234"]))
    pieces, _members = written(Source("a", 4, [b"1", b"23", b"4"]))
    assert whole == pieces
