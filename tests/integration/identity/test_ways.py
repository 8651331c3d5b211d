"""Where people find what they need: links to identity checks, and the way on from a refusal."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from gateway.identity.models import Role
from gateway.identity.service_seen_papers import Paper, Seen, record_seen
from gateway.runtime import Runtime
from tests import people
from tests.oauth_peer import organisation

HREF = re.compile(r'href="(/[^"#]*)')


def test_the_account_leads_to_the_identity_check(runtime: Runtime, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, people.make_person(runtime, "somebody"))

    assert "/account/identity-check" in HREF.findall(browser.get("/account").text)


def test_whoever_records_papers_finds_the_page_for_it(runtime: Runtime, app: Flask) -> None:
    steward, manager = (people.make_person(runtime, name) for name in ("steward", "manager"))
    people.grant(runtime, steward, Role.STEWARD)
    place = organisation(runtime, manager)
    pages = {steward: "/attestations", manager: f"/orgs/{place}"}

    for one, page in pages.items():
        browser = app.test_client()
        people.sign_in(browser, one)
        assert "/identity-checks" in HREF.findall(browser.get(page).text), page


@pytest.mark.parametrize(
    ("language", "said"),
    [("ko", "담당자가 신분증을 직접 확인"), ("en", "Paper seen by somebody in charge")],
)
def test_a_paper_that_was_seen_is_called_so(
    runtime: Runtime, app: Flask, language: str, said: str
) -> None:
    steward, one = (people.make_person(runtime, name) for name in ("steward", "somebody"))
    people.grant(runtime, steward, Role.STEWARD)
    seen = Seen("somebody", Paper.IDENTITY_CARD, "창구에서 얼굴과 이름을 대조함")
    record_seen(runtime, people.acting_as(steward), seen)
    browser = app.test_client()
    people.sign_in(browser, one)

    page = browser.get(f"/account?lang={language}").text

    assert said in page
    assert "paper:" not in page


def test_an_invitation_that_is_gone_leads_to_whoever_invited(runtime: Runtime, app: Flask) -> None:
    browser = app.test_client()
    people.sign_in(browser, people.make_person(runtime, "somebody"))

    page = browser.get(f"/invitations/{'x' * 43}?lang=en")

    assert page.status_code == 404
    assert "Ask the manager who invited you for a new invitation." in page.text
    assert "Check the address" not in page.text


def test_staff_without_a_factor_are_led_to_setting_one_up(runtime: Runtime, app: Flask) -> None:
    required = runtime.settings.model_copy(update={"staff_second_factor": "required"})
    object.__setattr__(runtime, "settings", required)
    steward, browser = people.make_person(runtime, "steward"), app.test_client()
    people.grant(runtime, steward, Role.STEWARD)
    people.sign_in(browser, steward)

    page = browser.get("/attestations?lang=en")

    assert page.status_code == 403
    assert "/account" in HREF.findall(page.text)
    assert "counts at once" in page.text
