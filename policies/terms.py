"""The terms of a usage agreement: what its text says, as facts that rules can read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from policies.facts import AgreementTerms
from policies.vocabulary import Condition, Purpose


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
MINOR_MAY_CHANGE: Final = frozenset({"version", "title_ko", "title_en", "change", "notice_days"})
"""What a minor version may say otherwise: signatures carry over, so nothing that binds."""


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


def check_change(terms: Terms, place: str) -> None:
    """Whether kind of change, number and notice fit together. Raises AgreementError."""
    if (terms.change is Change.FIRST) != (terms.version == 1):
        raise AgreementError(place, 'version 1, and no other, has change = "first"')
    if terms.notice_days < NOTICE_DAYS[terms.change]:
        least = NOTICE_DAYS[terms.change]
        raise AgreementError(place, f"a change of this kind needs at least {least} notice_days")


def check_minor(before: Terms, after: Terms, place: str) -> None:
    """Whether a minor version binds its signers to what they signed, and to nothing else.

    Raises AgreementError naming every term that differs from `before`, the version before it.
    """
    if after.change is not Change.MINOR:
        return
    names = (field.name for field in fields(Terms) if field.name not in MINOR_MAY_CHANGE)
    differing = [name for name in names if _said(before, name) != _said(after, name)]
    if differing:
        raise AgreementError(
            place,
            f"a minor change leaves what v{before.version} binds to as it is, but these terms "
            f"differ: {', '.join(differing)}",
        )


def _said(terms: Terms, name: str) -> object:
    value = getattr(terms, name)
    # The order in which purposes are listed says nothing.
    return frozenset(value) if name == "purposes" else value
