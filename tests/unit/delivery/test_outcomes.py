"""Reports of a front server are parsed strictly."""

from __future__ import annotations

import io
import json

import pytest

from gateway.delivery.outcomes import read
from gateway.errors import OperatorError

ID = "0199f0a0-1111-7222-8333-444455556666"
GOOD = {"intent": ID, "status": 206, "first": 0, "bytes": 10, "time_ms": 1_795_000_000_000}


def line(**changed: object) -> bytes:
    return json.dumps(GOOD | changed).encode() + b"\n"


def test_lines_as_documented_are_read_in_order() -> None:
    found = read(io.BytesIO(line() + line(bytes=11)))

    assert [one.bytes for one in found] == [10, 11]
    assert found[0].model_dump() == GOOD


@pytest.mark.parametrize(
    "wrong",
    [
        b"\n",
        b"[]",
        b"{}",
        b"null",
        b"{" * 3000,
        b"[" * 4000,
        b"x" * 5000,
        b"\xff",
        line(more=1),
        line(intent=1),
        line(intent=ID.upper()),
        line(intent=ID.replace("-", "")),
        line(intent=ID + "\n"),
        line(status="200"),
        line(status=True),
        line(status=600),
        line(first=-1),
        line(bytes=1.5),
        line(bytes=2**53),
        line(time_ms=2**43),
        line(time_ms=None),
        line()[:-2] + b', "bytes": 1}',
        b'{"bytes": NaN}',
        b"9" * 4090,
    ],
)
def test_any_other_line_is_named_by_its_number(wrong: bytes) -> None:
    with pytest.raises(OperatorError, match=r"^line 2: "):
        read(io.BytesIO(line() + wrong))
