"""Approvals: registered and ended by a steward with a reason, and what each of them opens."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from gateway.access.ask import Ask
from gateway.access.service import consider
from gateway.agreements import service as agreements
from gateway.applications import service_approvals
from gateway.applications.models import Application, ApplicationState
from gateway.applications.service_approvals import Wanted
from gateway.applications.service_transaction import transact
from gateway.catalog.models import Tier
from gateway.clock import FixedClock
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Attestation, Person, Role
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.vocabulary import Action, Approval, Use
from tests import applying, people
from tests.applying import Cast
from tests.logs import numbered
from tests.people import acting_as, bearer, post, sign_in

REASON = "협약서 원본과 신청 내용을 대조했습니다."
PAGE, API = "/approvals", "/api/v1/approvals"
FORM = {
    "kind": "overseas_transfer",
    "account": "researcher",
    "issuer": "개인정보 보호위원회",
    "reference": "제2026-8호",
    "first_day": "2026-01-01",
    "last_day": "2027-12-31",
    "reason": REASON,
}


@pytest.fixture(autouse=True)
def _agreements(runtime: Runtime) -> None:
    agreements.sync_files(runtime)


def wanted(runtime: Runtime, kind: Approval, number: str = "", **changes: Any) -> Wanted:
    now = runtime.clock.now()
    usual: dict[str, Any] = {
        "account": "researcher", "issuer": "기관", "reference": "제1호", "valid_from": now,
        "valid_until": now + timedelta(days=30), "reason": REASON,
    }  # fmt: skip
    return Wanted(kind=kind, number=number, **(usual | changes))


def register(runtime: Runtime, by: Person, new: Wanted) -> Attestation:
    actor = acting_as(by)
    return transact(runtime, lambda s: service_approvals.register(s, runtime, actor, new))


def end(runtime: Runtime, by: Person, approval_id: uuid.UUID) -> None:
    actor = acting_as(by)
    transact(runtime, lambda s: service_approvals.end(s, runtime, actor, approval_id, REASON))


def drafted(runtime: Runtime, cast: Cast, kind: Approval) -> Application:
    """A draft that the rules refuse until an approval of `kind` is there."""
    settings: dict[Approval, dict[str, Any]] = {
        Approval.SEPARATE_AGREEMENT: {"nationals_only": True},
        Approval.REGULATORY_SANDBOX: {"originals": True},
    }
    uses = {
        Approval.OVERSEAS_TRANSFER: (Use.OVERSEAS_TRANSFER,),
        Approval.THIRD_PARTY_PROCESSING: (Use.THIRD_PARTY_PROCESSING,),
    }
    if kind is Approval.SEPARATE_AGREEMENT:
        with runtime.db.write() as session:
            session.get_one(Person, cast.researcher.id).korean_national = False
    applying.add_dataset(runtime, "asked-for", tier=Tier.INSTANT, **settings.get(kind, {}))
    return applying.drafted(
        runtime, cast.researcher, "asked-for", uses=uses.get(kind, (Use.ANALYSIS,))
    )


def refused(runtime: Runtime, cast: Cast, made: Application) -> str:
    with pytest.raises(Problem) as caught:
        applying.submit(runtime, cast.researcher, made.id)
    (blocker,) = caught.value.extra["blockers"]
    return str(blocker["code"])


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Approval.SEPARATE_AGREEMENT, "NATIONALS_ONLY"),
        (Approval.OVERSEAS_TRANSFER, "OVERSEAS_TRANSFER"),
        (Approval.THIRD_PARTY_PROCESSING, "THIRD_PARTY_PROCESSING"),
    ],
)
def test_each_approval_opens_what_asked_for_it(
    runtime: Runtime, cast: Cast, kind: Approval, code: str, by_number: bool
) -> None:
    made = drafted(runtime, cast, kind)
    assert refused(runtime, cast, made) == code
    number = made.number.lower() if by_number else ""

    row = register(runtime, cast.steward, wanted(runtime, kind, number))

    assert row.project_id == (made.project_id if by_number else None)
    submitted = applying.submit(runtime, cast.researcher, made.id)
    assert submitted.state == ApplicationState.APPROVED


def download(runtime: Runtime, made: Application) -> tuple[str, ...]:
    grant_id = applying.item(runtime, made.id).grant_id
    return consider(runtime, Ask(Action.DOWNLOAD, grant_id=grant_id))[1].codes


def test_originals_open_under_a_regulatory_sandbox_only(runtime: Runtime, cast: Cast) -> None:
    made = drafted(runtime, cast, Approval.REGULATORY_SANDBOX)
    applying.submit(runtime, cast.researcher, made.id)
    assert "ORIGINALS_SANDBOX_ONLY" in download(runtime, made)

    register(runtime, cast.steward, wanted(runtime, Approval.REGULATORY_SANDBOX, made.number))

    assert "ORIGINALS_SANDBOX_ONLY" not in download(runtime, made)


def test_an_approval_that_ends_closes_the_grant_with_the_next_request(
    runtime: Runtime, cast: Cast
) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    row = register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER, made.number))
    applying.submit(runtime, cast.researcher, made.id)
    assert "OVERSEAS_TRANSFER" not in download(runtime, made)

    end(runtime, cast.second_steward, row.id)

    assert "OVERSEAS_TRANSFER" in download(runtime, made)
    with runtime.db.read() as session:
        kept = session.get_one(Attestation, row.id)
        assert (kept.reason, kept.end_reason) == (REASON, REASON)
        assert kept.ended_at is not None


def test_an_approval_runs_out_by_the_clock(runtime: Runtime, cast: Cast, clock: FixedClock) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER, made.number))
    applying.submit(runtime, cast.researcher, made.id)

    clock.advance(timedelta(days=31))

    assert "OVERSEAS_TRANSFER" in download(runtime, made)


def test_an_approval_for_one_project_says_nothing_of_another(runtime: Runtime, cast: Cast) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER, made.number))
    other = applying.drafted(
        runtime, cast.researcher, "asked-for", uses=(Use.OVERSEAS_TRANSFER,), title="다른 과제"
    )

    assert refused(runtime, cast, other) == "OVERSEAS_TRANSFER"


@pytest.mark.parametrize("who", ["researcher", "stranger", "mate"])
def test_nobody_but_a_steward_registers(runtime: Runtime, cast: Cast, who: str) -> None:
    with pytest.raises(Problem) as caught:
        register(runtime, getattr(cast, who), wanted(runtime, Approval.OVERSEAS_TRANSFER))

    assert caught.value.code is ProblemCode.FORBIDDEN


def test_a_steward_of_one_dataset_registers_nothing_that_counts_for_others(
    runtime: Runtime, cast: Cast
) -> None:
    people.grant(runtime, cast.stranger, Role.STEWARD, scope="voices")

    with pytest.raises(Problem) as caught:
        register(runtime, cast.stranger, wanted(runtime, Approval.OVERSEAS_TRANSFER))

    assert caught.value.code is ProblemCode.FORBIDDEN


@pytest.mark.parametrize("who", ["researcher", "mate", "professor"])
@pytest.mark.parametrize("by_number", [True, False])
def test_stewards_approve_nothing_of_their_own(
    runtime: Runtime, cast: Cast, who: str, by_number: bool
) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    own = getattr(cast, who)
    people.grant(runtime, own, Role.STEWARD)
    number = made.number if by_number else ""
    account = "researcher" if by_number else own.account
    new = wanted(runtime, Approval.OVERSEAS_TRANSFER, number, account=account)

    with pytest.raises(Problem) as caught:
        register(runtime, own, new)

    assert caught.value.code is ProblemCode.FORBIDDEN
    row = register(runtime, cast.steward, new)
    with pytest.raises(Problem) as caught:
        end(runtime, own, row.id)
    assert caught.value.code is ProblemCode.FORBIDDEN


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account": "no.such.person"}, "account"),
        ({"number": "2026-00000000"}, "number"),
        ({"account": "mate", "number": "its"}, "number"),
        ({"issuer": " "}, "issuer"),
        ({"reference": "x" * 121}, "reference"),
    ],
)
def test_what_is_wrong_is_named(
    runtime: Runtime, cast: Cast, changes: dict[str, Any], field: str
) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    number = made.number if changes.get("number") == "its" else changes.get("number", "")
    new = wanted(runtime, Approval.OVERSEAS_TRANSFER, **(changes | {"number": number}))

    with pytest.raises(Problem) as caught:
        register(runtime, cast.steward, new)

    assert (caught.value.code, caught.value.extra["field"]) == (
        ProblemCode.VALIDATION_FAILED,
        field,
    )


def test_an_approval_ends_once(runtime: Runtime, cast: Cast) -> None:
    row = register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER))
    end(runtime, cast.steward, row.id)

    with pytest.raises(Problem) as caught:
        end(runtime, cast.steward, row.id)

    assert caught.value.code is ProblemCode.WRONG_STATE


def steward_at(app: Flask, one: Person) -> FlaskClient:
    client = app.test_client()
    sign_in(client, one)
    return client


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Approval of transfer abroad", "everything this person applies for")),
        ("ko", ("국외 이전 승인", "이 사람의 모든 이용신청")),
    ],
)
def test_a_steward_registers_and_ends_on_the_page(
    app: Flask, runtime: Runtime, cast: Cast, language: str, words: tuple[str, ...]
) -> None:
    client = steward_at(app, cast.steward)

    assert post(client, PAGE, **FORM).status_code == 303

    shown = client.get(f"{PAGE}?lang={language}").text
    for word in (*words, REASON, "제2026-8호"):
        assert word in shown
    where = shown.split(f"{PAGE}/")[1].split("/end")[0]
    assert post(client, f"{PAGE}/{where}/end", reason="짧음").status_code == 422
    assert post(client, f"{PAGE}/{where}/end", reason=REASON).status_code == 303
    assert "제2026-8호" not in client.get(PAGE).text


def test_a_form_with_a_mistake_comes_back_as_it_was_typed(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    client = steward_at(app, cast.steward)

    answers = [
        post(client, PAGE, **FORM | {"account": "no.such.person"}),
        post(client, PAGE, **FORM | {"reason": "짧음"}),
        post(client, PAGE, **FORM | {"last_day": "2025-12-31"}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all("제2026-8호" in answer.text for answer in answers)


def test_the_general_queue_neither_confirms_nor_ends_an_approval(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    row = register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER))
    client = steward_at(app, cast.second_steward)

    answers = [post(client, f"/attestations/{row.id}/{verb}") for verb in ("check", "end")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_person_reads_of_it_and_may_give_it_back(
    app: Flask, runtime: Runtime, cast: Cast
) -> None:
    made = drafted(runtime, cast, Approval.OVERSEAS_TRANSFER)
    row = register(runtime, cast.steward, wanted(runtime, Approval.OVERSEAS_TRANSFER, made.number))
    client = steward_at(app, cast.researcher)

    assert "Approval of transfer abroad" in client.get(f"/applications/{made.id}?lang=en").text
    assert "국외 이전 승인" in client.get("/account?lang=ko").text
    assert post(client, f"/attestations/{row.id}/end").status_code == 303
    assert refused(runtime, cast, made) == "OVERSEAS_TRANSFER"


def test_over_the_api_and_every_step_is_an_event(app: Flask, runtime: Runtime, cast: Cast) -> None:
    client = app.test_client()
    headers = bearer(client, cast.steward)

    made: Any = client.post(API, json=FORM, headers=headers)
    listed: Any = client.get(API, headers=headers)
    ended: Any = client.post(f"{API}/{made.json['id']}/end", json={"reason": REASON},
                             headers=headers)  # fmt: skip

    assert (made.status_code, listed.status_code, ended.status_code) == (201, 200, 200)
    assert [row["id"] for row in listed.json["approvals"]] == [made.json["id"]]
    assert (made.json["account"], made.json["number"]) == ("researcher", None)
    assert client.get(API, headers=headers).json == {
        "approvals": [],
        "next": None,
        "previous": None,
    }
    assert acts(runtime) == [
        Act.APPROVAL_REGISTERED,
        Act.PERSON_VIEWED,
        Act.APPROVAL_ENDED,
    ]


def acts(runtime: Runtime) -> list[str]:
    """What the log says of approvals, and who looked at them, once it is numbered."""
    numbered(runtime)
    with runtime.db.read() as session:
        rows = session.execute(text("SELECT action, idx FROM audit_entries ORDER BY idx"))
        return [row.action for row in rows if row.action.startswith(("approval.", "person.v"))]
