"""A real browser before a real server. The browser needs one database only: SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from gateway.app import create_app
from gateway.clock import SystemClock
from gateway.config import load
from gateway.keys import KeyStore
from gateway.runtime import Runtime
from gateway.startup import assemble, prepare
from tests import worlds
from tests.e2e.surfing import ARGUMENTS, CHROMIUM, Site, sign_in
from tests.parts.sqlite import copy
from tests.parts.wsgi import serving

PAGE_MS = 20_000


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """The town, served. It is built once: its pages are many, and tests add their own people."""
    folder = tmp_path_factory.mktemp("town")
    app: list[Any] = []

    def late(environ: Any, start: Any) -> Any:
        # The address is part of the settings, so the socket comes before the application.
        return app[0](environ, start)

    with serving(late) as port:
        base = f"http://127.0.0.1:{port}"
        runtime = runtime_at(folder, sqlite_template, base)
        town = worlds.build(runtime, folder)
        app.append(create_app(runtime))
        yield Site(base, runtime, town)
    runtime.close()


def runtime_at(folder: Path, template: Path, base: str) -> Runtime:
    """A gateway in `folder` that calls itself `base`, without a second factor asked of staff."""
    home = folder / "home"
    home.mkdir()
    url = f"sqlite:///{copy(template, home)}"
    settings = load({}, home=home, database_url=url, staff_second_factor="off").model_copy(
        update={"public_url": base}
    )
    KeyStore(settings.keys).ensure(data_exists=False)
    return assemble(settings, prepare(settings), SystemClock())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without anything it would do of its own accord."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page of a new browser without JavaScript, signed in if an account is named."""
    contexts = []

    def opened(language: str, account: str = "") -> Page:
        context = browser.new_context(
            base_url=site.base, java_script_enabled=False, locale={"ko": "ko-KR"}.get(language)
        )
        context.set_default_timeout(PAGE_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto(f"/sign-in?lang={language}")
        if account:
            sign_in(page, account)
        return page

    yield opened
    for context in contexts:
        context.close()
