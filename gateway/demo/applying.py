"""Applied for, decided, signed: how a grant comes to be."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx2

from gateway.agreements import service, service_signing
from gateway.agreements.service_signing import Signing
from gateway.applications.service_review import check_evidence
from gateway.demo.cast import Cast
from gateway.demo.delivery import DIALOGUES, IMAGES
from gateway.demo.stage import Stage
from gateway.demo.web import Visitor
from gateway.identity.service_attestations import list_attestations
from gateway.runtime import Runtime

PLAN = (
    "여러 장비에서 얻은 의료영상으로 병변 검출 모형의 일반화 성능을 비교합니다. "
    "자료는 연구실 서버에서만 처리하고, 과제가 끝나면 파기합니다."
)
# What each applicant says of purpose, uses and study.
STATED: dict[str, dict[str, Any]] = {
    "kim": {
        "purpose": "academic_research",
        "uses": ["model_training", "evaluation", "analysis"],
        "study_kinds": ["health", "methods"],
        "non_profit_organisation": True,
        "non_commercial": True,
        "study_months": 12,
    },
    "company": {
        "purpose": "commercial_development",
        "uses": ["model_training", "evaluation"],
        "study_kinds": ["methods"],
    },
}
Visitors = dict[str, Visitor]


def medical_images(
    stage: Stage, runtime: Runtime, cast: Cast, visitors: Visitors, base: str
) -> str:
    """Kim's application for the images: two committee votes; returns the grant's id."""
    kim = visitors["kim"]
    with stage.step("Before sign-in: what is needed, who decides, how long it takes"):
        shown = httpx2.get(f"{base}/api/v1/datasets/{IMAGES}").json()
        stage.say(f"needed: {', '.join(shown['requirements'])}")
        stage.say(f"decided by: {shown['tier']}, usually within {shown['typical_days']} days")
        stage.check("irb" in shown["requirements"], "nothing is hidden until after sign-in")
    with stage.step("A researcher applies with a supervisor and an IRB approval"):
        application = _apply(kim, IMAGES, "의료영상 병변 검출의 일반화", "supervisor", "kim")
        application = _add_irb(runtime, kim, application)
        application = _submit(kim, application)
        item = application["items"][0]
        _confirm_irb(runtime, cast, application)
        stage.check(item["state"] == "in_review", "it waits for the committee")
        ballot = _ballot(application, "approve", "제 신청을 스스로 승인합니다.")
        for account in ("kim", "supervisor"):
            own = visitors[account].try_call("POST", _votes(item), json=ballot)
            stage.check(own.status_code in {403, 404}, f"{account} cannot decide on it")
    with stage.step("Two committee members vote, each with a reason; the second vote opens it"):
        ballot = _ballot(application, "approve", "목적과 관리 계획이 적절하고 심의 승인이 확인됨")
        first = visitors["committee1"].call("POST", _votes(item), json=ballot)
        stage.check(first["items"][0]["state"] == "in_review", "one vote is not enough")
        second = visitors["committee2"].call("POST", _votes(item), json=ballot)
        stage.check(second["items"][0]["state"] == "approved", "two votes approve it")
        return str(second["items"][0]["grant_id"])


def dialogues(stage: Stage, visitors: Visitors) -> str:
    """The company's application for the dialogues: the steward decides; returns the grant's id."""
    with stage.step("A company applies for the dialogues, and the steward decides"):
        company = visitors["company"]
        application = _apply(company, DIALOGUES, "상담 요약 서비스 개발", "", "company")
        application = _submit(company, application)
        item = application["items"][0]
        ballot = _ballot(application, "approve", "기업 이용 목적과 보호 조치를 확인함")
        decided = visitors["steward"].call("POST", _votes(item), json=ballot)
        stage.check(decided["items"][0]["state"] == "approved", "the steward approves it")
        return str(decided["items"][0]["grant_id"])


def sign(stage: Stage, runtime: Runtime, cast: Cast, account: str, code: str) -> None:
    """The person signs the agreement in force by typing their name, for their organisation."""
    with stage.step(f"The {code} agreement is signed"):
        member = cast[account]
        with runtime.db.read() as session:
            version = service.in_force(session, code)
            assert version is not None
            organisation = service_signing.organisations_of(session, member.person.id)[0]
        signing = Signing(version.sha256, member.person.name, "ko", organisation.id)
        acceptance = service_signing.sign(runtime, member.actor, signing)
        stage.check(acceptance.sha256 == version.sha256, f"bound to {version.sha256[:16]}…")


def _apply(visitor: Visitor, slug: str, title: str, supervisor: str, account: str) -> Any:
    places = visitor.call("GET", "/api/v1/me")["memberships"]
    body = {
        "datasets": [slug],
        "title": title,
        **STATED[account],
        "plan": PLAN,
        "supervisor": supervisor,
        "organisation_id": places[0]["organisation_id"],
    }
    return visitor.call("POST", "/api/v1/applications", json=body)


def _add_irb(runtime: Runtime, visitor: Visitor, application: Any) -> Any:
    """Name the IRB's approval."""
    today = runtime.clock.now().astimezone(runtime.settings.zone).date()
    body = {
        "form": "approval",
        "issuer": "한빛대학교 생명윤리위원회",
        "reference": "HB-IRB-2026-114",
        "valid_from": today.isoformat(),
        "valid_until": (today + timedelta(days=364)).isoformat(),
    }
    return visitor.call("POST", f"/api/v1/applications/{application['id']}/evidence", json=body)


def _confirm_irb(runtime: Runtime, cast: Cast, application: Any) -> None:
    """The steward compares the IRB's approval with its source, in the review."""
    item_id = uuid.UUID(application["items"][0]["id"])
    with runtime.db.read() as session:
        given = list_attestations(session, cast["kim"].person.id)
    for row in given:
        if row.project_id is not None:
            check_evidence(runtime, cast["steward"].actor, item_id, row.id)


def _submit(visitor: Visitor, application: Any) -> Any:
    path = f"/api/v1/applications/{application['id']}/submit"
    return visitor.call("POST", path, json={"revision": application["revision"]})


def _votes(item: Any) -> str:
    return f"/api/v1/review/{item['id']}/votes"


def _ballot(application: Any, choice: str, reason: str) -> dict[str, Any]:
    return {"choice": choice, "reason": reason, "revision": application["revision"]}
