"""A passkey in a real browser: registered, signed in with, and asked for before health data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.app import create_app
from gateway.identity import passwords
from gateway.identity.models import Person
from gateway.web.i18n import Language, translate
from tests import people, world
from tests.e2e.conftest import runtime_at
from tests.parts.wsgi import serving

FILES = {"a.txt": b"the first of the images"}
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def clinic(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    """A gateway on `localhost`, which browsers do passkeys for, with a grant for health data."""
    app: list[Any] = []

    def late(environ: Any, start: Any) -> Any:
        return app[0](environ, start)

    with serving(late) as port:
        base = f"http://localhost:{port}"
        runtime = runtime_at(tmp_path, sqlite_template, base)
        made = world.build(runtime, content="health")
        world.put_files(runtime, made, FILES)
        hashed = passwords.hashed(runtime.db, people.PASSWORD)
        world.change(runtime, Person, made.person, password_hash=hashed)
        app.append(create_app(runtime))
        yield base
    runtime.close()


@pytest.fixture(params=["ko", "en"])
def language(request: pytest.FixtureRequest) -> Language:
    chosen: Language = request.param
    return chosen


@pytest.fixture
def page(browser: Browser, clinic: str, language: Language) -> Iterator[Page]:
    """A page of a browser whose device has a fingerprint reader."""
    context = browser.new_context(base_url=clinic)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    tools = context.new_cdp_session(opened)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    opened.goto(f"/sign-in?lang={language}")
    yield opened
    context.close()


def test_a_passkey_is_registered_signs_in_and_is_asked_for_before_health_data(
    page: Page, language: Language
) -> None:
    def press(sentence: str) -> None:
        name = translate(language, sentence)
        page.locator("main").get_by_role("button", name=name, exact=True).click()

    def ask_for_an_address() -> None:
        page.locator("main details:has(form[action$='/url']) > summary").first.click()
        page.locator("main form[action$='/url'] [name=path]").first.fill("a.txt")
        page.locator("main form[action$='/url'] button").first.click()

    page.locator("form:not([data-passkey]) [name=account]").fill("holder")
    page.fill("[name=password]", people.PASSWORD)
    press("Sign in")
    if "/account/documents" in page.url:
        for box in page.locator("main [type=checkbox]").all():
            box.check()
        page.locator("main form button").click()
    page.goto("/account/factors/add-passkey")
    page.fill("[name=password]", people.PASSWORD)
    press("Continue")
    page.fill("[name=name]", "laptop")
    press("Make the passkey")
    expect(page.locator(".codes li")).to_have_count(10)

    page.goto("/access")
    ask_for_an_address()
    page.wait_for_url("**/account/step-up?next=**")
    press("Use a passkey")
    page.wait_for_url("**/access")
    ask_for_an_address()
    expect(page.locator("main")).to_contain_text("/d/")

    page.locator(".site-tools form button").click()
    page.goto("/sign-in")
    press("Sign in with a passkey")
    expect(page.locator(".site-tools form button")).to_have_count(1)
