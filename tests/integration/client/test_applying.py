"""Apply, see whose turn it is, and sign, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agreements import service as agreements
from gateway.applications.models import ApplicationState
from gateway.client import applying as client
from gateway.runtime import Runtime
from policies.duo import Kind
from policies.vocabulary import Purpose, Use
from tests import applying, people
from tests.applying import PLAN, Cast
from tests.integration.client.conftest import Ran, Terminal

AGREEMENT = "open-research"


@pytest.fixture
def cast(runtime: Runtime, terminal: Terminal) -> Cast:
    """People and datasets; the researcher sits at the terminal."""
    agreements.sync_files(runtime)
    cast = applying.build(runtime)
    terminal.sign_in(cast.researcher)
    return cast


@pytest.fixture
def plan(tmp_path: Path) -> str:
    path = tmp_path / "계획.txt"
    path.write_text(PLAN, "utf-8")
    return str(path)


def apply(terminal: Terminal, plan: str, *more: str, stdin: str = "") -> Ran:
    said = ("--purpose", "academic_research", "--use", "model_training", "--use", "analysis")
    project = ("--title", "고령자 음성 인식 연구", *said)
    named = ("--supervisor", "professor", "--team", "mate", "--json")
    return terminal.run("apply", "voices", *project, "--plan", plan, *named, *more, stdin=stdin)


def test_an_application_is_handed_in_and_tells_whose_turn_it_is(
    terminal: Terminal, cast: Cast, plan: str
) -> None:
    (made,) = apply(terminal, plan, "--submit").rows
    assert (made["state"], made["plan"], made["team"]) == ("submitted", PLAN, ["mate"])

    (listed,) = terminal.run("applications", "--json").rows
    assert (listed["number"], listed["turn"]) == (made["number"], ["steward"])
    for name in (made["number"], made["number"].lower(), made["id"]):
        (shown,) = terminal.run("applications", "show", name, "--json").rows
        assert (shown["id"], shown["items"][0]["turn"]) == (made["id"], "steward")
    for_people = terminal.run("applications", "show", made["number"])
    assert for_people.status == 0
    assert "steward" in for_people.out


def test_without_submit_it_stays_a_draft_whose_place_is_told(
    terminal: Terminal, cast: Cast
) -> None:
    ran = apply(terminal, "-", stdin=PLAN)
    (made,) = ran.rows
    assert (made["state"], made["plan"]) == ("draft", PLAN)
    assert f"/applications/{made['id']}" in ran.err
    assert terminal.run("applications", "--json").rows[0]["turn"] == ["applicant"]


def test_what_cannot_be_handed_in_is_kept_as_a_draft_and_says_why(
    terminal: Terminal, cast: Cast
) -> None:
    ran = apply(terminal, "-", "--submit", stdin="")
    assert (ran.status, ran.out) == (2, "")
    assert "kept as a draft" in ran.err
    assert "연구계획" in ran.err
    assert terminal.run("applications", "--json").rows[0]["state"] == "draft"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_plan_that_cannot_be_read_is_refused(
    terminal: Terminal, cast: Cast, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "plan.bin"
    if content is not None:
        path.write_bytes(content)
    ran = apply(terminal, str(path))
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert terminal.run("applications", "--json").rows == []


def test_an_agreement_is_signed_by_typing_one_s_own_name(terminal: Terminal, cast: Cast) -> None:
    ran = terminal.run("sign", AGREEMENT, "--json", stdin=cast.researcher.name + "\n")
    (signed,) = ran.rows
    assert (ran.status, signed["code"]) == (0, AGREEMENT)
    assert f"sha256  {signed['sha256']}" in ran.err
    assert f"/policies/{AGREEMENT}?lang=ko" in ran.err


def test_another_name_or_none_signs_nothing(terminal: Terminal, cast: Cast) -> None:
    for typed in ("Somebody Else\n", ""):
        ran = terminal.run("sign", AGREEMENT, stdin=typed)
        assert (ran.status, ran.out) == (2, "")
    again = terminal.run("sign", AGREEMENT, "--json", stdin=cast.researcher.name)
    assert again.status == 0


def test_an_application_s_agreements_are_signed_once(
    terminal: Terminal, cast: Cast, plan: str
) -> None:
    (made,) = apply(terminal, plan).rows
    first = terminal.run("sign", made["number"], "--json", stdin=cast.researcher.name)
    assert [row["code"] for row in first.rows] == [AGREEMENT]
    second = terminal.run("sign", made["id"], "--json")
    assert (second.status, second.out) == (0, "")
    assert "nothing is left to sign" in second.err


def test_what_is_not_there_is_one_line(terminal: Terminal, cast: Cast) -> None:
    for arguments in (("applications", "show", "2026-ABCDEFG"), ("sign", "no-such-agreement")):
        ran = terminal.run(*arguments, stdin="x")
        assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_uses_and_study_are_stated_and_what_is_left_out_is_not_said(
    terminal: Terminal, cast: Cast, plan: str
) -> None:
    study = ("--disease", "DOID:162", "--disease", "DOID:4", "--non-profit", "--commercial")

    (made,) = apply(terminal, plan, *study, "--months", "12").rows

    assert made["uses"] == ["analysis", "model_training"]
    assert (made["study_kinds"], made["diseases"]) == (["disease"], ["DOID:162", "DOID:4"])
    assert (made["non_profit_organisation"], made["non_commercial"]) == (True, False)
    assert (made["genetic"], made["needs_judgement"], made["study_months"]) == (None, False, 12)


def test_the_client_names_the_purposes_uses_and_states_of_the_gateway() -> None:
    assert tuple(Purpose) == client.PURPOSES
    assert tuple(Use) == client.USES
    assert tuple(Kind) == client.STUDY_KINDS
    assert set(ApplicationState) > client.OPEN


def test_whoami_and_can_i_speak_to_people(terminal: Terminal, cast: Cast, runtime: Runtime) -> None:
    terminal.sign_in(cast.steward)
    known = terminal.run("whoami")
    assert f"account         {cast.steward.account}" in known.out
    assert "steward (*)" in known.out
    assert people.PASSWORD not in known.out
    (full,) = terminal.run("whoami", "--json").rows
    assert full["roles"] == [{"role": "steward", "scope": "*"}]

    shown = terminal.run("datasets", "show", "voices")
    assert shown.status == 0
    assert "Not yet. What is needed:" in shown.out
    (machine,) = terminal.run("datasets", "show", "voices", "--json").rows
    assert machine["can_i"]["outcome"] == "deny"
    assert all(step["en"] in shown.out for step in machine["can_i"]["path"])
