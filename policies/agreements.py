"""Usage agreements: both texts and the terms that rules can read, bound by one hash."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from policies.rules import digest
from policies.terms import AgreementError, Terms, check_change, check_minor, parse_terms

FILES: Final = ("ko.md", "en.md", "terms.toml")
HASH_LABEL: Final = "sumun-agreement-v1"
_CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_HANGUL = re.compile("[\uac00-\ud7a3]")


@dataclass(frozen=True, slots=True)
class AgreementText:
    """One version of an agreement: Markdown in Korean and English, terms, and hex SHA-256.

    The hash is ``rules.digest`` over the label ``sumun-agreement-v1`` (with empty content) and
    the raw bytes of ko.md, en.md and terms.toml, in this order: each name and content preceded by
    its length as 8 bytes, big endian.
    """

    code: str
    version: int
    ko: str
    en: str
    terms: Terms
    sha256: str

    @property
    def title_ko(self) -> str:
        """The Korean title."""
        return self.terms.title_ko

    @property
    def title_en(self) -> str:
        """The English title."""
        return self.terms.title_en


def default_root() -> Traversable:
    """The folder of agreements that this package carries."""
    return files("policies") / "agreements"


def load(root: Traversable | None = None) -> tuple[AgreementText, ...]:
    """Every agreement version under ``root``, by code and version.

    ``root`` holds ``<code>/v<N>/{ko.md,en.md,terms.toml}``. Raises AgreementError naming the file.
    """
    folder = root or default_root()
    try:
        found = [read(version, code.name) for code, version in _versions(folder)]
    except OSError as fault:
        raise AgreementError(str(fault.filename or folder), "cannot be read") from fault
    texts = tuple(sorted(found, key=lambda text: (text.code, text.version)))
    _check_whole(texts)
    return texts


def _check_whole(texts: Sequence[AgreementText]) -> None:
    """What a version changes is told against the one before, so none may be missing."""
    last: dict[str, Terms] = {}
    for text in texts:
        before = last.get(text.code)
        expected = before.version + 1 if before else 1
        if text.version != expected:
            raise AgreementError(f"{text.code}/v{expected}", "is missing")
        if before is not None:
            check_minor(before, text.terms, f"{text.code}/v{text.version}/terms.toml")
        last[text.code] = text.terms


def hashes(root: Traversable | None = None) -> dict[str, str]:
    """The hash of every agreement version under ``root`` by ``code/vN``. Raises AgreementError."""
    return {f"{text.code}/v{text.version}": text.sha256 for text in load(root)}


def _versions(folder: Traversable) -> Iterator[tuple[Traversable, Traversable]]:
    for code in folder.iterdir():
        if code.is_dir() and _CODE.fullmatch(code.name):
            yield from ((code, version) for version in code.iterdir() if version.is_dir())


def read(folder: Traversable, code: str) -> AgreementText:
    """One agreement version from its folder, named ``v<N>``. Raises AgreementError."""
    place = f"{code}/{folder.name}"
    number = _VERSION.fullmatch(folder.name)
    if number is None:
        raise AgreementError(place, "a version folder is named v1, v2, …")
    raw = {name: _bytes(folder / name, f"{place}/{name}") for name in FILES}
    texts = {name: _text(raw[name], f"{place}/{name}") for name in FILES}
    _check_languages(place, texts)
    terms = parse_terms(texts["terms.toml"], f"{place}/terms.toml")
    _check_name(place, terms, code, int(number.group(1)))
    check_change(terms, f"{place}/terms.toml")
    return AgreementText(
        code, terms.version, texts["ko.md"], texts["en.md"], terms, content_hash(raw)
    )


def content_hash(raw: Mapping[str, bytes]) -> str:
    """Hex SHA-256 over the three files' raw bytes; see ``AgreementText``."""
    return digest([(HASH_LABEL, b""), *((name, raw[name]) for name in FILES)])


def _bytes(file: Traversable, place: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise AgreementError(place, "is missing or cannot be read") from fault


def _text(raw: bytes, place: str) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise AgreementError(place, "is not UTF-8") from fault
    if not text.strip():
        raise AgreementError(place, "is empty")
    return text


def _check_languages(place: str, texts: Mapping[str, str]) -> None:
    if not _HANGUL.search(texts["ko.md"]):
        raise AgreementError(f"{place}/ko.md", "is not Korean")
    if _HANGUL.search(texts["en.md"]):
        raise AgreementError(f"{place}/en.md", "is not English throughout")


def _check_name(place: str, terms: Terms, code: str, version: int) -> None:
    if (terms.code, terms.version) != (code, version):
        raise AgreementError(f"{place}/terms.toml", "code and version differ from the folder's")
