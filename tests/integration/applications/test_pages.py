from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.applications import service_submit
from gateway.applications.models import Application, ApplicationState, Choice
from gateway.applications.service_transaction import transact
from gateway.identity.models import Attestation, Role
from gateway.runtime import Runtime
from tests import applying
from tests.applying import PLAN, REASON, Cast
from tests.people import acting_as, grant, post, sign_in

STEWARD, COMMITTEE = "voices", "clinic-images"


def browser(app: Flask, one: Any) -> FlaskClient:
    client = app.test_client()
    sign_in(client, one)
    return client


def typed(**changes: Any) -> dict[str, Any]:
    usual = {
        "datasets": [STEWARD],
        "title": "고령자 음성 인식 연구",
        "purpose": "academic_research",
        "uses": ["model_training", "analysis"],
        "plan": PLAN,
        "supervisor": "professor",
        "team": "mate,\nstranger",
        "form_key": str(uuid.uuid4()),
        "press": "submit",
    }
    return usual | changes


def test_a_visitor_is_sent_to_sign_in_and_comes_back(app: Flask, cast: Cast) -> None:
    answer = app.test_client().get(f"/apply/{STEWARD}")

    assert answer.status_code == 303
    assert "next=%2Fapply%2Fvoices" in answer.location or "/apply/voices" in answer.location


def test_one_form_leads_to_the_timeline(app: Flask, runtime: Runtime, cast: Cast) -> None:
    client = browser(app, cast.researcher)
    form = client.get(f"/apply/{STEWARD}?lang=en").text
    assert "Review by the steward" in form

    answer = post(client, f"/apply/{STEWARD}", **typed())

    assert answer.status_code == 303, answer.text
    page = client.get(f"{answer.location}?lang=en").text
    assert "Application handed in" in page
    assert "What is missing, and who must do it" in page
    assert "GRANT_MISSING" in page


def test_the_pages_speak_korean(app: Flask, cast: Cast) -> None:
    client = browser(app, cast.researcher)
    answer = post(client, f"/apply/{STEWARD}", **typed())

    page = client.get(f"{answer.location}?lang=ko").text

    assert "접수 완료" in page
    assert "미충족 요건" in page
    assert "Timeline" not in page


def test_pressing_twice_makes_one_application(app: Flask, runtime: Runtime, cast: Cast) -> None:
    client, fields = browser(app, cast.researcher), typed(press="save")
    first = client.post(f"/apply/{STEWARD}", data=fields | {"csrf_token": _token(client)})
    fields |= {"csrf_token": _token(client)}
    second = client.post(f"/apply/{STEWARD}", data=fields)
    third = client.post(f"/apply/{STEWARD}", data=fields)

    assert first.status_code == 303
    assert {second.status_code, third.status_code} <= {303, 409}
    with runtime.db.read() as session:
        assert len(session.scalars(select(Application)).all()) == 1


def _token(client: FlaskClient) -> str:
    from tests.people import csrf

    return csrf(client, f"/apply/{STEWARD}")


def test_an_incomplete_submission_is_saved_and_asks_for_the_rest(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    client = browser(app, cast.researcher)

    answer = post(client, f"/apply/{STEWARD}", **typed(plan="짧음"))

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    with runtime.db.read() as session:
        kept = session.scalars(select(Application)).one()
    assert kept.state == ApplicationState.DRAFT


def test_an_unknown_colleague_keeps_what_was_typed(app: Flask, cast: Cast) -> None:
    client = browser(app, cast.researcher)

    answer = post(client, f"/apply/{STEWARD}", **typed(supervisor="no.such.person"))

    assert answer.status_code == 422
    assert PLAN in answer.text
    assert "no.such.person" in answer.text


def test_a_steward_decides_on_one_screen(app: Flask, runtime: Runtime, cast: Cast) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)
    client = browser(app, cast.steward)
    assert made.number in client.get("/review").text

    page = client.get(f"/review/{item.id}?lang=en").text
    for wanted in ("Researcher", PLAN, "This is the first one.", "Record my vote"):
        assert wanted in page
    # The grant is what this review decides on: the reviewer is not told to apply for it.
    assert "GRANT_MISSING" not in page
    revision = page.split('name="revision" value="')[1].split('"')[0]
    short = post(
        client, f"/review/{item.id}/votes", choice="approve", reason="짧음", revision=revision
    )
    assert short.status_code == 422

    answer = post(
        client, f"/review/{item.id}/votes", choice="approve", reason=REASON, revision=revision
    )

    assert answer.status_code == 303
    assert applying.application(runtime, made.id).state == ApplicationState.APPROVED
    assert REASON in browser(app, cast.researcher).get(f"/applications/{made.id}").text


def test_reviewers_see_what_a_resubmission_changed(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    item = applying.item(runtime, made.id)
    asked = "계획에 보관 장소를 적어 주십시오."
    applying.vote(runtime, cast.steward, item.id, Choice.RETURN, asked)
    client = browser(app, cast.researcher)
    form = client.get(f"/applications/{made.id}/edit").text
    assert asked in form
    revision = form.split('name="revision" value="')[1].split('"')[0]
    fields = typed(plan=PLAN + "\n보관 장소는 연구실의 암호화된 서버입니다.", revision=revision)
    del fields["form_key"], fields["datasets"]

    answer = post(client, f"/applications/{made.id}/edit", **fields)
    assert answer.status_code == 303, answer.text

    page = browser(app, cast.steward).get(f"/review/{item.id}?lang=en").text
    assert "<ins>" in page
    assert "보관 장소는 연구실의 암호화된 서버입니다." in page
    assert "on an earlier submission" in page


def test_evidence_is_added_by_the_applicant_and_confirmed_by_a_steward(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    applying.add_dataset(runtime, "patients", irb_required=True, tier="steward")
    made = applying.submitted(runtime, cast.researcher, "patients")
    item = applying.item(runtime, made.id)
    fields = {
        "form": "exemption", "issuer": "공용기관생명윤리위원회", "reference": "P01-2026",
        "valid_from": "2026-10-01", "valid_until": "2027-09-30",
    }  # fmt: skip
    applicant = browser(app, cast.researcher)
    assert "IRB_MISSING_OR_EXPIRED" in applicant.get(f"/applications/{made.id}").text
    answer = post(applicant, f"/applications/{made.id}/evidence", **fields)
    assert answer.status_code == 303, answer.text

    steward = browser(app, cast.steward)
    page = steward.get(f"/review/{item.id}").text
    where = page.split(f"/review/{item.id}/evidence/")[1].split('"')[0]
    assert post(steward, f"/review/{item.id}/evidence/{where}").status_code == 303

    assert "IRB_MISSING_OR_EXPIRED" not in applicant.get(f"/applications/{made.id}").text


def test_the_queue_keeps_mine_apart_and_pages(app: Flask, runtime: Runtime, cast: Cast) -> None:
    applying.submitted(runtime, cast.researcher, STEWARD)
    committee = applying.submitted(runtime, cast.researcher, COMMITTEE)
    item = applying.item(runtime, committee.id)
    member = browser(app, cast.committee[0])
    assert committee.number in member.get("/review?mine=true").text

    applying.vote(runtime, cast.committee[0], item.id, Choice.APPROVE)

    assert committee.number not in member.get("/review?mine=true").text
    assert committee.number in member.get("/review").text
    assert committee.number not in browser(app, cast.steward).get("/review?mine=true").text


@pytest.mark.parametrize("who", ["mate", "professor"])
def test_reviewers_never_find_their_own_teams_case(
    app: Flask, runtime: Runtime, cast: Cast, who: str
) -> None:
    from gateway.identity.models import Role
    from tests.people import grant

    involved = getattr(cast, who)
    grant(runtime, involved, Role.STEWARD)
    made = applying.submitted(runtime, cast.researcher, STEWARD)
    client = browser(app, involved)

    assert made.number not in client.get("/review").text
    answer = client.get(f"/review/{applying.item(runtime, made.id).id}")

    assert answer.status_code == 403
    assert "DECIDER_" in answer.text


def _with_irb(runtime: Runtime, cast: Cast) -> tuple[uuid.UUID, uuid.UUID]:
    """A submitted application with unchecked IRB evidence: its item and the evidence."""
    applying.add_dataset(runtime, "patients", irb_required=True, tier="steward")
    made = applying.submitted(runtime, cast.researcher, "patients")
    new, me = applying.irb(runtime, made.project_id), acting_as(cast.researcher)
    transact(runtime, lambda s: service_submit.add_evidence(s, runtime, me, made.id, new))
    with runtime.db.read() as session:
        evidence = session.scalars(select(Attestation.id)).one()
    return applying.item(runtime, made.id).id, evidence


def test_evidence_of_a_project_is_no_business_of_the_general_queue(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    grant(runtime, cast.mate, Role.STEWARD)
    _item, evidence = _with_irb(runtime, cast)
    client = browser(app, cast.mate)

    answers = [post(client, f"/attestations/{evidence}/{verb}") for verb in ("check", "end")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert "P01-2026-01-001" not in client.get("/attestations").text
    with runtime.db.read() as session:
        row = session.get_one(Attestation, evidence)
    assert (row.checked_by, row.ended_at) == (None, None)


def test_a_steward_on_the_team_cannot_confirm_evidence_in_the_review_either(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    grant(runtime, cast.mate, Role.STEWARD)
    item, evidence = _with_irb(runtime, cast)

    answer = post(browser(app, cast.mate), f"/review/{item}/evidence/{evidence}")

    assert answer.status_code == 403
    with runtime.db.read() as session:
        assert session.get_one(Attestation, evidence).checked_by is None


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        (Role.STEWARD, "patients", 303),
        (Role.STEWARD, STEWARD, 404),
        (Role.COMMITTEE, "patients", 403),
    ],
)
def test_evidence_is_confirmed_by_a_steward_of_the_dataset(
    app: Flask, runtime: Runtime, cast: Cast, role: Role, scope: str, status: int
) -> None:
    item, evidence = _with_irb(runtime, cast)
    grant(runtime, cast.stranger, role, scope)

    answer = post(browser(app, cast.stranger), f"/review/{item}/evidence/{evidence}")

    assert answer.status_code == status
    with runtime.db.read() as session:
        checked = session.get_one(Attestation, evidence).checked_by
    assert checked == (cast.stranger.id if status == 303 else None)


def test_the_holder_takes_evidence_of_a_project_back(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    _item, evidence = _with_irb(runtime, cast)

    answer = post(browser(app, cast.researcher), f"/attestations/{evidence}/end")

    assert answer.status_code == 303
    with runtime.db.read() as session:
        assert session.get_one(Attestation, evidence).ended_at is not None
