"""Pages and API of grants and agreements: stranger, holder and steward, on both databases."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.access import pages, presenter
from gateway.access import wiring as access
from gateway.access.grants import GrantSpec, create_grant
from gateway.access.models import Grant
from gateway.agreements import service as agreements
from gateway.agreements import wiring as agreements_wiring
from gateway.agreements.models import AgreementState, AgreementVersion
from gateway.catalog import wiring as catalog
from gateway.catalog.models import Dataset
from gateway.catalog.schemas import Requirement
from gateway.clock import FixedClock
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.identity.models import Role
from gateway.jobs.worker import Worker
from gateway.journal import Actor
from gateway.policy.loading import program_engine
from gateway.runtime import Runtime
from tests import people
from tests import world as made
from tests.logs import numbered
from tests.world import World

REASON = {"reason": "약정 위반이 확인되었습니다"}


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return made.small_app(runtime, catalog, agreements_wiring, access)


@pytest.fixture
def world(runtime: Runtime) -> World:
    world = made.build(runtime)
    made.put_files(runtime, world, {"가/a.txt": b"data"})
    return world


@pytest.fixture
def owner(runtime: Runtime, world: World, app: Flask) -> FlaskClient:
    """The grant's holder, signed in."""
    holder = people.make_person(runtime, "grant.holder")
    made.change(runtime, Grant, world.grant, person_id=holder.id, organisation_id=None)
    client = app.test_client()
    people.sign_in(client, holder)
    return client


@pytest.fixture
def steward(runtime: Runtime, app: Flask) -> FlaskClient:
    person = people.make_person(runtime, "data.steward")
    people.grant(runtime, person, Role.STEWARD)
    client = app.test_client()
    people.sign_in(client, person)
    return client


def test_a_stranger_is_asked_to_sign_in(client: FlaskClient, world: World) -> None:
    assert client.get("/access").status_code == 303
    assert client.get("/api/v1/grants").status_code == 401
    assert client.get(f"/access/grant/{world.grant}").status_code == 303
    assert client.get("/access/dataset/voices").status_code == 303


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_holder_sees_the_grant_and_what_is_missing(owner: FlaskClient, language: str) -> None:
    page = owner.get(f"/access?lang={language}").text
    assert "ACCEPTANCE_NOT_LIVE" in page
    assert "/policies/open-test" in page


@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_is_needed_names_whom_the_reasons_name(
    runtime: Runtime, owner: FlaskClient, world: World, language: str
) -> None:
    needs = {"training_required": True, "irb_required": True, "identity_level": 3}
    made.change(runtime, Dataset, world.dataset, **needs)

    page = owner.get(f"/datasets/voices?lang={language}").text

    needed = page.partition('<ul class="needs">')[2].partition("</ul>")[0]
    person, board = {
        "ko": ("신청인", "기관생명윤리위원회(IRB)"),
        "en": ("Applicant", "Review board (IRB)"),
    }[language]
    assert re.findall(r"</svg>([^<]+)</span>", needed)[-4:] == [person, person, board, person]
    reasons = page.partition('<section class="blockers">')[2].partition("</section>")[0]
    pairs = re.findall(r"</svg>([^<]+)</span> <code>(\w+)</code>", reasons)
    told = {code: who for who, code in pairs}
    assert told["TRAINING_MISSING"] == told["IDENTITY_TOO_WEAK"] == person
    assert told["IRB_MISSING_OR_EXPIRED"] == board


def test_each_requirement_has_a_rule_that_refuses_without_it() -> None:
    known = presenter.actors(program_engine())

    assert set(pages.REQUIRED_BY) == set(Requirement)
    assert known.keys() >= set(pages.REQUIRED_BY.values())


def test_the_api_lists_ones_own_grants_only(
    owner: FlaskClient, steward: FlaskClient, world: World
) -> None:
    mine = owner.get("/api/v1/grants").json
    assert mine is not None
    assert [grant["id"] for grant in mine["grants"]] == [str(world.grant)]
    assert [b["code"] for b in mine["grants"][0]["blockers"]] == ["ACCEPTANCE_NOT_LIVE"]
    assert steward.get("/api/v1/grants").json == {"grants": [], "next": None, "previous": None}
    assert steward.get(f"/api/v1/grants/{world.grant}").status_code == 404


def test_signing_opens_the_grant_and_the_page_gives_an_address(
    runtime: Runtime, owner: FlaskClient, world: World
) -> None:
    form = {"sha256": "", "typed_name": "Someone Else", "language": "ko", "read": "true"}
    form["sha256"] = _hash(runtime, world)
    page = people.post(owner, "/policies/open-test", **form)
    assert page.status_code == 422
    signed = people.post(owner, "/policies/open-test", **form | {"typed_name": "Grant Holder"})
    assert signed.status_code == 303
    answer = ask_url(owner, world, "가/a.txt")
    assert answer.status_code == 200
    assert "http://localhost:8400/d/" in answer.text
    wrong = ask_url(owner, world, "missing")
    assert wrong.status_code == 404


def ask_url(client: FlaskClient, world: World, path: str) -> Any:
    form = {"csrf_token": people.csrf(client), "path": path}
    return client.post(f"/access/{world.grant}/url", data=form)


def _hash(runtime: Runtime, world: World) -> str:
    with runtime.db.read() as session:
        return session.get_one(AgreementVersion, world.agreement).sha256


def test_a_steward_revokes_with_a_reason_and_others_cannot(
    owner: FlaskClient, steward: FlaskClient, world: World
) -> None:
    url = f"/access/grant/{world.grant}/revoke"
    assert people.post(owner, url, **REASON).status_code == 403
    assert people.post(steward, url, reason="짧다").status_code == 422
    assert people.post(steward, url, **REASON).status_code == 303
    assert people.post(steward, url, **REASON).status_code == 409
    mine = owner.get("/api/v1/grants").json
    assert mine is not None
    assert mine["grants"][0]["state"] == "revoked"


def test_a_steward_suspends_and_resumes(steward: FlaskClient, world: World) -> None:
    base = f"/access/grant/{world.grant}"
    assert people.post(steward, base + "/suspend", **REASON).status_code == 303
    assert people.post(steward, base + "/suspend", **REASON).status_code == 409
    assert people.post(steward, base + "/resume").status_code == 303
    assert people.post(steward, base + "/resume").status_code == 409


def test_that_a_steward_looked_is_recorded(
    runtime: Runtime, steward: FlaskClient, world: World
) -> None:
    before = numbered(runtime)
    page = steward.get("/access/dataset/voices")
    assert page.status_code == 200
    assert str(world.grant) in page.text
    assert runtime.journal.log.size() == before + 1


def test_only_the_holder_gives_up(owner: FlaskClient, steward: FlaskClient, world: World) -> None:
    url = f"/access/{world.grant}/give-up"
    assert people.post(steward, url).status_code == 404
    assert people.post(owner, url).status_code == 303


def test_can_i_answers_strangers_and_holders(
    client: FlaskClient, owner: FlaskClient, world: World
) -> None:
    answer = client.get("/api/v1/datasets/voices/can-i").json
    assert answer is not None
    assert answer["outcome"] == "deny"
    assert answer["path"]
    mine = owner.get("/api/v1/datasets/voices/can-i").json
    assert mine is not None
    assert [step["code"] for step in mine["path"]] == ["ACCEPTANCE_NOT_LIVE"]
    assert mine["confirmed"]
    assert client.get("/api/v1/datasets/none/can-i").status_code == 404


def test_a_renewal_ends_the_old_grant_in_the_same_transaction(
    runtime: Runtime, world: World
) -> None:
    spec = GrantSpec(world.person, world.dataset, world.project, "academic_research", 30)
    with runtime.db.write() as session:
        new = create_grant(session, runtime, Actor.system(), spec)
    with runtime.db.read() as session:
        old = session.get_one(Grant, world.grant)
    assert (old.end_reason, old.epoch, new.epoch) == ("renewed", 2, 1)


def test_expiry_is_recorded_once_at_the_end_of_the_window(
    runtime: Runtime, world: World, clock: FixedClock
) -> None:
    spec = GrantSpec(world.person, world.dataset, world.project, "academic_research", 30)
    with runtime.db.write() as session:
        new = create_grant(session, runtime, Actor.system(), spec)
    worker = Worker(runtime.db, clock, access.handlers(runtime))
    assert worker.drain() == 0
    clock.advance(timedelta(days=30))
    assert worker.drain() == 1
    with runtime.db.read() as session:
        assert session.get_one(Grant, new.id).end_reason == "expired"


def test_agreement_files_are_registered_once_and_never_change(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = agreements.sync_files(runtime)
    assert len(first) == 7
    assert agreements.sync_files(runtime) == []
    with runtime.db.write() as session:
        row = agreements.in_force(session, "health")
        assert row is not None
        row.sha256 = "0" * 64
    with pytest.raises(OperatorError, match="health/v1"):
        agreements.sync_files(runtime)


def test_putting_a_version_in_force_withdraws_the_one_before(runtime: Runtime) -> None:
    agreements.sync_files(runtime)
    with runtime.db.read() as session:
        old = agreements.in_force(session, "health")
    assert old is not None
    draft = AgreementVersion(
        id=uuid.uuid4(),
        code="health",
        number=2,
        sha256="2" * 64,
        text_ko="본문",
        text_en="text",
        terms=old.terms,
        state=AgreementState.DRAFT,
        created_at=runtime.clock.now(),
    )
    with runtime.db.write() as session:
        session.add(draft)
    agreements.put_in_force(runtime, Actor.system(), draft.id)
    with runtime.db.read() as session:
        states = [row.state for row in agreements.versions(session, "health")]
    assert states == ["in_force", "withdrawn"]
    with pytest.raises(Problem) as caught:
        agreements.put_in_force(runtime, Actor.system(), draft.id)
    assert caught.value.code is ProblemCode.WRONG_STATE
