"""Data-use documents as DUOS writes them (Data Use Schema V4), read as studies and terms.

DUOS is the Broad Institute's committee system; datasets that come from it carry such documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policies.duo import Code, Kind, Matching, Study, Term, match
from policies.ontology import Ontology

_KINDS: Final = {
    "generalUse": Kind.GENERAL,
    "hmbResearch": Kind.HEALTH,
    "populationOriginsAncestry": Kind.ANCESTRY,
    "methodsResearch": Kind.METHODS,
}
_PERMISSIONS: Final = {
    "generalUse": Code.GRU,
    "hmbResearch": Code.HMB,
    "populationOriginsAncestry": Code.POA,
    "nonProfitUse": Code.NPUNCU,
    "geneticStudiesOnly": Code.GSO,
    "ethicsApprovalRequired": Code.IRB,
    "collaboratorRequired": Code.COL,
    "publicationResults": Code.PUB,
}
_VALUED: Final = {"geographicalRestrictions": Code.GS, "publicationMoratorium": Code.MOR}
_JUDGEMENT: Final = (
    "controls",
    "gender",
    "illegalBehavior",
    "notHealth",
    "pediatric",
    "population",
    "psychologicalTraits",
    "sexualDiseases",
    "stigmatizeDiseases",
    "vulnerablePopulations",
)
KNOWN: Final = frozenset(
    {*_KINDS, *_PERMISSIONS, *_VALUED, *_JUDGEMENT, "diseaseRestrictions", "methodsResearch"}
    | {"other", "secondaryOther"}
)


class DocumentError(ValueError):
    """A data-use document is malformed; the message names the field."""


def study(document: Mapping[str, Any]) -> Study:
    """The study that a purpose describes. Raises DocumentError."""
    _check(document)
    diseases = frozenset(document.get("diseaseRestrictions") or ())
    kinds = {kind for name, kind in _KINDS.items() if document.get(name)}
    profit = document.get("nonProfitUse")
    return Study(
        kinds=frozenset(kinds | ({Kind.DISEASE} if diseases else set())),
        diseases=diseases,
        non_profit_organisation=profit,
        non_commercial=profit,
        genetic=document.get("geneticStudiesOnly"),
        needs_judgement=any(document.get(name) for name in _JUDGEMENT),
        region=document.get("geographicalRestrictions"),
    )


def terms(document: Mapping[str, Any]) -> tuple[Term, ...]:
    """The terms that a dataset's document states; free text becomes a term that a person reads.

    Raises DocumentError.
    """
    _check(document)
    stated = [Term(code, "") for name, code in _PERMISSIONS.items() if document.get(name)]
    valued = [Term(code, str(document[n])) for n, code in _VALUED.items() if document.get(n)]
    diseases = [Term(Code.DS, name) for name in document.get("diseaseRestrictions") or ()]
    free = [Term(Code.RS, "") for name in ("other", "secondaryOther") if document.get(name)]
    methods = [Term(Code.NMDS, "")] if document.get("methodsResearch") is False else []
    return (*stated, *valued, *diseases, *free, *methods)


def decide(purpose: Mapping[str, Any], dataset: Mapping[str, Any], ontology: Ontology) -> Matching:
    """Compare two documents. Raises DocumentError."""
    return match(study(purpose), terms(dataset), ontology)


def _check(document: Mapping[str, Any]) -> None:
    strange = document.keys() - KNOWN
    if strange:
        raise DocumentError(f"{min(strange)} is not a field of a data-use document")
    for name, value in document.items():
        if not isinstance(value, _kinds_of(name)):
            raise DocumentError(f"{name} has the wrong type")
    if not all(isinstance(name, str) for name in document.get("diseaseRestrictions") or ()):
        raise DocumentError("diseaseRestrictions is a list of texts")


def _kinds_of(name: str) -> tuple[type, ...]:
    if name == "diseaseRestrictions":
        return (list, type(None))
    texts = {*_VALUED, "gender", "other", "secondaryOther"}
    return (str, type(None)) if name in texts else (bool, type(None))
