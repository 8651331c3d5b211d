"""The tax service: what it says, what its failures never do, and the daily re-check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gateway.cli.main import root
from gateway.clock import FixedClock
from gateway.config import Settings, load
from gateway.errors import Problem, ProblemCode
from gateway.identity import service_checks as checks
from gateway.identity import service_organisations as organisations
from gateway.identity.models import Organisation, OrganisationStatus
from gateway.identity.tax_service import TaxService
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.security.outbound import Outbound
from tests.integration.identity.company import NUMBER, OTHER_NUMBER, Company
from tests.integration.identity.conftest import Seen
from tests.parts import tax_service as stub
from tests.people import acting_as, post, sign_in

OPENED, NAME = date(2019, 3, 4), "홍길동"
RIGHT = (NUMBER, "20190304", NAME)


@pytest.fixture
def register() -> Iterator[stub.Register]:
    with stub.serving() as found:
        found.states = {NUMBER: "01", OTHER_NUMBER: "01"}
        found.right = RIGHT
        yield found


@pytest.fixture
def settings(settings: Settings, register: stub.Register) -> Settings:
    """As an operator would set it; the stub is at a private address, so it is named."""
    environment = {
        "SUMUN_TAX_SERVICE_URL": register.url,
        "SUMUN_TAX_SERVICE_KEY": stub.KEY,
        "SUMUN_OUTBOUND_NETWORKS": "127.0.0.0/8",
    }
    return load(
        environment,
        home=settings.home,
        database_url=settings.database_url,
        staff_second_factor="off",
    )


@pytest.fixture
def service(settings: Settings) -> TaxService:
    return TaxService.of(settings)


def code_of(attempt: Callable[[], Any]) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        attempt()
    return refused.value.code


def status(runtime: Runtime, org: Organisation) -> tuple[str, str]:
    with runtime.db.read() as session:
        row = organisations.get_organisation(session, org.id)
    return row.status, row.status_reason


def test_a_closed_business_suspends_its_organisation_and_no_other(
    runtime: Runtime,
    company: Company,
    service: TaxService,
    register: stub.Register,
    events: list[Seen],
) -> None:
    register.states[NUMBER] = "03"

    done = {one.name: (one.state, one.suspended) for one in checks.keep(runtime, service)}

    assert done == {"한빛데이터": ("closed", True), "새벽데이터": ("operating", False)}
    assert status(runtime, company.org)[0] == OrganisationStatus.SUSPENDED
    assert "폐업" in status(runtime, company.org)[1]
    assert status(runtime, company.other)[0] == OrganisationStatus.VERIFIED
    assert [(seen.action, seen.reason) for seen in events if "suspended" in seen.action] == [
        ("organisation.suspended", "tax_service_closed")
    ]


def test_only_a_steward_lets_it_live_again(
    runtime: Runtime, company: Company, service: TaxService, register: stub.Register
) -> None:
    register.states[NUMBER] = "03"
    checks.keep(runtime, service)
    register.states[NUMBER] = "01"

    checks.recheck(runtime, service, Actor.operator())
    by_manager = code_of(
        lambda: organisations.verify(runtime, acting_as(company.manager), company.org.id)
    )
    kept = status(runtime, company.org)[0]
    organisations.verify(runtime, acting_as(company.steward), company.org.id)

    assert (by_manager, kept) == (ProblemCode.FORBIDDEN, OrganisationStatus.SUSPENDED)
    assert status(runtime, company.org) == (OrganisationStatus.VERIFIED, "")


def test_it_is_asked_once_a_day_and_again_soon_after_a_failure(
    runtime: Runtime,
    clock: FixedClock,
    company: Company,
    service: TaxService,
    register: stub.Register,
    events: list[Seen],
) -> None:
    register.answer = (503, b"")
    failed = [one.state for one in checks.keep(runtime, service)]
    register.answer = None
    first = len(checks.keep(runtime, service))
    clock.advance(timedelta(hours=22))
    same_day = len(checks.keep(runtime, service))
    clock.advance(timedelta(hours=2))
    next_day = len(checks.keep(runtime, service))

    assert (failed, first, same_day, next_day) == (["unknown", "unknown"], 2, 0, 2)
    assert status(runtime, company.org)[0] == OrganisationStatus.VERIFIED
    # What stays as it was is no event each day.
    assert [seen.action for seen in events].count("organisation.checked") == 2


def test_a_suspended_business_warns_and_stops_nothing(
    runtime: Runtime,
    company: Company,
    service: TaxService,
    register: stub.Register,
    browser: Callable[..., FlaskClient],
) -> None:
    register.states[NUMBER] = "02"
    checks.keep(runtime, service)
    client = browser()
    sign_in(client, company.manager)

    page = client.get(f"/orgs/{company.org.id}?lang=en").text

    assert status(runtime, company.org)[0] == OrganisationStatus.VERIFIED
    assert "The business is suspended" in page


def test_a_steward_compares_and_nobody_else(
    runtime: Runtime,
    company: Company,
    browser: Callable[..., FlaskClient],
    events: list[Seen],
) -> None:
    form = {"opened_on": "2019-03-04", "representative": NAME}
    address = f"/orgs/{company.org.id}/check"
    refused = []
    outsiders = (company.manager, company.member, company.others_manager, company.stranger)
    for number, person in enumerate(outsiders):
        client = browser(f"10.2.0.{number}")
        sign_in(client, person)
        refused.append(post(client, address, **form).status_code)
    steward = browser("10.2.0.9")
    sign_in(steward, company.steward)

    wrong = post(steward, address, **form | {"opened_on": "yesterday"})
    asked = post(steward, address, **form)
    page = steward.get(f"/orgs/{company.org.id}?lang=en").text

    assert (refused, wrong.status_code, asked.status_code) == ([403] * 4, 422, 303)
    assert "As registered" in page
    assert "Operating" in page
    told = [seen for seen in events if seen.action == "organisation.checked"]
    assert [seen.detail["outcome"] for seen in told] == ["operating", "same"]
    assert all(NAME not in str(seen) for seen in told)


def test_a_stewards_comparison_verifies_nothing_by_itself(
    runtime: Runtime, company: Company, service: TaxService
) -> None:
    with runtime.db.write() as session:
        session.get_one(Organisation, company.org.id).status = OrganisationStatus.PENDING

    checks.compare(runtime, service, acting_as(company.steward), company.org.id, (OPENED, NAME))

    assert status(runtime, company.org)[0] == OrganisationStatus.PENDING


def test_without_a_key_nothing_is_asked(
    runtime: Runtime, company: Company, register: stub.Register
) -> None:
    unset = TaxService(register.url, "", Outbound(()))
    told = (OPENED, NAME)

    assert checks.keep(runtime, unset) == []
    assert (
        code_of(
            lambda: checks.compare(runtime, unset, acting_as(company.steward), company.org.id, told)
        )
        is ProblemCode.WRONG_STATE
    )
    assert register.calls == []


def test_the_command_rechecks_one_or_all(
    runtime: Runtime,
    settings: Settings,
    company: Company,
    register: stub.Register,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUMUN_DATABASE_URL", settings.database)
    monkeypatch.setenv("SUMUN_TAX_SERVICE_URL", register.url)
    monkeypatch.setenv("SUMUN_TAX_SERVICE_KEY", stub.KEY)
    monkeypatch.setenv("SUMUN_OUTBOUND_NETWORKS", "127.0.0.0/8")

    def run(*words: str) -> tuple[int, str]:
        home = ["--home", str(settings.home)]
        done = CliRunner().invoke(root, ["org", "recheck", *words, "--json", *home])
        return done.exit_code, done.output

    clean = run()
    register.states[NUMBER] = "03"
    found = run(str(company.org.id))
    unknown = run("없는 기관")

    assert (clean[0], len(clean[1].splitlines())) == (0, 2)
    row = json.loads(found[1])
    assert (found[0], row["state"], row["suspended"]) == (1, "closed", True)
    assert unknown[0] == 2
    assert stub.KEY not in clean[1] + found[1] + unknown[1]
