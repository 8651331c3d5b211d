"""How a stated study fits a dataset's data use terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from gateway.access.query import Row
from gateway.identity.models import OrganisationKind
from policies.duo import Code, Finding, Kind, Matching, Study, Term, TermError, match
from policies.ontology import Ontology
from policies.vocabulary import Match, Purpose, Use

KOREA: Final = "KR"
NO_TERMS: Final = Matching(Match.APPROVE, (), ())
# Terms that cannot be read are neither a yes nor a no: a person decides.
UNREADABLE: Final = Matching(Match.ABSTAIN, (Finding(Match.ABSTAIN, None),), ())


def compare(row: Row, ontology: Ontology) -> Matching | None:
    """The grant's study, or the planned one, against the terms; None while no purpose is stated."""
    if not row.purpose:
        return None
    if not row.duo:
        return NO_TERMS
    try:
        terms = tuple(map(Term.parse, row.duo))
    except TermError:
        return UNREADABLE
    return match(_study(row, row.study or {}, terms), terms, ontology)


def grant_days(usual: int, duo: Sequence[str], stated: Mapping[str, Any]) -> int:
    """The days that a grant lasts: the usual ones, or fewer by the months that the study states
    and that TS allows. Months count as twelfths of a year.
    """
    months = [int(stated["months"])] if stated.get("months") else []
    with suppress(TermError):  # what cannot be read is left to the reviewer
        terms = map(Term.parse, duo)
        months += [int(t.value) for t in terms if t.code is Code.TS and t.value]
    return min([usual, *(each * 365 // 12 for each in months)])


def _study(row: Row, stated: Mapping[str, Any], terms: tuple[Term, ...]) -> Study:
    """What was stated, with what the record knows of the holder.

    Where any research is welcome, nobody has to say of which kind theirs is.
    """
    welcome = any(term.code in {Code.GRU, Code.NRES} for term in terms)
    commercial = row.purpose == Purpose.COMMERCIAL_DEVELOPMENT
    kinds = stated.get("kinds") or ([Kind.GENERAL] if welcome else [])
    return Study(
        kinds=frozenset(map(Kind, kinds)),
        diseases=frozenset(stated.get("diseases", ())),
        non_profit_organisation=_non_profit(row, stated),
        # Commercial development is commercial, whatever else was said of it.
        non_commercial=stated.get("non_commercial") and not commercial,
        genetic=stated.get("genetic"),
        needs_judgement=bool(stated.get("needs_judgement", False)),
        region=None if Use.OVERSEAS_TRANSFER in (row.uses or ()) else KOREA,
        months=stated.get("months"),
        person=row.account,
        organisation=str(row.organisation_id) if row.organisation_id else None,
        project=str(row.project) if row.project else None,
    )


def _non_profit(row: Row, stated: Mapping[str, Any]) -> bool | None:
    """What was said of it; a company is not one, whatever was said."""
    if row.organisation_kind == OrganisationKind.COMPANY:
        return False
    claimed: bool | None = stated.get("non_profit_organisation")
    return claimed
