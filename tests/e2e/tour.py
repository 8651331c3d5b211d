"""Every page of the site, seen once in a language by someone who may see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.e2e.surfing import Site, sign_in
from tests.worlds import IMAGES, LETTERS, VOICES
from tests.zoned import MEMORY, STAFF, VISITOR, ZONE

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
WIDTHS = (1280, 768, 360)
# By account ("" before sign-in). What stands without a slash is a name in `Town.paths`.
STOPS: dict[str, tuple[str, ...]] = {
    "": (
        "/", "/projects", "/policies", "/policies/health", "/policies/open-research/diff",
        "signing", "/datasets", "/datasets?q=nothing",
        f"/datasets/{IMAGES}", f"/datasets/{LETTERS}/versions/v1", "/sign-in", "/sign-up",
        "/terms", "/privacy", "/docs", "/no/such/page", "/crowd/sign-up",
    ),
    "researcher": (
        f"/datasets/{LETTERS}", f"/datasets/{IMAGES}", f"/apply/{IMAGES}", "/applications",
        f"/datasets/{IMAGES}?purpose=education&uses=reidentification&study_kinds=ancestry",
        "approved", "waiting", "returned", "edit", "draft", "/access", "/exports", "released",
        "held", "refused", "/account", "/account/accesses", "/account/password", "/account/close",
        "/orgs", "/orgs?q=한빛", "/orgs/new", "university", "/policies/open-research",
        "/policies/health", "/audit", "/account/factors/add-passkey", "/account/factors/add-app",
        "/account/step-up", "/account/passports", "/account/identity-check", "/oauth2/device",
        "/tasks",
    ),
    "newcomer": ("/applications", "/access", "/exports", f"/apply/{VOICES}", "/account"),
    "company": (
        "/access", "company", "company_documents", "company_invitations", "company_programs",
        "company_provisioning", "company_seats", "company_signatures",
    ),
    "steward": (
        "/review", "review", "/review/versions", f"/datasets/{LETTERS}/versions/v2",
        f"/datasets/{LETTERS}", f"/access/dataset/{LETTERS}", "grant", "suspended",
        "/review/exports", "held", "/attestations", "/approvals", "/orgs", "institute",
        "/policies", "/policies/health", "/policies/open-research?v=2", "/policies/who",
        f"/policies/who?dataset={LETTERS}", f"/policies/who?dataset={IMAGES}",
        "/policies/person?account=nobody.here", "/policies/person?account=researcher",
        "/policies/what-if", f"/policies/what-if?account=researcher&dataset={IMAGES}",
        f"/policies/what-if?account=newcomer&dataset={LETTERS}&change=true&grant=live",
        "/policies/releases", "rules", "/tasks/desk", "/identity-checks",
    ),
    "committee2": ("/review", "committee"),
    VISITOR: (
        f"/datasets/{MEMORY}", "/access", "/zones", f"/zones/{ZONE}",
        f"/zones/{ZONE}/files/{MEMORY}/v1",
    ),
    STAFF: ("/zones", f"/zones/{ZONE}", "/zone-desk", "/zone-desk?day=2020-01-01"),
    "auditor": (
        "/", "/audit", "/audit?action=grant.&outcome=success", "/audit?since=x", "/audit/9",
        "/audit/checkpoints", "/audit/overview", "/audit/overview?until=2020-01-02",
        f"/audit/item?dataset={LETTERS}&item=편지/02.txt", "/audit/item?dataset=voices&item=none",
        "/audit/person?person=researcher", "/audit/anomalies", "/audit/anomalies?state=dismissed",
        "anomaly", "/audit/reports", "/audit/reports/rights?since=2026-01-01&until=2026-12-31",
        "/audit/reports/rights?since=2020-01-01&until=2020-01-31", "log_review", "log_exception",
        "log_signed", "/emergency",
    ),
    "first.operator": ("/roles", "/emergency"),
}  # fmt: skip
SENTENCES = """() => {
  const seen = [], skip = "code, pre, time, svg, [lang]:not(html)";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode());)
    if (!node.parentElement.closest(skip) && node.data.trim())
      seen.push(node.data.trim().replace(/\\s+/g, " "));
  for (const element of document.querySelectorAll("[aria-label], [placeholder], [data-label]"))
    for (const name of ["aria-label", "placeholder", "data-label"])
      if (element.getAttribute(name) && !element.closest(skip))
        seen.push(element.getAttribute(name));
  return seen;
}"""


@dataclass(frozen=True, slots=True)
class Sight:
    """One page as a person of the town saw it."""

    account: str
    path: str
    status: int
    title: str
    language: str | None
    headings: list[str]
    sentences: list[str]
    violations: list[str]
    too_wide: list[int]
    console: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.account or 'anyone'} {self.path}"


def travel(browser: Browser, site: Site, language: str, pictures: Path) -> Iterator[Sight]:
    """See every stop; pictures of each at three widths go to `pictures`."""
    names: dict[str, int] = defaultdict(int)
    for account, stops in STOPS.items():
        context = browser.new_context(
            base_url=site.base, locale="en-GB", color_scheme="light", reduced_motion="reduce"
        )
        page = _signed_in(context, account, language)
        console: list[str] = []
        page.on("console", lambda message, said=console: said.extend(_error(message)))
        page.on("pageerror", lambda error, said=console: said.append(str(error)))
        for stop in stops:
            console.clear()
            path = site.town.paths.get(stop, stop)
            plain = f"{account or 'anyone'}-{stop.split('?')[0].strip('/').replace('/', '-')}"
            names[plain] += 1
            yield _see(page, account, path, language, pictures / f"{plain}-{names[plain]}", console)
        context.close()


def _error(message: ConsoleMessage) -> list[str]:
    """A refusal of the security policy is an error; so is a refused page, which is meant."""
    meant = message.type != "error" or "Failed to load resource" in message.text
    return [] if meant else [message.text]


def _signed_in(context: BrowserContext, account: str, language: str) -> Page:
    page = context.new_page()
    page.goto(f"/sign-in?lang={language}")
    if account:
        sign_in(page, account)
    return page


def _see(
    page: Page, account: str, path: str, language: str, picture: Path, console: list[str]
) -> Sight:
    answer = page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer is not None
    too_wide = [width for width in WIDTHS if _scrolls(page, width, picture)]
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    too_wide += [width for width in WIDTHS[-1:] if _is_too_wide(page)]
    return Sight(
        account,
        path,
        answer.status,
        page.title(),
        page.get_attribute("html", "lang"),
        [heading.inner_text().strip() for heading in page.locator("h1").all()],
        page.evaluate(SENTENCES),
        _violations(page),
        too_wide,
        list(console),
    )


def _scrolls(page: Page, width: int, picture: Path) -> bool:
    page.set_viewport_size({"width": width, "height": 900})
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=f"{picture}-{width}.jpg", type="jpeg", quality=80, full_page=True)
    return _is_too_wide(page)


def _is_too_wide(page: Page) -> bool:
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))


def _violations(page: Page) -> list[str]:
    """Every rule in light, the colours again in dark."""
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    page.emulate_media(color_scheme="dark")
    found += page.evaluate("axe.run({runOnly: ['color-contrast']})")["violations"]
    page.emulate_media(color_scheme="light")
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]
