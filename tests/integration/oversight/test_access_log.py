"""`sumun access-log` against the real API, without a socket."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from flask import Flask
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, InclusionProof

from audit.proof import parse_proof, verify_proof
from gateway.cli import access_log
from gateway.client.http import Api
from tests.integration.oversight.conftest import Browser
from tests.people import bearer

Write = Callable[..., int]


@pytest.fixture
def client(app: Flask, member: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The member's command line speaks to the application in this process."""
    token = bearer(app.test_client(), member.person)["Authorization"].removeprefix("Bearer ")

    @contextmanager
    def signed_in() -> Iterator[Api]:
        with Api("http://localhost", token, httpx2.WSGITransport(app=app)) as api:
            yield api

    monkeypatch.setattr(access_log, "signed_in", signed_in)


@pytest.mark.usefixtures("client")
def test_own_accesses_are_listed_with_proofs_that_hold(
    member: Browser, auditor: Browser, write: Write, tmp_path: Path
) -> None:
    index, foreign = write(member.person), write(auditor.person)
    words = ["--action", "download.", "--json", "--proofs", str(tmp_path / "proofs")]

    result = CliRunner().invoke(access_log.access_log, words)

    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["index"] for row in rows] == [index] != [foreign]
    text = (tmp_path / "proofs" / f"sumun-{index}.tlog-proof").read_text("utf-8")
    leaf = parse_proof(text).extra
    assert leaf is not None
    key = member.client.get("/log/key").text.strip()
    assert verify_proof(text, leaf, key).size > index


@pytest.mark.usefixtures("client")
def test_a_long_history_is_listed_once_each_while_more_is_added(
    member: Browser, auditor: Browser, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [write(member.person) for _ in range(260) if write(auditor.person) >= 0]
    ask, later = Api.call, list[int]()

    def busy(api: Api, *words: Any, **given: Any) -> Any:
        answer = ask(api, *words, **given)
        later.append(write(member.person))
        return answer

    monkeypatch.setattr(Api, "call", busy)
    words = ["--action", "download.", "--json", "--limit", "1000"]
    result = CliRunner().invoke(access_log.access_log, words)

    assert [json.loads(line)["index"] for line in result.stdout.splitlines()] == own[::-1]
    assert len(later) > 1


@pytest.mark.usefixtures("client")
def test_proofs_hold_for_a_verifier_of_another_maker(
    member: Browser, write: Write, tmp_path: Path
) -> None:
    for _ in range(30):
        write(member.person)

    CliRunner().invoke(access_log.access_log, ["--proofs", str(tmp_path)])

    files = sorted(tmp_path.glob("*.tlog-proof"))
    key = Vkey.from_string(member.client.get("/log/key").text.strip())
    assert len(files) >= 30
    for file in files:
        judge(file.read_text("utf-8"), key)


def judge(proof: str, key: Vkey) -> None:
    """Raise unless a proof file holds, read here by the text of its specification alone."""
    head, _, note = proof.partition("\n\n")
    _version, extra, index, *hashes = head.split("\n")
    checkpoint = Checkpoint.from_text(note)
    checkpoint.verify(key)
    leaf = base64.b64decode(extra.removeprefix("extra "))
    path = [base64.b64decode(one) for one in hashes]
    included = InclusionProof(int(index.removeprefix("index ")), checkpoint.size, path)
    included.check(hashlib.sha256(b"\0" + leaf).digest(), checkpoint.root_hash)


@pytest.mark.usefixtures("client")
def test_an_action_that_is_no_code_names_the_field_and_exits_with_2() -> None:
    result = CliRunner().invoke(access_log.access_log, ["--action", "No Code"])
    assert result.exit_code == 2
    named, said = result.stderr.strip().splitlines()
    assert "action" in named
    assert said.startswith("sumun: ")
