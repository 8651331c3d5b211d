"""The main job through forms alone: no JavaScript, in both languages."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.web.i18n import Language, translate
from policies.decision import Actor
from tests import worlds
from tests.e2e.surfing import Site
from tests.people import PASSWORD
from tests.worlds import FILES

OpenPage = Callable[..., Page]
NAME = {"ko": "나그네", "en": "Traveller"}
# Typed by people, so in both languages: the tour of pages looks for sentences in the wrong one.
REASON = "사유를 적었습니다 (the reason is written down)"
PLAN = "새 시와 옛 시의 운율을 견주어 봅니다 (old and new metre are compared)"
WANTED = "편지/07.txt"


@dataclass(frozen=True, slots=True)
class Reader:
    """A language, and its words for what stands on buttons and links."""

    language: Language
    open: OpenPage

    def __call__(self, sentence: str, **variables: str) -> str:
        return translate(self.language, sentence, **variables)

    def page(self, account: str = "") -> Page:
        return self.open(self.language, account)

    def press(self, page: Page, sentence: str) -> None:
        page.locator("main").get_by_role("button", name=self(sentence), exact=True).click()

    def follow(self, page: Page, sentence: str) -> None:
        page.locator("main").get_by_role("link", name=self(sentence), exact=True).first.click()


@pytest.fixture(params=["ko", "en"])
def reader(request: pytest.FixtureRequest, open_page: OpenPage) -> Reader:
    return Reader(request.param, open_page)


def test_from_sign_up_to_the_file_and_to_the_refusal(
    reader: Reader, site: Site, tmp_path: Path
) -> None:
    slug = f"poems-{reader.language}"
    worlds.poems(site.runtime, tmp_path, slug)

    page = sign_up(reader)
    apply(reader, page, slug)
    for account in ("committee1", "committee2"):
        vote(reader, account, slug)
    sign(reader, page)
    address = download_address(reader, page)
    assert page.request.get(address).text() == FILES[WANTED]

    page.goto("/access")
    stop(reader, slug)
    ask(reader, page)
    assert refused(page) == {"GRANT_SUSPENDED", "DATASET_WITHDRAWN"}
    assert page.request.get(address).status == 403


def sign_up(reader: Reader) -> Page:
    page = reader.page()
    reader.follow(page, "Sign up")
    for field, value in (
        ("account", f"traveller.{reader.language}"),
        ("name", NAME[reader.language]),
        ("email", f"traveller.{reader.language}@example.org"),
        ("password", PASSWORD),
        ("repeated", PASSWORD),
    ):
        page.fill(f"[name={field}]", value)
    page.check("[name=national][value=unstated]")
    reader.press(page, "Sign up")
    expect(page.locator(".site-tools form")).to_have_count(0)
    return consent(reader, page)


def consent(reader: Reader, page: Page) -> Page:
    """A form without consents changes nothing; what was typed is still there."""
    expect(page.locator("[name=account]")).to_have_value(f"traveller.{reader.language}")
    page.fill("[name=password]", PASSWORD)
    page.fill("[name=repeated]", PASSWORD)
    page.check("[name=terms]")
    page.check("[name=privacy]")
    reader.press(page, "Sign up")
    page.goto("/account")
    expect(page.locator("h1")).to_have_text(NAME[reader.language])
    return page


def apply(reader: Reader, page: Page, slug: str) -> None:
    page.goto(f"/datasets/{slug}")
    reader.follow(page, "Apply for this dataset")
    page.fill("[name=title]", "Poetry")
    reader.press(page, "Save draft")
    expect(page.locator("[name=title]")).to_have_value("Poetry")
    page.select_option("[name=purpose]", "academic_research")
    page.check("[name=uses][value=model_training]")
    page.fill("[name=plan]", PLAN)
    reader.press(page, "Save and hand in")
    committee = getattr(Actor.COMMITTEE, reader.language)
    step = page.locator("[aria-current=step]")
    expect(step).to_contain_text(re.compile(committee, re.IGNORECASE))


def vote(reader: Reader, account: str, slug: str) -> None:
    page = reader.page(account)
    page.goto("/review")
    row = page.locator("tbody tr", has_text="Poetry").filter(has_text=NAME[reader.language])
    row.get_by_role("link").click()
    expect(page.locator("main")).to_contain_text(PLAN)
    page.check("[name=choice][value=approve]")
    page.fill("[name=reason]", REASON)
    reader.press(page, "Record my vote")
    expect(page.locator("main")).to_contain_text(REASON)


def sign(reader: Reader, page: Page) -> None:
    page.goto("/access")
    reader.follow(page, "Read and sign the usage agreement")
    page.fill("[name=typed_name]", "Somebody Else")
    page.check("[name=read]")
    reader.press(page, "Sign the agreement")
    expect(page.locator("#f-typed_name")).to_have_attribute("aria-invalid", "true")
    page.fill("[name=typed_name]", NAME[reader.language])
    page.check("[name=read]")
    reader.press(page, "Sign the agreement")
    page.goto("/policies/open-research")
    expect(page.locator(".notice-ok")).to_contain_text(reader("You have signed this version"))


def ask(reader: Reader, page: Page) -> None:
    page.locator("summary", has_text="curl").click()
    page.fill("[name=path]", WANTED)
    reader.press(page, "Get a download address")


def download_address(reader: Reader, page: Page) -> str:
    page.goto("/access")
    ask(reader, page)
    shown = page.locator(".code-line", has_text=reader("Download address")).locator("code")
    return shown.first.inner_text()


def stop(reader: Reader, slug: str) -> None:
    """The steward suspends the grant, then stops offering the dataset."""
    page = reader.page("steward")
    page.goto(f"/access/dataset/{slug}")
    page.get_by_role("link", name=NAME[reader.language]).click()
    page.locator("#f-reason").fill(REASON)
    reader.press(page, "Suspend the grant")
    page.goto(f"/datasets/{slug}")
    page.fill("[name=reason]", REASON)
    reader.press(page, "Stop offering it")


def refused(page: Page) -> set[str]:
    """The codes of the refusal's reasons, each of which says what to do and who can."""
    reasons = page.locator(".refusal .blockers li")
    for reason in reasons.all():
        assert reason.locator(".remedy").inner_text().strip()
        assert reason.locator(".actor").inner_text().strip()
    return {code.inner_text() for code in reasons.locator("code").all()}


def test_a_held_package_is_released_by_the_steward_and_fetched(
    reader: Reader, site: Site, tmp_path: Path
) -> None:
    title = f"package {reader.language}"
    page = reader.page("researcher")
    page.goto("/exports")
    page.select_option("#f-grant_id", index=1)
    page.fill("[name=patterns]", "편지/1*.txt")
    page.fill("#f-title", title)
    reader.press(page, "Ask for the package")
    worlds.pack(site.runtime, ("KR_PHONE_NUMBER",))
    page.reload()
    expect(page.locator("main")).to_contain_text(reader("Held for review"))

    release(reader, title)

    page.reload()
    with page.expect_download() as fetched:
        reader.press(page, "Download the ZIP file")
    fetched.value.save_as(tmp_path / "package.zip")
    assert f"편지/{10}.txt" in zipfile.ZipFile(tmp_path / "package.zip").namelist()


def release(reader: Reader, title: str) -> None:
    page = reader.page("steward")
    page.goto("/review/exports")
    card = page.locator("section.card", has_text=title)
    expect(card.locator(".finding-context")).to_contain_text("●")
    card.get_by_role("link", name=reader("Look at it and decide")).click()
    page.check("[name=decision][value=release]")
    page.fill("[name=reason]", REASON)
    reader.press(page, "Record the decision")
    expect(page.locator("section.card", has_text=title)).to_have_count(0)


def test_the_auditor_finds_an_entry_and_takes_its_proof(reader: Reader) -> None:
    page = reader.page("auditor")
    page.goto("/audit")
    page.fill("[name=person]", "researcher")
    page.select_option("[name=action]", "agreement.signed")
    reader.press(page, "Search")
    page.locator("table.data tbody tr").first.get_by_role("link").first.click()

    expect(page.locator("main")).to_contain_text("김하늘")
    expect(page.locator("main")).to_contain_text(reader("Proved"))
    address = page.get_by_role("link", name=reader("Download the proof")).get_attribute("href")
    proof = page.request.get(address or "").text()
    assert re.match("c2sp.org/tlog-proof@v1\n", proof)


def test_the_document_of_the_api_is_there_to_read(open_page: OpenPage) -> None:
    page = open_page("ko")
    page.goto("/docs")
    document = json.loads(page.request.get("/openapi.json").text())
    expect(page.locator("main h2")).to_have_count(len(document["paths"]))
