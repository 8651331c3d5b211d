"""The two questions an auditor asks most: who touched this item, and what did this person do."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from audit import stats
from audit.event import Domain
from audit.stats import Use
from gateway.clock import from_ms
from gateway.journal import Act, Outcome
from gateway.oversight.figures import Span
from gateway.oversight.queries import Question
from gateway.oversight.reading import Reading, reading
from gateway.oversight.report_rows import Accounts
from gateway.oversight.service_search import Desk, Found, search, understand
from gateway.web.paging import Window

ADDRESSES = (Act.URL_ISSUED,)
DOWNLOADS = (Act.DOWNLOAD_AUTHORIZED,)


@dataclass(frozen=True, slots=True)
class Summary:
    """What somebody did with something: `about` names the person, or the dataset.

    `key` is what the log calls them: a token, or the dataset.
    """

    about: str
    key: str | None
    downloads: int
    addresses: int
    refused: int
    other: int
    first: datetime
    last: datetime


def who_touched(desk: Desk, dataset: str, path: str, window: Window) -> tuple[Found, list[Summary]]:
    """Everybody who ever touched an item, most downloads first, and the newest entries about it.

    Asking is recorded, as every search is. Raises Problem 422, LogUnavailable.
    """
    found = search(desk, Question(dataset=dataset, item=path), window)
    token = desk.runtime.vault.token(Domain.ITEM, unicodedata.normalize("NFC", path))
    with reading(desk.runtime) as opened:
        uses = stats.touched(opened.sql, token, dataset)
        return found, _summaries(uses, _names(desk, opened))


def what_did(desk: Desk, person: str, span: Span, window: Window) -> tuple[Found, list[Summary]]:
    """What a person did in a period, by dataset, and the newest entries about them.

    `person` is as in `Question`. Asking is recorded. Raises Problem 422, LogUnavailable.
    """
    days = (span.first.isoformat(), span.last.isoformat())
    question = Question(person=person, since=days[0], until=days[1])
    found = search(desk, question, window)
    with reading(desk.runtime) as opened:
        filters = understand(desk, opened, question).filters
        token = filters.person_token or desk.runtime.vault.token(
            Domain.PERSON, filters.person or ""
        )
        uses = stats.did(opened.sql, token, [str(one) for one in Outcome], *span.ms)
        return found, _summaries(uses, lambda slug: slug or "")


def _names(desk: Desk, opened: Reading) -> Callable[[str | None], str]:
    return Accounts(desk.runtime, opened, desk.directory)


def _summaries(uses: Iterable[Use], name: Callable[[str | None], str]) -> list[Summary]:
    by_about: dict[str | None, list[Use]] = {}
    for use in uses:
        by_about.setdefault(use.about, []).append(use)
    found = [_summary(name(about), about, some) for about, some in by_about.items()]
    return sorted(found, key=lambda one: (-one.downloads, -one.addresses, one.about))


def _summary(about: str, key: str | None, uses: list[Use]) -> Summary:
    def count(*acts: str) -> int:
        return sum(use.entries for use in uses if use.action in acts and not _refused(use))

    refused = sum(use.entries for use in uses if _refused(use))
    downloads, addresses = count(*DOWNLOADS), count(*ADDRESSES)
    total = sum(use.entries for use in uses)
    first, last = min(use.first_ms for use in uses), max(use.last_ms for use in uses)
    return Summary(
        about, key, downloads, addresses, refused, total - downloads - addresses - refused,
        from_ms(first), from_ms(last),
    )  # fmt: skip


def _refused(use: Use) -> bool:
    return use.outcome == Outcome.DENY
