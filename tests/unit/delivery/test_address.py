"""Addresses have one spelling; every confusion of paths is another one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.paths import PathInvalid, canonical
from gateway.delivery import address
from gateway.delivery.address import Address, AddressInvalid

CONFUSED = [
    "/d/tok//a.txt", "/d/tok/a//b.txt", "/d/tok/./a.txt", "/d/tok/a/../b.txt", "/d/tok/../a.txt",
    "/d/tok/%2e%2e/a.txt", "/d/tok/%2E/a.txt", "/d/tok/a%2Fb.txt", "/d/tok/a%2fb.txt",
    "/d/tok/a%252Fb.txt", "/d/tok/a%5Cb.txt", "/d/tok/a\\b.txt", "/d/tok/a.txt/", "/d/tok/",
    "/d/tok", "/d//a.txt", "/d/", "/d", "//d/tok/a.txt", "/D/tok/a.txt", "/d/tok/a.txt?",
    "/d/tok/a.txt?x=1", "/d/tok/a.txt?token=tok", "/d/tok/a.txt#x", "/d/tok/a%00.txt",
    "/d/tok/a.txt%00", "/d/tok/a%0Ab.txt", "/d/tok/%61.txt", "/d/tok/a b.txt", "/d/tok/a+b.txt",
    "/d/tok/%ea%b0%80.txt", "/d/tok/%EA%B0.txt", "/d/tok/%FF.txt", "/d/tok/가.txt",
    "/d/tok/a;v=1", "/d/tok;x/a.txt", "/d/to%6B/a.txt", "http://host/d/tok/a.txt", "", "*",
    "/d/tok/%E2%80%AEtxt.exe", "/d/tok/" + "a" * 1025,
    "/d/tok/" + "".join(f"%{byte:02X}" for byte in unicodedata.normalize("NFD", "가").encode()),
]  # fmt: skip


@pytest.mark.parametrize("target", CONFUSED)
def test_a_confused_address_is_refused(target: str) -> None:
    with pytest.raises(AddressInvalid):
        address.read(target)


@pytest.mark.parametrize(
    "path", ["a.txt", "음성/화자 1.wav", "a/b/c~d_e-f.x", "100%.txt", "q?#&=+;,@!.bin", "'\"<>.txt"]
)
def test_what_the_gateway_spells_it_reads(path: str) -> None:
    assert address.read(address.spell("tok", path)) == Address("tok", path)


@given(st.text(max_size=60))
def test_every_target_that_is_read_is_the_one_spelling_of_its_parts(text: str) -> None:
    target = "/d/tok/" + text
    try:
        parts = address.read(target)
    except AddressInvalid:
        return
    assert address.spell(parts.token, parts.path) == target


@given(st.text(min_size=1, max_size=60))
def test_every_canonical_path_has_an_address(path: str) -> None:
    try:
        canonical(path)
    except PathInvalid:
        return
    assert address.read(address.spell("tok", path)).path == path
