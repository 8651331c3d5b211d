"""How a stated study fits a dataset's data use terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.access.query import Row
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
        non_profit_organisation=stated.get("non_profit_organisation"),
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
