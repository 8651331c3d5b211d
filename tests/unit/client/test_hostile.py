"""A gateway that lies about names, sizes and digests, or goes away, cannot harm the reader."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx2
import pytest

from gateway.client import patience
from gateway.client.download import Download, Result, Selection
from gateway.client.errors import ClientError, Refused, Unreachable
from gateway.client.fetch import Fetcher
from gateway.client.http import Api, Item, SignedUrl
from gateway.client.places import journal_of, part_of, place

HOME = "https://gate.example.kr"
DIGEST = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seen: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", seen.append)
    return seen


def gateway(*paths: str, sha256: str = DIGEST, issue: httpx2.Response | None = None) -> Api:
    """A gateway that lists `paths`."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/items"):
            rows = [{"path": path, "bytes": 3, "sha256": sha256} for path in paths]
            return httpx2.Response(200, json={"items": rows, "next": None})
        if issue is not None:
            return issue
        row = {"path": json.loads(request.content)["path"], "size": 3, "sha256": DIGEST}
        signed = {"url": f"{HOME}/d/t/x", "expires_at": "soon", "version": "1.0"}
        return httpx2.Response(201, json=row | signed)

    return Api(HOME, "token", httpx2.MockTransport(answer))


def download(api: Api, folder: Path, body: bytes = b"abc") -> list[Result]:
    serve = lambda _request: httpx2.Response(200, stream=httpx2.ByteStream(body))  # noqa: E731
    fetcher = Fetcher(httpx2.MockTransport(serve))
    results: list[Result] = []
    run = Download(api, fetcher, Selection("voices", "1.0"), folder, lambda _bytes: None)
    try:
        run.run(2, results.append)
    finally:
        fetcher.close()
    return results


def test_paths_that_lead_out_fail_and_the_others_arrive(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    results = download(gateway("../out", "/etc/x", ".sumun-journal-x", "가/b.txt"), folder)
    assert sorted(result.path for result in results if result.error) == [
        "../out", ".sumun-journal-x", "/etc/x",
    ]  # fmt: skip
    assert (folder / "가" / "b.txt").read_bytes() == b"abc"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("version", ["1/../../x", "..\\x", "1\n", "a\x00"])
def test_a_version_s_name_does_not_lead_the_journal_out(tmp_path: Path, version: str) -> None:
    with pytest.raises(ClientError):
        journal_of(tmp_path, "voices", version)


def test_a_digest_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cannot be read"):
        download(gateway("a.txt", sha256="../../x"), tmp_path)
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_more_bytes_than_were_promised_are_not_written(tmp_path: Path) -> None:
    (result,) = download(gateway("a.txt"), tmp_path, body=b"abcdefgh")
    assert "more than it said" in result.error
    assert sum(path.stat().st_size for path in tmp_path.glob("*.part")) <= 3
    assert not (tmp_path / "a.txt").exists()


def test_the_longest_korean_name_can_be_downloaded(tmp_path: Path) -> None:
    name = "가" * 84 + "bin"
    assert len(name.encode()) == 255
    download(gateway(name), tmp_path)
    assert (tmp_path / name).read_bytes() == b"abc"
    assert part_of(place(tmp_path, "a.bin"), DIGEST).name == f"a.bin.{DIGEST[:12]}.part"


def test_a_gateway_that_stays_away_ends_the_run(tmp_path: Path, pauses: list[float]) -> None:
    api = gateway("a", "b", issue=httpx2.Response(502, text="Bad Gateway"))
    with pytest.raises(Unreachable):
        download(api, tmp_path)
    assert set(pauses) >= set(patience.PAUSES)


def test_a_session_that_ended_ends_the_run_at_once(tmp_path: Path, pauses: list[float]) -> None:
    problem = {"code": "not_signed_in", "title": "Sign in"}
    with pytest.raises(Refused, match="not_signed_in"):
        download(gateway("a", issue=httpx2.Response(401, json=problem)), tmp_path)
    assert pauses == []


def test_a_journal_cut_off_by_a_kill_costs_one_look(tmp_path: Path) -> None:
    download(gateway("a.txt", "b.txt"), tmp_path)
    journal = journal_of(tmp_path, "voices", "1.0")
    lines = journal.read_bytes().strip().splitlines()
    journal.write_bytes(lines[0] + b'\n["\xea\xb0')
    again = download(gateway("a.txt", "b.txt"), tmp_path)
    assert sorted(result.skipped for result in again) == [False, True]
    assert all(result.skipped for result in download(gateway("a.txt", "b.txt"), tmp_path))


def test_an_address_of_another_kind_is_not_fetched(tmp_path: Path) -> None:
    signed = SignedUrl("file:///etc/passwd", "soon", "1.0", Item("a", DIGEST, 3))
    fetcher = Fetcher()
    with pytest.raises(ClientError, match="not an address"):
        fetcher.fetch(lambda: signed, tmp_path / "a", lambda _bytes: None)
    fetcher.close()
