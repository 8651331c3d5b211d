"""Languages: which one a reader gets, the Korean catalogue, and how times and sizes are shown.

The msgid is the English sentence, so English needs no catalogue. Korean comes straight from
`translations/ko/<feature>.po`, compiled in memory at start: no build step, no stale `.mo`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, Response, g, has_request_context, request
from flask_babel import Babel, Domain, gettext, lazy_gettext, ngettext

Language = Literal["ko", "en"]

LANGUAGES: tuple[Language, ...] = ("ko", "en")
DEFAULT: Language = "ko"
COOKIE = "lang"
COOKIE_SECONDS = 365 * 24 * 3600
CATALOGUES = Path(__file__).parent / "translations" / "ko"

# Babel's extractor knows these names; `lazy` is for labels made before a request exists.
lazy = lazy_gettext
_ = gettext

__all__ = [
    "CATALOGUES",
    "DEFAULT",
    "LANGUAGES",
    "Language",
    "gettext",
    "install",
    "language",
    "lazy",
    "ngettext",
    "translate",
]


def catalogue_files() -> Iterator[Path]:
    """The Korean catalogues, one per feature, in a stable order."""
    yield from sorted(CATALOGUES.glob("*.po"))


@cache
def _translations(chosen: Language) -> NullTranslations:
    if chosen == "en":
        return NullTranslations()
    merged = Catalog(locale="ko")
    for path in catalogue_files():
        with path.open("rb") as file:
            for message in read_po(file, locale="ko"):
                if message.id and message.id not in merged:
                    merged[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


def translate(chosen: Language, sentence: str, **variables: Any) -> str:
    """`sentence` in `chosen`, for mails and jobs that have no request."""
    text: str = _translations(chosen).ugettext(sentence)
    return text % variables if variables else text


class _Catalogue(Domain):  # type: ignore[misc]
    """Flask-Babel's domain, answering from the catalogues compiled at start."""

    def get_translations(self) -> NullTranslations:
        return _translations(language())


class _Babel(Babel):  # type: ignore[misc]
    domain_instance = _Catalogue()


def _known(value: str | None) -> Language | None:
    return next((chosen for chosen in LANGUAGES if chosen == value), None)


def _negotiated() -> Language:
    viewer = g.get("viewer")
    return (
        _known(request.args.get("lang"))
        or _known(request.cookies.get(COOKIE))
        or _known(getattr(viewer, "locale", None))
        or _known(request.accept_languages.best_match(LANGUAGES))
        or DEFAULT
    )


def language() -> Language:
    """The reader's language: `?lang=`, cookie, account, Accept-Language, then Korean."""
    return _negotiated() if has_request_context() else DEFAULT


def _remember(response: Response) -> Response:
    chosen = _known(request.args.get("lang"))
    if chosen and response.mimetype == "text/html":
        response.set_cookie(
            COOKIE,
            chosen,
            max_age=COOKIE_SECONDS,
            samesite="Lax",
            httponly=True,
            secure=request.is_secure,
        )
    return response


def install(app: Flask) -> None:
    """Give `app` both languages. Templates then have `_()`, `gettext`, `ngettext`, `lang()`."""
    _translations("ko")
    _Babel(app, default_locale=DEFAULT, locale_selector=language)
    app.jinja_env.globals["lang"] = language
    app.after_request(_remember)
