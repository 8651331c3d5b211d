"""The light sign-up: account, documents and agreement together, or nothing of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from gateway.agreements.models import Acceptance, AgreementVersion
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Person, SiteConsent
from gateway.identity.models_crowd import CrowdWorker
from gateway.identity.service_crowd import NewWorker, works_only
from gateway.runtime import Runtime
from gateway.tasks.service_joining import join
from tests import people, working
from tests import world as worlds
from tests.people import PASSWORD

HIDDEN = re.compile(r'name="(\w+_sha256)" value="([0-9a-f]{64})"')


def form(runtime: Runtime, **changes: Any) -> dict[str, Any]:
    read = working.read(runtime)
    fields = {
        "account": "new.worker", "name": "홍길동", "contact": "010-1234-5678",
        "password": PASSWORD, "terms": "true", "privacy": "true", "agreement": "true",
        "terms_sha256": read.consents["terms"], "privacy_sha256": read.consents["privacy"],
        "agreement_sha256": read.agreement_sha256,
    }  # fmt: skip
    return {key: value for key, value in (fields | changes).items() if value is not None}


def stored(runtime: Runtime) -> list[int]:
    with runtime.db.read() as session:
        kinds: tuple[Any, ...] = (Person, CrowdWorker, SiteConsent, Acceptance)
        return [len(session.scalars(select(kind)).all()) for kind in kinds]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_worker_signs_up_on_the_page_and_comes_to_the_own_tasks(
    runtime: Runtime, app: Flask, language: str
) -> None:
    working.agree(runtime)
    browser = app.test_client()
    page = browser.get(f"/crowd/sign-up?lang={language}")
    hashes = dict(HIDDEN.findall(page.text))

    fields = form(runtime, repeated=PASSWORD) | hashes
    answer = people.post(browser, "/crowd/sign-up", **fields)

    assert answer.status_code == 303, answer.text
    assert answer.location.endswith("/tasks")
    shown = browser.get(f"/tasks?lang={language}")
    assert {"ko": "지금 배정된 작업이 없습니다", "en": "No task is assigned"}[
        language
    ] in shown.text
    assert 'href="/datasets' not in shown.text
    assert stored(runtime) == [1, 1, 2, 1]
    with runtime.db.read() as session:
        (person,) = session.scalars(select(Person))
        (row,) = session.scalars(select(CrowdWorker))
        assert (person.email, row.phone) == ("", "01012345678")
        assert works_only(runtime, person.id)


def test_the_api_signs_up_with_an_address(runtime: Runtime, app: Flask) -> None:
    working.agree(runtime)

    answer = app.test_client().post(
        "/api/v1/crowd-workers", json=form(runtime, contact="Worker@Example.org")
    )

    assert answer.status_code == 201
    with runtime.db.read() as session:
        assert session.scalars(select(Person.email)).all() == ["Worker@example.org"]


WRONG: dict[str, tuple[dict[str, Any], int]] = {
    "no agreement": ({"agreement": None}, 422),
    "agreement not read": ({"agreement": "false"}, 422),
    "another text": ({"agreement_sha256": "0" * 64}, 409),
    "another notice": ({"privacy_sha256": "0" * 64}, 409),
    "no way to be reached": ({"contact": None}, 422),
    "a number that is none": ({"contact": "call me"}, 422),
    "a short number": ({"contact": "0101"}, 422),
    "an address that is none": ({"contact": "a@b"}, 422),
    "a weak password": ({"password": "1234567890"}, 422),
    "a taken name": ({"account": "taken"}, 409),
    "a role on top": ({"role": "steward"}, 422),
    "an account that looks like another": ({"account": "аdmin"}, 422),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_sign_up_that_lacks_something_stores_nothing(
    runtime: Runtime, app: Flask, wrong: str
) -> None:
    working.agree(runtime)
    people.make_person(runtime, "taken")
    before = stored(runtime)
    changes, status = WRONG[wrong]

    answer = app.test_client().post("/api/v1/crowd-workers", json=form(runtime, **changes))

    assert answer.status_code == status, answer.json
    assert stored(runtime) == before


def test_when_the_signature_fails_there_is_no_account_either(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    working.agree(runtime)
    read = working.read(runtime)

    def fails(*_arguments: Any) -> None:
        raise Problem(ProblemCode.WRONG_STATE)

    monkeypatch.setattr("gateway.tasks.service_joining.sign_in", fails)
    with pytest.raises(Problem):
        join(
            runtime, people.visitor(), NewWorker("x.y.z", "홍길동", "a@example.org"), PASSWORD, read
        )

    assert stored(runtime) == [0, 0, 0, 0]


def test_without_an_agreement_in_force_nobody_joins(runtime: Runtime, app: Flask) -> None:
    assert app.test_client().get("/crowd/sign-up").status_code == 409
    working.agree(runtime)
    with runtime.db.read() as session:
        version = session.scalars(select(AgreementVersion.id)).one()
    read = working.read(runtime)
    worlds.change(runtime, AgreementVersion, version, state="withdrawn")

    new = NewWorker("x.y.z", "홍길동", "a@example.org")
    with pytest.raises(Problem) as caught:
        join(runtime, people.visitor(), new, PASSWORD, read)
    assert caught.value.code is ProblemCode.WRONG_STATE


def test_a_worker_renews_the_agreement_on_its_page_and_no_other(
    runtime: Runtime, app: Flask
) -> None:
    worlds.build(runtime)
    one = working.worker(runtime, "crowd.worker")
    browser = app.test_client()
    people.sign_in(browser, one)
    sha256 = working.read(runtime).agreement_sha256
    fields = {"sha256": sha256, "typed_name": one.name, "language": "ko", "read": "true"}

    assert people.post(browser, "/policies/crowd-work", **fields).status_code == 303
    assert people.post(browser, "/policies/open-test", **fields).status_code == 403
    assert browser.post("/api/v1/agreements/signatures", json=fields).status_code in {400, 403}
