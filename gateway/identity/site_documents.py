"""The site's own terms of service and privacy notice, as they ship with the gateway."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "documents"


class SiteDocument(StrEnum):
    """What everyone accepts at sign-up."""

    TERMS = "terms"
    PRIVACY = "privacy"


@dataclass(frozen=True, slots=True)
class SiteText:
    """Both texts in Markdown, and the SHA-256 over them that an acceptance names."""

    document: SiteDocument
    ko: str
    en: str
    sha256: str

    def in_language(self, language: str) -> str:
        """The text in "ko" or "en"."""
        return self.ko if language == "ko" else self.en


@cache
def text_of(document: SiteDocument) -> SiteText:
    """The text in force. The hash covers the Korean bytes, a NUL, and the English bytes."""
    ko = (FOLDER / document / "ko.md").read_bytes()
    en = (FOLDER / document / "en.md").read_bytes()
    digest = hashlib.sha256(ko + b"\0" + en).hexdigest()
    return SiteText(document, ko.decode("utf-8"), en.decode("utf-8"), digest)


def current_hashes() -> dict[SiteDocument, str]:
    """What has to be accepted now."""
    return {document: text_of(document).sha256 for document in SiteDocument}
