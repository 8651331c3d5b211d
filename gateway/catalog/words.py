"""The catalogue's codes in words, for pages in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask

from gateway.catalog.models import Call, Tier
from gateway.catalog.schemas import Requirement
from gateway.identity.rules import countries
from gateway.scanning.model import CREDENTIAL, UNSCANNABLE, Verdict
from gateway.scanning.models import FindingRow
from gateway.web.i18n import language, lazy, ngettext
from gateway.web.labels import Kind, Label
from policies.duo import DUTIES, Code, Term, TermError
from policies.vocabulary import Content, Delivery, Modality, Sensitivity

WORDS: dict[type, dict[str, Any]] = {
    Call: {
        Call.DESIGNATED: lazy("Designated call"),
        Call.FREE: lazy("Free call"),
    },
    Modality: {
        Modality.TEXT: lazy("Text"),
        Modality.SPEECH: lazy("Speech"),
        Modality.IMAGE: lazy("Images"),
        Modality.VIDEO: lazy("Video"),
        Modality.MEDICAL_IMAGE: lazy("Medical images"),
        Modality.TABLE: lazy("Tables"),
    },
    Content: {
        Content.GENERAL: lazy("Nothing that has rules of its own"),
        Content.INTERVIEW: lazy("Job interviews"),
        Content.DRIVING: lazy("Driving video"),
        Content.HEALTH: lazy("Health"),
        Content.FACE: lazy("Faces"),
        Content.DEEPFAKE: lazy("Deepfakes"),
        Content.DISABILITY: lazy("People with disabilities"),
    },
    Sensitivity: {
        Sensitivity.OPEN: lazy("Ordinary"),
        Sensitivity.RESTRICTED: lazy("Restricted"),
        Sensitivity.SENSITIVE: lazy("Sensitive"),
        Sensitivity.CRITICAL: lazy("Highly sensitive"),
    },
    Tier: {
        Tier.INSTANT: lazy("Instant approval"),
        Tier.STEWARD: lazy("Review by the steward"),
        Tier.COMMITTEE: lazy("Review by the committee"),
    },
    Delivery: {
        Delivery.DOWNLOAD: lazy("Download"),
        Delivery.SAFE_ZONE: lazy("In the safe zone only"),
    },
    Requirement: {
        Requirement.NATIONAL: lazy("Korean nationality, or a separate agreement"),
        Requirement.ORGANISATION: lazy("A verified organisation you belong to"),
        Requirement.IDENTITY: lazy("A checked identity"),
        Requirement.TRAINING: lazy("A valid training certificate"),
        Requirement.IRB: lazy("An IRB approval, exemption or waiver for your research project"),
        Requirement.SANDBOX: lazy("A regulatory sandbox that a steward has registered"),
        Requirement.AGREEMENT: lazy("Your signature under the usage agreement"),
        Requirement.SAFE_ZONE: lazy("Work inside the safe zone: files are not downloaded"),
    },
}
# A domain is free text; these are the usual ones.
DOMAINS: dict[str, Any] = {
    "health": lazy("Health"),
    "language": lazy("Language"),
    "transport": lazy("Transport"),
    "culture": lazy("Culture"),
    "environment": lazy("Environment"),
    "agriculture": lazy("Agriculture"),
    "safety": lazy("Safety"),
    "law": lazy("Law"),
    "education": lazy("Education"),
    "customer-service": lazy("Customer service"),
}
# Terms of the GA4GH Data Use Ontology that datasets may carry.
DUO: dict[str, Any] = {
    "DUO:0000004": lazy("No restriction"),
    "DUO:0000006": lazy("Health, medical and biomedical research"),
    "DUO:0000007": lazy("Research on a named disease"),
    "DUO:0000011": lazy("Research on the origins of populations"),
    "DUO:0000012": lazy("Restricted to a kind of research"),
    "DUO:0000015": lazy("No general research on methods"),
    "DUO:0000016": lazy("Genetic studies only"),
    "DUO:0000018": lazy("Not for profit and not commercial"),
    "DUO:0000019": lazy("Results must be published"),
    "DUO:0000020": lazy("Collaboration required"),
    "DUO:0000021": lazy("Ethics approval required"),
    "DUO:0000022": lazy("Limited to a region"),
    "DUO:0000024": lazy("Publication only after a waiting time"),
    "DUO:0000025": lazy("Limited in time"),
    "DUO:0000026": lazy("Limited to named users"),
    "DUO:0000027": lazy("Limited to one research project"),
    "DUO:0000028": lazy("Limited to named institutions"),
    "DUO:0000029": lazy("Derived data must be returned"),
    "DUO:0000042": lazy("General research"),
    "DUO:0000043": lazy("Clinical care"),
    "DUO:0000044": lazy("No research on the origins of populations"),
    "DUO:0000045": lazy("Not-for-profit organisations only"),
    "DUO:0000046": lazy("Non-commercial use only"),
}
# Whom these name is nobody else's business, and ids would tell readers nothing.
NOT_SHOWN = frozenset({"DUO:0000026", "DUO:0000027", "DUO:0000028"})
# The parts of a finding's place, as `sumun scan` names them.
PLACES: dict[str, Any] = {
    "line": lazy("line"),
    "field": lazy("field"),
    "row": lazy("row"),
    "column": lazy("column"),
    "page": lazy("page"),
    "tag": lazy("tag"),
    "box": lazy("box"),
}
VERDICTS = {
    Verdict.CLEAN: Label(Kind.OK, lazy("Nothing found")),
    Verdict.EXPECTED: Label(Kind.OK, lazy("Only what was declared")),
    Verdict.REVIEW: Label(Kind.WARN, lazy("A person must look")),
    Verdict.BLOCKED: Label(Kind.STOP, lazy("Blocked: secrets found")),
}
ENTITY_TYPES: dict[str, Any] = {
    "PERSON": lazy("Name of a person"),
    "LOCATION": lazy("Place"),
    "PHONE_NUMBER": lazy("Telephone number"),
    "EMAIL_ADDRESS": lazy("E-mail address"),
    "CREDIT_CARD": lazy("Card number"),
    "IP_ADDRESS": lazy("IP address"),
    "URL": lazy("Web address"),
    "DATE_TIME": lazy("Date or time"),
    "KR_RRN": lazy("Resident registration number"),
    "KR_FRN": lazy("Foreigner registration number"),
    "KR_PASSPORT": lazy("Passport number"),
    "KR_DRIVER_LICENSE": lazy("Driver's licence number"),
    "KR_BRN": lazy("Business registration number"),
    "KR_CORP_REG": lazy("Corporate registration number"),
    "KR_PHONE_NUMBER": lazy("Korean telephone number"),
    "KR_BANK_ACCOUNT": lazy("Bank account number"),
    "KR_VEHICLE_PLATE": lazy("Vehicle number plate"),
    "KR_ADDRESS": lazy("Korean address"),
    "KR_HEALTH_INSURANCE": lazy("Health insurance number"),
    "FACE": lazy("Face"),
    "VEHICLE_PLATE": lazy("Number plate in an image"),
    "GPS_LOCATION": lazy("GPS position"),
    "DICOM_IDENTIFIER": lazy("Patient identifier in a DICOM header"),
    CREDENTIAL: lazy("Secret key"),
    UNSCANNABLE: lazy("Could not be scanned"),
}


def word(code: Any) -> str:
    """The word for a member of one of the catalogue's enumerations. Raises KeyError."""
    return str(WORDS[type(code)][code])


def entity_word(code: str) -> str:
    """The word for an entity type, or the code itself where there is none yet."""
    return str(ENTITY_TYPES.get(code, code))


def domain_word(domain: str) -> str:
    """The word for a usual domain, or the domain as it was registered."""
    return str(DOMAINS.get(domain, domain))


def duo_word(text: str) -> str:
    """A data use term in words with its value and code; as it stands where there are no words."""
    code, _sign, value = text.partition("=")
    if code not in DUO:
        return text
    said = _duo_value(code, value.strip())
    return f"{DUO[code]}: {said} ({code})" if said else f"{DUO[code]} ({code})"


def duo_conditions(terms: Iterable[str]) -> list[str]:
    """The terms that decide who may use the data, in words."""
    return [duo_word(text) for text in terms if _duo_code(text) not in DUTIES]


def duo_duties(terms: Iterable[str]) -> list[str]:
    """The duties that come with the data, in words."""
    return [duo_word(text) for text in terms if _duo_code(text) in DUTIES]


def duo_named(terms: Iterable[str], shorthand: str | None) -> list[str]:
    """The terms of one shorthand, such as `DS`, in words."""
    return [duo_word(text) for text in terms if shorthand and _duo_code(text) == shorthand]


def _duo_code(text: str) -> Code | None:
    """The shorthand of a term; None for one that an older version recorded without its value."""
    try:
        return Term.parse(text).code
    except TermError:
        return None


def _duo_value(code: str, value: str) -> str:
    if code in NOT_SHOWN:
        return ""
    if code == "DUO:0000025" and value:
        return str(ngettext("%(num)d month", "%(num)d months", int(value)))
    if code == "DUO:0000022":
        names = countries(language())
        return ", ".join(names.get(each.strip(), each.strip()) for each in value.split(","))
    return value


def place_word(part: str) -> str:
    """The word for a part of a finding's place, or the part as the scanner names it."""
    return str(PLACES.get(part, part))


def certainty(finding: FindingRow) -> int | None:
    """The score in per mille; what could not be scanned has none."""
    return None if finding.entity_type == UNSCANNABLE else finding.score_permille


def options(enumeration: type) -> list[tuple[str, str]]:
    """Every member with its word, for a select."""
    return [(code, str(text)) for code, text in WORDS[enumeration].items()]


def install(app: Flask) -> None:
    """Templates have the words as functions."""
    app.jinja_env.globals.update(
        call_word=lambda code: word(Call(code)),
        modality_word=lambda code: word(Modality(code)),
        sensitivity_word=lambda code: word(Sensitivity(code)),
        tier_word=lambda code: word(Tier(code)),
        delivery_word=lambda code: word(Delivery(code)),
        requirement_word=lambda code: word(Requirement(code)),
        verdict_label=lambda code: VERDICTS[Verdict(code)],
        entity_word=entity_word,
        domain_word=domain_word,
        content_word=lambda code: word(Content(code)),
        duo_word=duo_word,
        duo_conditions=duo_conditions,
        duo_duties=duo_duties,
        duo_named=duo_named,
        place_word=place_word,
        certainty=certainty,
    )
