from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.paths import PathFault, PathInvalid, canonical, from_file_name


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("", PathFault.EMPTY),
        ("/etc/passwd", PathFault.SEGMENT),
        ("a//b", PathFault.SEGMENT),
        ("a/", PathFault.SEGMENT),
        ("./a", PathFault.SEGMENT),
        ("a/../b", PathFault.SEGMENT),
        ("..", PathFault.SEGMENT),
        ("a\\b", PathFault.BACKSLASH),
        ("a%2fb", PathFault.ENCODED_SLASH),
        ("a%2Fb", PathFault.ENCODED_SLASH),
        ("a%5Cb", PathFault.ENCODED_SLASH),
        ("a\x00b", PathFault.FORBIDDEN_CHARACTER),
        ("a\nb", PathFault.FORBIDDEN_CHARACTER),
        ("a\u202egpj.exe", PathFault.FORBIDDEN_CHARACTER),
        ("a\udcff", PathFault.FORBIDDEN_CHARACTER),
        ("가" * 342, PathFault.TOO_LONG),
        (unicodedata.normalize("NFD", "한글.txt"), PathFault.NOT_NFC),
    ],
)
def test_a_path_with_a_second_spelling_is_refused(path: str, fault: PathFault) -> None:
    with pytest.raises(PathInvalid) as refusal:
        canonical(path)
    assert refusal.value.fault is fault


@pytest.mark.parametrize("path", ["a", "한글/편지 1.txt", "a.b/..c/...", "가" * 341, "100%/x"])
def test_an_ordinary_path_is_its_own_canonical_spelling(path: str) -> None:
    assert canonical(path) == path


def test_a_name_from_a_mac_becomes_nfc() -> None:
    assert from_file_name(unicodedata.normalize("NFD", "편지/가나다.txt")) == "편지/가나다.txt"


@given(st.text(max_size=40))
def test_whatever_comes_is_accepted_unchanged_or_refused(path: str) -> None:
    try:
        accepted = canonical(path)
    except PathInvalid:
        return
    assert accepted == path
    assert canonical(accepted) == accepted
    assert not accepted.startswith("/")
    assert ".." not in accepted.split("/")


@given(st.text(max_size=40))
def test_a_file_name_becomes_canonical_or_is_refused(name: str) -> None:
    try:
        path = from_file_name(name)
    except PathInvalid:
        return
    assert canonical(path) == path
