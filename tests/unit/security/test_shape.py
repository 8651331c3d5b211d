"""JSON from outside: the quick look agrees with the long one, and nothing odd passes either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.federation.strict import parse_object
from gateway.security.shape import DEEPEST, halved, is_plain, texts

TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_looks_plain_is_plain(value: Any, ascii_only: bool) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only)
    try:
        data = written.encode()
    except UnicodeEncodeError:
        return

    if is_plain(data):
        assert not any(map(halved, texts(json.loads(data))))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "\\ud800"}', b'{"\\udfff": 1}', b'{"a": ["\\udc00x"]}',
        b'{"a":' * (DEEPEST + 2) + b"1" + b"}" * (DEEPEST + 2),
        b'{"a": ' + b"[" * 100_000, b'{"a": "\xed\xa0\x80"}',
    ],
)  # fmt: skip
def test_half_characters_and_depth_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - one kind for all of them
        parse_object(data)


@pytest.mark.parametrize("text", ["", "가나다", "😀", "é"])
def test_whole_characters_are_whole(text: str) -> None:
    assert parse_object(json.dumps({"a": text}).encode()) == {"a": text}
