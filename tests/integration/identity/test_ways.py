"""Where people find what they need: links to identity checks, and the way on from a refusal."""

from __future__ import annotations

import re

from flask import Flask

from gateway.identity.models import Role
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
