"""An agreement version as an ODRL 2.2 Offer in JSON-LD, for machines that compare terms.

ODRL (W3C Recommendation, 15 February 2018) is a format of export here: what decides is the text,
and the rules of `policies`. Terms that ODRL lacks (training models, transfer abroad, re-identifying
people, purposes) stand in a profile of its own, as the recommendation asks (section 4).
"""

from __future__ import annotations

from typing import Any, Final

from gateway.agreements.models import AgreementVersion
from policies.terms import Signature, Terms, recorded_terms
from policies.vocabulary import Condition, Purpose

CONTEXT: Final = "http://www.w3.org/ns/odrl.jsonld"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
DCT: Final = "http://purl.org/dc/terms/"
SKOS: Final = "http://www.w3.org/2004/02/skos/core#"
PREFIX: Final = "sumun"
Rule = dict[str, Any]

# Actions of the profile, with the ODRL action that each is a part of, and the events.
ACTIONS: Final[dict[str, tuple[str, str, str]]] = {
    "trainModels": ("odrl:use", "인공지능 모델을 학습하고 평가함", "Train and evaluate AI models"),
    "processByOthers": (
        "odrl:use",
        "대규모 언어 모델 서비스를 포함한 외부 처리",
        "Have others process the data, large language model services included",
    ),
    "transferAbroad": (
        "odrl:use",
        "국외 이전(국외 클라우드와 국외 접속 포함)",
        "Transfer abroad, clouds and access from abroad included",
    ),
    "reidentify": ("odrl:use", "개인 재식별", "Re-identify people"),
    "signForOrganisation": (
        "odrl:use",
        "기관의 서명권자가 서명함",
        "Have the organisation's signing official sign",
    ),
}
EVENTS: Final[dict[str, tuple[str, str]]] = {
    "recall": ("운영기관의 회수 통지", "Notice of a recall by the operator"),
    "breach": ("유출·분실을 알게 됨", "Becoming aware of a leak or loss"),
    "firstEntry": ("안심존에 처음 입장함", "First entry into the safe zone"),
}
PURPOSES: Final[dict[Purpose, tuple[str, str]]] = {
    Purpose.ACADEMIC_RESEARCH: ("학술 연구", "Academic research"),
    Purpose.COMMERCIAL_DEVELOPMENT: (
        "제품과 서비스의 개발",
        "Development of products and services",
    ),
    Purpose.STATISTICS: ("통계 작성", "Statistics"),
    Purpose.PUBLIC_INTEREST_ARCHIVING: ("공익적 기록 보존", "Archiving in the public interest"),
    Purpose.EDUCATION: ("교육", "Education"),
    Purpose.PUBLIC_SERVICE: ("공공 서비스", "Public service"),
    Purpose.DEEPFAKE_DETECTION: ("딥페이크 탐지", "Detection of deepfakes"),
}


def address(base: str, code: str, number: int) -> str:
    """Where a version stands as JSON-LD, which is its identifier as well."""
    return f"{base}/agreements/{code}/v{number}.jsonld"


def profile_address(base: str) -> str:
    """Where the profile's terms are defined."""
    return f"{base}/agreements/profile.jsonld"


def offer(version: AgreementVersion, base: str) -> dict[str, Any]:
    """The version as an `odrl:Offer`; `base` is the gateway's public address without a slash.

    Raises policies.terms.AgreementError when the recorded terms are not whole.
    """
    terms = recorded_terms(version.terms)
    return {
        "@context": [CONTEXT, _prefixes(base)],
        "@type": "Offer",
        "uid": address(base, version.code, version.number),
        "profile": profile_address(base),
        "dct:title": _both(terms.title_ko, terms.title_en),
        "dct:hasVersion": str(version.number),
        "dct:source": f"{base}/policies/{version.code}?v={version.number}",
        "sumun:sha256": version.sha256,
        "assigner": {"@type": "Party", "uid": base},
        "target": {
            "@type": "AssetCollection",
            "uid": f"{base}/policies/{version.code}#datasets",
        },
        "permission": _permissions(terms),
        "prohibition": _prohibitions(terms),
        "obligation": _obligations(terms, base),
    }


def profile(base: str) -> dict[str, Any]:
    """Every term that the offers use beyond ODRL's own, as SKOS concepts."""
    actions = [
        _concept(name, "Action", ko, en) | {"odrl:includedIn": {"@id": parent}}
        for name, (parent, ko, en) in ACTIONS.items()
    ]
    events = [_concept(name, "RightOperand", ko, en) for name, (ko, en) in EVENTS.items()]
    purposes = [_concept(name, "RightOperand", ko, en) for name, (ko, en) in PURPOSES.items()]
    return {
        "@context": _prefixes(base) | {"odrl": "http://www.w3.org/ns/odrl/2/", "skos": SKOS},
        "@id": profile_address(base),
        "@graph": actions + events + purposes,
    }


def _prefixes(base: str) -> dict[str, str]:
    return {PREFIX: f"{profile_address(base)}#", "dct": DCT, "xsd": XSD}


def _concept(name: str, kind: str, ko: str, en: str) -> dict[str, Any]:
    return {
        "@id": f"{PREFIX}:{name}",
        "@type": ["skos:Concept", f"odrl:{kind}"],
        "skos:prefLabel": _both(ko, en),
    }


def _both(ko: str, en: str) -> list[dict[str, str]]:
    return [{"@value": ko, "@language": "ko"}, {"@value": en, "@language": "en"}]


def _permissions(terms: Terms) -> list[Rule]:
    use: Rule = {
        "action": _use(terms),
        "constraint": [_purposes(terms), _within(f"P{terms.acceptance_valid_days}D")],
    }
    duties: list[Rule] = []
    if terms.attribution:
        duties.append({"action": "attribute"})
    if terms.signature is Signature.PERSONAL_AND_ORGANISATION:
        duties.append({"action": f"{PREFIX}:signForOrganisation"})
    if duties:
        use["duty"] = duties
    by_condition = [
        rule
        for condition in (Condition.ALLOWED, Condition.WITH_CONSENT)
        for rule in _by_condition(terms, condition)
    ]
    return [use, *by_condition]


def _use(terms: Terms) -> Any:
    """The action; a term in the safe zone refines how long it may be exercised."""
    action = f"{PREFIX}:trainModels" if terms.training_only else "odrl:use"
    if not terms.zone_term_days:
        return action.removeprefix("odrl:")
    term = [_after("firstEntry"), _within(f"P{terms.zone_term_days}D")]
    return [{"rdf:value": {"@id": action}, "refinement": term}]


def _prohibitions(terms: Terms) -> list[Rule]:
    always = [{"action": "sell"}, {"action": f"{PREFIX}:reidentify"}]
    if terms.training_only:
        always.append({"action": "display"})
    return always + _by_condition(terms, Condition.FORBIDDEN)


def _by_condition(terms: Terms, condition: Condition) -> list[Rule]:
    """The rules about passing on, processing by others and transfer that stand under `condition`;
    consent is ODRL's duty to obtain it first."""
    actions = {
        "distribute": terms.redistribution,
        f"{PREFIX}:processByOthers": terms.third_party_processing,
        f"{PREFIX}:transferAbroad": terms.overseas_transfer,
    }
    consent = {"duty": [{"action": "obtainConsent"}]}
    extra = consent if condition is Condition.WITH_CONSENT else {}
    return [{"action": name, **extra} for name, found in actions.items() if found is condition]


def _obligations(terms: Terms, base: str) -> list[Rule]:
    report: Rule = {
        "action": "inform",
        "informedParty": base,
        "constraint": [_after("breach"), _within(f"PT{terms.breach_report_hours}H")],
    }
    if not terms.destruction_on_recall:
        return [report]
    destroy = [_after("recall"), _within(f"P{terms.destruction_days}D")]
    return [report, {"action": "delete", "constraint": destroy}]


def _purposes(terms: Terms) -> Rule:
    named = [{"@id": f"{PREFIX}:{purpose}"} for purpose in terms.purposes]
    return _constraint("purpose", "isAnyOf", named)


def _after(event: str) -> Rule:
    return _constraint("event", "gt", {"@id": f"{PREFIX}:{event}"})


def _within(duration: str) -> Rule:
    return _constraint("elapsedTime", "lteq", {"@value": duration, "@type": "xsd:duration"})


def _constraint(left: str, operator: str, right: Any) -> Rule:
    return {"leftOperand": left, "operator": operator, "rightOperand": right}
