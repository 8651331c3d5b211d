"""Where sign-in may send people, and which documents ship."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest

from gateway.identity.http import safe_next
from gateway.identity.site_documents import FOLDER, SiteDocument, text_of
from gateway.identity.throttle import LONGEST_BLOCK, block


@pytest.mark.parametrize(
    "target", ["/", "/datasets/chest-ct?lang=en", "/apply/x#top", "/검색?q=말뭉치"]
)
def test_sign_in_goes_on_to_a_page_of_this_site(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None, "", "datasets", "//evil.example", "/\\evil.example", "https://evil.example/",
        "javascript:alert(1)", "/\tevil", "/a\r\nSet-Cookie: x", "/a\\b", "\\/evil", " /x", "/\x00",
    ],
)  # fmt: skip
def test_sign_in_sends_nobody_elsewhere(target: str | None) -> None:
    assert safe_next(target) == "/"


@pytest.mark.parametrize("document", list(SiteDocument))
def test_a_site_documents_hash_covers_both_languages(document: SiteDocument) -> None:
    ko, en = (FOLDER / document / name for name in ("ko.md", "en.md"))

    digest = hashlib.sha256(ko.read_bytes() + b"\0" + en.read_bytes()).hexdigest()

    assert text_of(document).sha256 == digest
    assert text_of(document).ko.count("\n## ") == text_of(document).en.count("\n## ") > 4


def test_each_further_failure_waits_longer_up_to_a_limit() -> None:
    waits = [block(beyond) for beyond in range(30)]

    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert waits[-1] == LONGEST_BLOCK
