"""Single entries and the log as a whole: proved, verified, and shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from audit.proof import parse_proof, verify_proof
from gateway.journal import Act
from gateway.runtime import Runtime
from tests.integration.oversight.conftest import Browser
from tests.integration.oversight.damage import drop_triggers, run
from tests.people import bearer, make_person, post

Write = Callable[..., int]


def vkey(browser: Browser) -> str:
    return browser.client.get("/log/key").text.strip()


def test_an_entry_page_tells_shows_and_proves(
    auditor: Browser, member: Browser, write: Write
) -> None:
    index = write(member.person)
    page = auditor.client.get(f"/audit/{index}?lang=ko").text
    assert (
        "이회원 (member) 님에게 데이터셋 voices 1.0의 음성/a.wav 다운로드를 허용했습니다." in page
    )
    assert "증명됨" in page
    assert f"sumun audit prove {index}" in page
    assert vkey(auditor) in page.replace("&#43;", "+")
    assert "class_uid" in page
    english = auditor.client.get(f"/audit/{index}?lang=en").text
    assert "이회원 (member) was allowed to download 음성/a.wav from dataset voices 1.0." in english


def test_an_entry_page_explains_the_release_and_names_whose_fields_were_sealed(
    auditor: Browser, member: Browser, write: Write
) -> None:
    index = write(member.person, detail={"policy_release": "ab" * 32})

    page = auditor.client.get(f"/audit/{index}?lang=en").text

    assert "All the rules in force then, which have this SHA-256:" in page
    assert '<th scope="row" data-label="Person">이회원 (member)</th>' in page


def test_an_entry_page_offers_the_verifier_that_checks_its_proof(
    auditor: Browser, member: Browser, write: Write, tmp_path: Path
) -> None:
    index = write(member.person)
    page = auditor.client.get(f"/audit/{index}?lang=en").text
    (tmp_path / "verify.py").write_bytes(member.client.get("/log/verify_bundle.py").data)
    proof = tmp_path / f"sumun-{index}.tlog-proof"
    proof.write_bytes(auditor.client.get(f"/audit/{index}/proof").data)

    command = [sys.executable, "-I", tmp_path / "verify.py", "--proof", proof]
    done = subprocess.run(
        [*command, "--key", vkey(auditor)], capture_output=True, text=True, check=False
    )

    assert f"verify_bundle.py --proof sumun-{index}.tlog-proof --key" in page
    assert "/log/verify_bundle.py" in page
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("language", "words"), [("ko", "시계가 뒤로 갔습니다"), ("en", "A clock had gone back")]
)
def test_an_entry_behind_an_earlier_one_says_so(
    auditor: Browser, member: Browser, write: Write, clock: Any, language: str, words: str
) -> None:
    before = write(member.person)
    clock.advance(timedelta(seconds=-90))
    index = write(member.person)
    clock.advance(timedelta(seconds=90))

    assert words in auditor.client.get(f"/audit/{index}?lang={language}").text
    assert words not in auditor.client.get(f"/audit/{before}?lang={language}").text


def test_the_proof_file_proves_itself(auditor: Browser, member: Browser, write: Write) -> None:
    index = write(member.person)
    for path in (f"/audit/{index}/proof", f"/api/v1/audit/entries/{index}/proof"):
        text = auditor.client.get(path).text
        proof = parse_proof(text)
        assert proof.extra is not None
        checkpoint = verify_proof(text, proof.extra, vkey(auditor))
        assert checkpoint.size > index
        assert b'"download.authorized"' in proof.extra
    leaf = auditor.client.get(f"/audit/{index}/leaf").data
    assert leaf == proof.extra


@pytest.mark.parametrize("index", [10_000, 2**63 - 1, 2**63, 10**30])
def test_an_index_outside_the_log_is_not_found(auditor: Browser, index: int) -> None:
    for path in (f"/audit/{index}", f"/audit/{index}/proof", f"/api/v1/audit/entries/{index}"):
        assert auditor.client.get(path).status_code == 404


def test_reading_an_entry_is_an_event(auditor: Browser, member: Browser, write: Write) -> None:
    index = write(member.person)
    auditor.client.get(f"/audit/{index}")
    found = auditor.client.get(f"/api/v1/audit/entries?ref=entry:{index}").json["items"]
    assert [one["action"] for one in found] == ["log.entry_read"]
    assert found[0]["actor"]["account"] == "auditor.one"


def test_the_api_gives_leaf_proof_and_key(auditor: Browser, member: Browser, write: Write) -> None:
    index = write(member.person)
    found = auditor.client.get(f"/api/v1/audit/entries/{index}").json
    assert found["proof_holds"] is True
    assert found["checkpoint"]["size"] > index
    assert found["verifier_key"] == vkey(auditor)
    token = found["actor"]["token"]
    assert found["opened"][token]["personal"]["name"] == "이회원"
    assert found["opened"][token]["item"] == "음성/a.wav"


def test_verifying_on_the_page_is_recorded_and_shown(
    auditor: Browser, member: Browser, write: Write
) -> None:
    write(member.person)
    before = auditor.client.get("/audit/checkpoints?lang=en").text
    assert "Never verified as a whole" in before

    answer = post(auditor.client, "/audit/checkpoints/verify")
    assert answer.status_code == 303

    after = auditor.client.get("/audit/checkpoints?lang=en").text
    assert "No change was found" in after
    assert "the log is as it was written" in after


def test_a_changed_entry_is_found_on_the_page_and_stays_on_record(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    index = write(member.person)
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_entries SET dataset = 'other' WHERE idx = ?", index)

    post(auditor.client, "/audit/checkpoints/verify")

    page = auditor.client.get("/audit/checkpoints?lang=en").text
    assert f"#{index} audit_entries.dataset" in page
    assert "The last full verification found faults" in page


def test_a_rewritten_head_is_seen_at_a_glance(
    auditor: Browser, runtime: Runtime, member: Browser, write: Write
) -> None:
    write(member.person)
    auditor.client.get("/log/checkpoint")
    drop_triggers(runtime.db)
    run(runtime.db, "UPDATE audit_head SET root = ?", b"\x00" * 32)
    page = auditor.client.get("/audit/checkpoints?lang=en").text
    assert "The log does not agree with itself" in page


def test_checkpoints_are_paged(
    auditor: Browser, runtime: Runtime, write: Write, clock: Any
) -> None:
    from datetime import timedelta

    person = make_person(runtime, "writer")
    for _ in range(5):
        write(person)
        clock.advance(timedelta(seconds=2))
        runtime.journal.log.checkpoint()
    first = auditor.client.get("/audit/checkpoints?limit=2")
    assert first.status_code == 200
    assert first.text.count("<details>") == 2
    assert 'rel="next"' in first.text
    assert auditor.client.get("/audit/checkpoints?cursor=junk").status_code == 400


def test_only_the_auditor_may_have_the_log_verified(member: Browser) -> None:
    assert post(member.client, "/audit/checkpoints/verify").status_code == 403


def test_own_accesses_are_listed_with_proofs(
    app: Flask, member: Browser, auditor: Browser, write: Write
) -> None:
    index = write(member.person)
    foreign = write(auditor.person)
    client = app.test_client()
    headers = bearer(client, member.person)

    found = client.get("/api/v1/access-log?action=download.", headers=headers).json["items"]
    assert [one["index"] for one in found] == [index]
    text = client.get(f"/api/v1/access-log/{index}/proof", headers=headers).text
    leaf = parse_proof(text).extra
    assert leaf is not None
    assert verify_proof(text, leaf, vkey(member)).size > index

    refused = client.get(f"/api/v1/access-log/{foreign}/proof", headers=headers)
    assert refused.status_code == 404
    assert client.get("/api/v1/access-log").status_code == 401


def test_the_account_page_shows_the_newest_own_accesses(
    member: Browser, runtime: Runtime, write: Write
) -> None:
    other = make_person(runtime, "other")
    index, foreign = write(member.person), write(other)
    for path in ("/account", "/account/accesses"):
        page = member.client.get(path).text
        assert f"/account/accesses/{index}/proof" in page
        assert f"/account/accesses/{foreign}/proof" not in page
    assert member.client.get(f"/account/accesses/{index}/proof").status_code == 200
    assert member.client.get(f"/account/accesses/{foreign}/proof").status_code == 404


def test_a_new_person_has_an_empty_history(app: Flask, runtime: Runtime) -> None:
    from gateway.oversight import service_search
    from gateway.oversight.directory import Directory
    from gateway.web.paging import Window
    from tests.people import acting_as

    newcomer = make_person(runtime, "newcomer")
    desk = service_search.Desk(runtime, Directory(runtime.vault), acting_as(newcomer))
    assert service_search.own(desk, Window(50, "test")) == []


def test_one_person_never_sees_an_account_in_the_place_of_another(
    auditor: Browser, member: Browser, runtime: Runtime, write: Write
) -> None:
    """Subjects are named through the directory, which must learn of people made later."""
    auditor.client.get("/audit")
    later = make_person(runtime, "later.one")
    write(member.person, Act.PERSON_VIEWED, subjects=[later.id])
    found = auditor.client.get("/api/v1/audit/entries?action=person.viewed").json["items"]
    assert [one["account"] for one in found[0]["subjects"]] == ["later.one"]
