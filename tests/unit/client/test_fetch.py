"""Fetching one file: resumed, renewed, verified, against a server that misbehaves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from gateway.client import fetch
from gateway.client.errors import ClientError, Refused
from gateway.client.fetch import Fetched, Fetcher
from gateway.client.http import Item, SignedUrl

DATA = bytes(range(256)) * 40
DIGEST = hashlib.sha256(DATA).hexdigest()
SIGNED = SignedUrl("https://gate/d/t/a.bin", "soon", "1.0", Item("a.bin", DIGEST, len(DATA)))
Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.time, "sleep", lambda _seconds: None)


def serve(request: httpx2.Request) -> httpx2.Response:
    """The file with ranges, as the gateway serves it."""
    assert request.headers["If-Match"] == f'"{DIGEST}"'
    wanted = request.headers.get("Range")
    if wanted is None:
        return httpx2.Response(200, stream=httpx2.ByteStream(DATA))
    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    place = {"Content-Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"}
    return httpx2.Response(206, stream=httpx2.ByteStream(DATA[start:]), headers=place)


def bring(tmp_path: Path, *handlers: Handler) -> tuple[Fetched, int]:
    """Fetch with one handler after the other, the last for all the rest; and how often signed."""
    left, signed = list(handlers), 0

    def answer(request: httpx2.Request) -> httpx2.Response:
        return (left.pop(0) if len(left) > 1 else left[0])(request)

    def issue() -> SignedUrl:
        nonlocal signed
        signed += 1
        return SIGNED

    fetcher = Fetcher(httpx2.MockTransport(answer))
    try:
        return fetcher.fetch(issue, tmp_path / "a.bin", lambda _bytes: None), signed
    finally:
        fetcher.close()


def part(tmp_path: Path) -> Path:
    return tmp_path / f"a.bin.{DIGEST[:12]}.part"


def test_a_file_arrives_whole(tmp_path: Path) -> None:
    fetched, _signed = bring(tmp_path, serve)
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert fetched.resumed == 0
    assert not part(tmp_path).exists()


def test_what_is_on_disk_is_not_fetched_again(tmp_path: Path) -> None:
    part(tmp_path).write_bytes(DATA[:5000])
    fetched, _signed = bring(tmp_path, serve)
    assert fetched.resumed == 5000
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_refused_address_is_renewed_and_a_busy_gateway_waited_for(tmp_path: Path) -> None:
    gone = lambda _request: httpx2.Response(403)  # noqa: E731
    busy = lambda _request: httpx2.Response(503, headers={"Retry-After": "1"})  # noqa: E731
    _fetched, signed = bring(tmp_path, gone, busy, serve)
    assert signed == 2
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_a_part_that_is_wrong_is_thrown_away_and_fetched_anew(tmp_path: Path) -> None:
    part(tmp_path).write_bytes(b"x" * 5000)
    bring(tmp_path, serve)
    assert (tmp_path / "a.bin").read_bytes() == DATA


def test_bytes_that_are_never_right_never_become_the_file(tmp_path: Path) -> None:
    wrong = lambda _request: httpx2.Response(200, stream=httpx2.ByteStream(b"x" * len(DATA)))  # noqa: E731
    with pytest.raises(ClientError, match="digest"):
        bring(tmp_path, wrong)
    assert not (tmp_path / "a.bin").exists()


def test_a_server_that_ignores_the_range_is_not_spliced(tmp_path: Path) -> None:
    part(tmp_path).write_bytes(DATA[:5000])
    with pytest.raises(ClientError, match="resume"):
        bring(tmp_path, lambda _request: httpx2.Response(200, stream=httpx2.ByteStream(DATA)))


def test_a_changed_file_is_refused_with_the_gateway_s_words(tmp_path: Path) -> None:
    problem = {"code": "precondition_failed", "title": "The file is not the one you expected"}
    with pytest.raises(Refused, match="precondition_failed"):
        bring(tmp_path, lambda _request: httpx2.Response(412, json=problem))
