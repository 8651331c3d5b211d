"""GA4GH Data Use Ontology: does a study fit the data use terms of a dataset?

All 23 coded terms (https://github.com/EBISPOT/DUO). Permissions are alternatives: a study fits when
one of them covers each of its kinds. Modifiers all apply. Methods development is allowed unless
NMDS forbids it. What the terms leave to a person is ``ABSTAIN``, never a yes; a ground for ``DENY``
outweighs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.ontology import Ontology
from policies.vocabulary import Match


class Code(StrEnum):
    """The coded terms by shorthand."""

    GRU = "GRU"
    HMB = "HMB"
    DS = "DS"
    POA = "POA"
    NRES = "NRES"
    NMDS = "NMDS"
    NPUNCU = "NPUNCU"
    NPU = "NPU"
    NCU = "NCU"
    NPOA = "NPOA"
    GSO = "GSO"
    GS = "GS"
    RS = "RS"
    PUB = "PUB"
    COL = "COL"
    IRB = "IRB"
    MOR = "MOR"
    TS = "TS"
    US = "US"
    PS = "PS"
    IS = "IS"
    RTN = "RTN"
    CC = "CC"


NUMBERS: Final = {
    "0000042": Code.GRU, "0000006": Code.HMB, "0000007": Code.DS, "0000011": Code.POA,
    "0000004": Code.NRES, "0000015": Code.NMDS, "0000018": Code.NPUNCU, "0000045": Code.NPU,
    "0000046": Code.NCU, "0000044": Code.NPOA, "0000016": Code.GSO, "0000022": Code.GS,
    "0000012": Code.RS, "0000019": Code.PUB, "0000020": Code.COL, "0000021": Code.IRB,
    "0000024": Code.MOR, "0000025": Code.TS, "0000026": Code.US, "0000027": Code.PS,
    "0000028": Code.IS, "0000029": Code.RTN, "0000043": Code.CC,
}  # fmt: skip
PERMISSIONS: Final = frozenset({Code.GRU, Code.HMB, Code.DS, Code.POA, Code.NRES})
DUTIES: Final = frozenset({Code.PUB, Code.COL, Code.IRB, Code.MOR, Code.RTN})
"""Terms that bind the holder afterwards or ask for evidence; they do not decide the match."""

_TERM = re.compile(r"DUO:(\d{7})(?:=(\S.{0,199}))?")


class TermError(ValueError):
    """A data use term is malformed; the message names it."""


class Kind(StrEnum):
    """What a study does."""

    GENERAL = "general"
    HEALTH = "health"
    DISEASE = "disease"
    ANCESTRY = "ancestry"
    METHODS = "methods"
    CLINICAL_CARE = "clinical_care"


@dataclass(frozen=True, slots=True)
class Term:
    """One data use term of a dataset, such as ``DUO:0000007=DOID:162``; ``value`` may be empty."""

    code: Code
    value: str

    @classmethod
    def parse(cls, text: str) -> Term:
        """Read ``DUO:<7 digits>`` or ``DUO:<7 digits>=<value>``. Raises TermError."""
        found = _TERM.fullmatch(text)
        code = NUMBERS.get(found.group(1)) if found else None
        if found is None or code is None:
            raise TermError(f"{text!r} is not a data use term")
        term = cls(code, (found.group(2) or "").strip())
        if code is Code.TS and term.value and not term.value.isdecimal():
            raise TermError(f"{text!r}: TS takes a number of months")
        if code is Code.DS and not term.value:
            raise TermError(f"{text!r}: DS names a disease, as in DUO:0000007=DOID:162")
        return term


@dataclass(frozen=True, slots=True)
class Study:
    """What an applicant says about their study. ``None`` means that they did not say.

    ``diseases`` are ontology ids, ``region`` an ISO 3166 code, ``months`` the time they need;
    ``needs_judgement`` says that it touches what no term decides: vulnerable people, children,
    one sex only, stigmatising or psychological traits, use as controls, and the like.
    """

    kinds: frozenset[Kind]
    diseases: frozenset[str] = frozenset()
    non_profit_organisation: bool | None = None
    non_commercial: bool | None = None
    genetic: bool | None = None
    needs_judgement: bool = False
    region: str | None = None
    months: int | None = None
    person: str | None = None
    organisation: str | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How one matter of the study fits: ``subject`` is a kind or a term."""

    match: Match
    subject: Kind | Code | None


@dataclass(frozen=True, slots=True)
class Matching:
    """The answer with its grounds (without those that approve) and the duties that come with it."""

    match: Match
    findings: tuple[Finding, ...]
    duties: tuple[Code, ...]


def match(study: Study, terms: Iterable[Term], ontology: Ontology) -> Matching:
    """Compare a study with the terms of a dataset; a dataset without any term fits every study."""
    known = tuple(terms)
    findings = tuple(_findings(study, known, ontology)) if known else ()
    open_findings = tuple(f for f in findings if f.match is not Match.APPROVE)
    return Matching(
        _overall(f.match for f in open_findings),
        open_findings,
        tuple(sorted({term.code for term in known} & DUTIES)),
    )


def _overall(matches: Iterable[Match]) -> Match:
    found = set(matches)
    return next((m for m in (Match.DENY, Match.ABSTAIN) if m in found), Match.APPROVE)


def _findings(study: Study, terms: tuple[Term, ...], ontology: Ontology) -> Iterator[Finding]:
    permissions = tuple(term for term in terms if term.code in PERMISSIONS)
    if study.needs_judgement:
        yield Finding(Match.ABSTAIN, None)
    if not study.kinds and (permissions or not _says_profit(study)):
        yield Finding(Match.ABSTAIN, None)
    for kind in sorted(study.kinds):
        yield Finding(_kind(kind, study, terms, permissions, ontology), kind)
    for term in terms:
        if term.code in _MODIFIERS:
            yield Finding(_MODIFIERS[term.code](study, term), term.code)


def _says_profit(study: Study) -> bool:
    return study.non_commercial is not None or study.non_profit_organisation is not None


def _kind(
    kind: Kind,
    study: Study,
    terms: tuple[Term, ...],
    permissions: tuple[Term, ...],
    ontology: Ontology,
) -> Match:
    if kind is Kind.CLINICAL_CARE:
        return _either(any(term.code in {Code.CC, Code.NRES} for term in terms))
    if not permissions:
        return Match.ABSTAIN
    if kind is Kind.METHODS:
        # A methods study needs no fitting permission, but one on diseases must fit as well.
        return Match.APPROVE
    if kind is Kind.DISEASE:
        return _either(_covers_diseases(study, permissions, ontology))
    codes = {term.code for term in permissions}
    return _either(not codes.isdisjoint(_COVERING[kind]))


_COVERING: Final = {
    Kind.GENERAL: {Code.GRU, Code.NRES},
    Kind.HEALTH: {Code.GRU, Code.NRES, Code.HMB},
    Kind.ANCESTRY: {Code.GRU, Code.NRES, Code.POA},
}


def _covers_diseases(study: Study, permissions: tuple[Term, ...], ontology: Ontology) -> bool:
    """Each disease of the study is one of the dataset's or lies under one of them."""
    if any(term.code in _COVERING[Kind.HEALTH] for term in permissions):
        return True
    allowed = {ontology.canonical(term.value) for term in permissions if term.code is Code.DS}
    lines = [ontology.ancestors(disease) for disease in study.diseases]
    return bool(lines) and all(not line.isdisjoint(allowed) for line in lines)


def _either(holds: bool) -> Match:
    return Match.APPROVE if holds else Match.DENY


def _claimed(*claims: bool | None) -> Match:
    """What the applicant must have claimed; silence is not a claim."""
    return _either(all(claim is True for claim in claims))


def _among(value: str | None, term: Term) -> Match:
    """The value is one of those the term names; without names or a value a person decides."""
    names = {name.strip() for name in term.value.split(",") if name.strip()}
    return Match.ABSTAIN if value is None or not names else _either(value in names)


def _within_months(study: Study, term: Term) -> Match:
    if study.months is None or not term.value:
        return Match.ABSTAIN
    return _either(study.months <= int(term.value))


def _excludes(kind: Kind) -> Callable[[Study, Term], Match]:
    return lambda study, _term: _either(kind not in study.kinds)


_MODIFIERS: Final[dict[Code, Callable[[Study, Term], Match]]] = {
    Code.NMDS: _excludes(Kind.METHODS),
    Code.NPOA: _excludes(Kind.ANCESTRY),
    Code.NPU: lambda study, _term: _claimed(study.non_profit_organisation),
    Code.NCU: lambda study, _term: _claimed(study.non_commercial),
    Code.NPUNCU: lambda study, _term: _claimed(study.non_profit_organisation, study.non_commercial),
    Code.GSO: lambda study, _term: _claimed(study.genetic),
    Code.RS: lambda _study, _term: Match.ABSTAIN,
    Code.GS: lambda study, term: _among(study.region, term),
    Code.US: lambda study, term: _among(study.person, term),
    Code.IS: lambda study, term: _among(study.organisation, term),
    Code.PS: lambda study, term: _among(study.project, term),
    Code.TS: _within_months,
}
