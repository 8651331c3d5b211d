"""Outside accounts in a real browser: there and back, in both languages, under the policy that
forbids forms to lead elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from gateway.app import create_app
from gateway.clock import SystemClock
from gateway.config import load
from gateway.keys import KeyStore
from gateway.provider_settings import IdentityProvider
from gateway.startup import assemble, prepare
from tests.e2e.surfing import sign_in
from tests.parts.provider import CLIENT_ID, CLIENT_SECRET, providing
from tests.parts.sqlite import copy
from tests.parts.wsgi import serving
from tests.people import make_person

PICTURES = Path("test-artifacts/outside-accounts")
WIDTHS = (1280, 360)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[str]:
    """A gateway with two providers, one of them listening, and one person."""
    home = tmp_path_factory.mktemp("federated") / "home"
    home.mkdir()
    app: list[Any] = []

    def late(environ: Any, start: Any) -> Any:
        return app[0](environ, start)

    with providing(SystemClock()) as peer, serving(late) as port:
        address = f"http://127.0.0.1:{port}"
        own = IdentityProvider(
            id="campus", label_ko="한국대학교 통합 로그인", label_en="Hankuk University",
            issuer=peer.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET,
            allow_private=True,
        )  # fmt: skip
        orcid = IdentityProvider.model_validate(
            {"id": "orcid", "kind": "orcid", "client_id": "a", "client_secret": "b"}
        )
        settings = load({}, home=home, database_url=f"sqlite:///{copy(sqlite_template, home)}")
        KeyStore(settings.keys).ensure(data_exists=False)
        more = {"public_url": address, "identity_providers": (own, orcid)}
        settings = settings.model_copy(update=more)
        runtime = assemble(settings, prepare(settings), SystemClock())
        make_person(runtime, "hong", name="홍길동")
        app.append(create_app(runtime))
        yield address
        runtime.close()


@pytest.fixture(params=["ko", "en"])
def page(browser: Browser, base: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(base_url=base, reduced_motion="reduce")
    opened = context.new_page()
    opened.goto(f"/sign-in?lang={request.param}")
    yield opened
    context.close()


def look(page: Page, name: str) -> None:
    """Pictures in both widths and schemes; nothing too wide, nothing that axe finds."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    language = page.get_attribute("html", "lang")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            picture = PICTURES / f"{name}-{language}-{scheme}-{width}.jpg"
            page.screenshot(path=picture, type="jpeg", quality=80, full_page=True)
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), picture
        violations = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in violations] == []


def test_somebody_comes_in_links_and_signs_in_with_one_click(page: Page) -> None:
    look(page, "sign-in")
    page.click("section.narrow form button >> nth=0")
    page.wait_for_url("**/sign-in/new")
    look(page, "unknown")

    page.click("main a.button.primary")
    sign_in_here(page)
    page.wait_for_url("**/account/identities/new")
    look(page, "link")
    page.click("main form button")
    expect(page.locator("#identities + .table, #identities ~ *").first).to_be_visible()
    look(page, "account")

    page.click(".site-tools form button")
    page.goto("/sign-in")
    page.click("section.narrow form button >> nth=0")
    page.wait_for_url("**/")
    expect(page.locator(".site-tools form button")).to_have_count(1)
    page.goto("/account")
    page.locator("form[action*='/identities/'] button").first.click()
    page.wait_for_url("**/account#identities")


def sign_in_here(page: Page) -> None:
    """Sign in, and accept the documents that are asked for the first time."""
    sign_in(page, "hong")
    if "/account/documents" in page.url:
        for box in page.locator("main input[type=checkbox]").all():
            box.check()
        page.click("main form button")
