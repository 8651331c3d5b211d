"""What tests in a browser share: the site, signing in, and looking at a page closely."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page, expect

from gateway.runtime import Runtime
from tests.people import PASSWORD
from tests.worlds import Town

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True, slots=True)
class Site:
    """Where the town is served, and the town."""

    base: str
    runtime: Runtime
    town: Town


def sign_in(page: Page, account: str, password: str = PASSWORD) -> None:
    """Sign in through the form, as a person does."""
    page.fill("[name=account]", account)
    page.fill("[name=password]", password)
    page.click("main button")
    expect(page.locator(".site-tools form button")).to_have_count(1)
