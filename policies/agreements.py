"""Usage agreements: both texts and the terms that rules can read, bound by one hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

from policies.facts import AgreementTerms
from policies.rules import digest
from policies.vocabulary import Condition, Purpose

FILES: Final = ("ko.md", "en.md", "terms.toml")
HASH_LABEL: Final = "sumun-agreement-v1"
_CODE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_HANGUL = re.compile("[\uac00-\ud7a3]")


class AgreementError(Exception):
    """An agreement is not whole; ``file`` names the file, the message what is wrong with it."""

    def __init__(self, file: str, message: str) -> None:
        super().__init__(f"{file}: {message}")
        self.file = file
        self.reason = message


class Signature(StrEnum):
    """Who must sign: the person alone, or also the organisation's signing official."""

    PERSONAL = "personal"
    PERSONAL_AND_ORGANISATION = "personal+organisation"


class Change(StrEnum):
    """What a version changes against the one before, and so what signers must do.

    ``MINOR`` asks nothing of them; ``MATERIAL`` and ``ADVERSE`` (to the user's disadvantage) ask
    for a new signature within the notice period.
    """

    FIRST = "first"
    MINOR = "minor"
    MATERIAL = "material"
    ADVERSE = "adverse"


NOTICE_DAYS: Final = {Change.FIRST: 0, Change.MINOR: 0, Change.MATERIAL: 7, Change.ADVERSE: 30}
"""The least notice by kind of change (standard terms: 7 days, 30 when adverse)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the text says, as facts. Days are calendar days; hours count from becoming aware.

    ``third_party_processing`` covers handing data to another processor, an LLM service included.
    ``zone_term_days`` is how long work in a safe zone may take, 0 where the text sets no term.
    ``notice_days`` is the time to sign this version after it comes into force.
    """

    code: str
    version: int
    title_ko: str
    title_en: str
    change: Change
    notice_days: int
    purposes: tuple[Purpose, ...]
    training_only: bool
    redistribution: Condition
    attribution: bool
    third_party_processing: Condition
    overseas_transfer: Condition
    reidentification: bool
    destruction_on_recall: bool
    destruction_days: int
    acceptance_valid_days: int
    breach_report_hours: int
    zone_term_days: int
    signature: Signature

    def facts(self) -> AgreementTerms:
        """What rules read of these terms."""
        return AgreementTerms(
            code=self.code,
            purposes=frozenset(self.purposes),
            training_only=self.training_only,
            third_party_processing=self.third_party_processing,
            overseas_transfer=self.overseas_transfer,
            organisation_signs=self.signature is Signature.PERSONAL_AND_ORGANISATION,
            destruction_on_recall=self.destruction_on_recall,
        )


def recorded_terms(table: Mapping[str, Any]) -> Terms:
    """Terms as they stand in a record. Raises AgreementError when they are not whole."""
    return _terms(table, "the recorded terms")


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
    last: dict[str, int] = {}
    for text in texts:
        expected = last.get(text.code, 0) + 1
        if text.version != expected:
            raise AgreementError(f"{text.code}/v{expected}", "is missing")
        last[text.code] = expected


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
    _check_change(terms, f"{place}/terms.toml")
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


def parse_terms(text: str, place: str) -> Terms:
    """The terms of a terms.toml: every field, and no other. Raises AgreementError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise AgreementError(place, f"is not TOML: {fault}") from fault
    return _terms(table, place)


def _terms(table: Mapping[str, Any], place: str) -> Terms:
    names = {field.name for field in fields(Terms)}
    if table.keys() != names:
        wrong = ", ".join(sorted(table.keys() ^ names))
        raise AgreementError(place, f"these terms are missing or not known: {wrong}")
    terms = Terms(**{name: _term(name, value, place) for name, value in table.items()})
    _check_terms(terms, place)
    return terms


_TYPES: Final[Mapping[str, type]] = {
    "version": int,
    "notice_days": int,
    "purposes": list,
    "training_only": bool,
    "attribution": bool,
    "reidentification": bool,
    "destruction_on_recall": bool,
    "destruction_days": int,
    "acceptance_valid_days": int,
    "breach_report_hours": int,
    "zone_term_days": int,
}
_CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "change": Change,
    "redistribution": Condition,
    "third_party_processing": Condition,
    "overseas_transfer": Condition,
    "signature": Signature,
}


def _term(name: str, value: Any, place: str) -> Any:
    if not _has_type(name, value):
        raise AgreementError(place, f"{name} has the wrong type")
    if name == "purposes":
        return _purposes(value, place)
    return _choice(name, value, place) if name in _CHOICES else value


def _has_type(name: str, value: Any) -> bool:
    # Exactly this type: TOML's true must not pass for the number 1.
    return type(value) is _TYPES.get(name, str)


def _purposes(value: list[Any], place: str) -> tuple[Purpose, ...]:
    known = [str(purpose) for purpose in Purpose]
    if not value or not all(entry in known for entry in value):
        raise AgreementError(place, f"purposes must be some of: {', '.join(known)}")
    return tuple(map(Purpose, value))


def _choice(name: str, value: str, place: str) -> StrEnum:
    choices = [str(member) for member in _CHOICES[name]]
    if value not in choices:
        raise AgreementError(place, f"{name} must be one of: {', '.join(choices)}")
    return _CHOICES[name](value)


def _check_terms(terms: Terms, place: str) -> None:
    if terms.reidentification:
        raise AgreementError(place, "reidentification can never be allowed")
    for name in ("destruction_days", "acceptance_valid_days", "breach_report_hours"):
        if getattr(terms, name) < 1:
            raise AgreementError(place, f"{name} must be at least 1")
    for name in ("notice_days", "zone_term_days"):
        if getattr(terms, name) < 0:
            raise AgreementError(place, f"{name} must not be negative")
    if not (terms.title_ko.strip() and terms.title_en.strip()):
        raise AgreementError(place, "a title is missing")


def _check_change(terms: Terms, place: str) -> None:
    if (terms.change is Change.FIRST) != (terms.version == 1):
        raise AgreementError(place, 'version 1, and no other, has change = "first"')
    if terms.notice_days < NOTICE_DAYS[terms.change]:
        least = NOTICE_DAYS[terms.change]
        raise AgreementError(place, f"a change of this kind needs at least {least} notice_days")
