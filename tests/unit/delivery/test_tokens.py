"""Tokens: what is signed is what is served, and there is one spelling."""

from __future__ import annotations

import base64
import dataclasses
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery import tokens
from gateway.delivery.tokens import Claims, Kind, TokenInvalid
from gateway.keys import Key

OLD, NEW, FOREIGN = Key("1", b"1" * 32), Key("2", b"2" * 32), Key("2", b"x" * 32)
PATH = "음성/화자 1.wav"
CLAIMS = Claims(
    kind=Kind.ITEM,
    grant_id=uuid.UUID(int=1),
    epoch=7,
    subject_id=uuid.UUID(int=2),
    not_before_ms=1_000,
    expires_ms=2_000,
    jti=b"j" * 16,
    sha256="ab" * 32,
    size=2**40,
    media_type="audio/wav",
)


def test_a_token_gives_back_what_was_signed() -> None:
    assert tokens.unseal(tokens.seal(CLAIMS, PATH, NEW), PATH, (NEW, OLD)) == CLAIMS


def test_the_older_of_two_live_keys_still_verifies_and_a_retired_one_does_not() -> None:
    token = tokens.seal(CLAIMS, PATH, OLD)
    assert tokens.unseal(token, PATH, (NEW, OLD)) == CLAIMS
    with pytest.raises(TokenInvalid):
        tokens.unseal(token, PATH, (NEW,))


def test_a_key_of_the_same_number_from_elsewhere_does_not_verify() -> None:
    with pytest.raises(TokenInvalid):
        tokens.unseal(tokens.seal(CLAIMS, PATH, FOREIGN), PATH, (NEW, OLD))


@pytest.mark.parametrize("path", ["음성/화자 2.wav", "음성", PATH + "x", "", "음성/화자 1.WAV"])
def test_a_token_opens_no_other_path(path: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.unseal(tokens.seal(CLAIMS, PATH, NEW), path, (NEW,))


def test_every_flipped_bit_is_noticed() -> None:
    token = tokens.seal(CLAIMS, PATH, NEW)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        forged = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises(TokenInvalid):
            tokens.unseal(forged, PATH, (NEW, OLD))


def test_spare_bits_padding_and_the_other_alphabet_are_other_spellings() -> None:
    token = tokens.seal(CLAIMS, PATH, NEW)
    assert len(token) % 4, "the last character carries spare bits"
    successor = chr(ord(token[-1]) + 1)
    for other in (token + "=", token + "==", token[:-1] + successor, " " + token, token + "\n"):
        with pytest.raises(TokenInvalid):
            tokens.unseal(other, PATH, (NEW,))


def test_lengths_are_bound_so_the_media_type_cannot_flow_into_the_path() -> None:
    one = dataclasses.replace(CLAIMS, media_type="text/plain")
    with pytest.raises(TokenInvalid):
        tokens.unseal(tokens.seal(one, "a", NEW)[:-4], "a", (NEW,))


@given(st.text(max_size=900))
def test_no_text_whatever_is_a_token_by_chance(text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens.unseal(text, PATH, (NEW, OLD))


@given(st.binary(max_size=300))
def test_no_bytes_whatever_are_a_token_by_chance(raw: bytes) -> None:
    token = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(TokenInvalid):
        tokens.unseal(token, PATH, (NEW, OLD))
