"""The log's public face, checked by a verifier that shares no code with the log."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask

from gateway.runtime import Runtime
from tests.integration.oversight.conftest import Browser
from tests.people import make_person

Write = Callable[..., int]


def tiny_root(hashes: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it is written there."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    left, right = tiny_root(hashes[:split]), tiny_root(hashes[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def tiny_checkpoint(note: str, vkey: str) -> tuple[int, bytes]:
    """Size and root of a note that carries a valid Ed25519 signature of `vkey`."""
    name, key_hash, encoded = vkey.strip().split("+", 2)
    text, _, signatures = note.rpartition("\n\n")
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
    good = 0
    for line in signatures.splitlines():
        dash, signer, value = line.split(" ")
        raw = base64.b64decode(value)
        if (dash, signer, raw[:4].hex()) == ("—", name, key_hash):
            public.verify(raw[4:], (text + "\n").encode())
            good += 1
    assert good == 1
    origin, size, root = text.split("\n")[:3]
    assert origin == name
    return int(size), base64.b64decode(root)


def leaves(bundle: bytes) -> list[bytes]:
    """The entries of a C2SP entry bundle."""
    found = []
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_anyone_can_verify_the_checkpoint_and_rebuild_the_root_from_tiles(
    app: Flask, runtime: Runtime, write: Write
) -> None:
    person = make_person(runtime, "writer")
    for _ in range(20):
        write(person)
    stranger = app.test_client()
    size, root = tiny_checkpoint(
        stranger.get("/log/checkpoint").text, stranger.get("/log/key").text
    )
    tile = stranger.get(f"/log/tile/0/000.p/{size}").data
    hashes = [tile[at : at + 32] for at in range(0, len(tile), 32)]
    assert len(hashes) == size > 20
    assert tiny_root(hashes) == root


def test_a_checkpoint_is_never_older_than_a_second(
    app: Flask, runtime: Runtime, write: Write, clock: object
) -> None:
    from datetime import timedelta

    person = make_person(runtime, "writer")
    client = app.test_client()
    first = client.get("/log/checkpoint").text
    index = write(person)
    clock.advance(timedelta(seconds=1))  # type: ignore[attr-defined]
    second = client.get("/log/checkpoint").text
    assert first != second
    assert int(second.split("\n")[1]) == index + 1


def test_entry_bundles_are_for_auditors_and_leave_an_event(
    auditor: Browser, member: Browser, write: Write
) -> None:
    index = write(member.person)
    bundle = auditor.client.get(f"/log/tile/entries/000.p/{index + 1}")
    tile = auditor.client.get(f"/log/tile/0/000.p/{index + 1}").data
    found = leaves(bundle.data)
    hashed = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in found]
    assert b"".join(hashed) == tile
    assert bundle.headers["Cache-Control"] == "no-store"
    events = auditor.client.get("/api/v1/audit/entries?action=log.exported").json["items"]
    assert events[0]["detail"] == {"index": 0, "entries": index + 1}


def test_a_full_tile_is_immutable_and_a_partial_one_is_not_kept(
    app: Flask, runtime: Runtime, write: Write
) -> None:
    person = make_person(runtime, "writer")
    for _ in range(260):
        write(person)
    client = app.test_client()
    full, partial = client.get("/log/tile/0/000"), client.get("/log/tile/0/000.p/255")
    assert "immutable" in full.headers["Cache-Control"]
    assert len(full.data) == 8192
    assert partial.headers["Cache-Control"] == "no-store"
    assert full.data.startswith(partial.data)
    again = client.get("/log/tile/0/000", headers={"If-None-Match": full.headers["ETag"]})
    assert again.status_code == 304
    assert len(client.get("/log/tile/1/000.p/1").data) == 32


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("0/0", 400), ("0/000.p/0", 400), ("0/000.p/256", 400), ("0/000.p/01", 400),
        ("64/000", 400), ("-1/000", 400), ("0/x000/001", 400), ("0/1000", 400),
        ("0/%2e%2e/000", 400), ("0/０００", 400), ("entries/abc", 400), ("0/000/", 400),
        ("0/000", 404), ("1/000", 404), ("63/000", 404), ("0/x001/000", 404),
        ("0/x999/x999/x999/x999/x999/x999/999", 404), ("0/x001/x000/x000/x000/x000/000", 404),
    ],
)  # fmt: skip
def test_bad_paths_are_problems(app: Flask, path: str, status: int) -> None:
    answer = app.test_client().get(f"/log/tile/{path}")
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"


def test_the_log_cannot_be_changed_over_http(app: Flask) -> None:
    client = app.test_client()
    for path in ("/log/checkpoint", "/log/key", "/log/tile/0/000"):
        assert client.post(path).status_code == 405
        assert client.delete(path).status_code == 405
