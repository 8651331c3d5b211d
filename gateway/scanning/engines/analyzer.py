"""Presidio set up without a model, without a network, with our recognizers only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import tldextract
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from gateway.scanning.engines import address, generic, korean, person
from gateway.scanning.engines.generic import IbanRecognizer
from gateway.scanning.engines.rules import RuleRecognizer
from gateway.scanning.model import THRESHOLD_PERMILLE

# Presidio's e-mail code would fetch a list of domain suffixes over the network on first use.
setattr(tldextract, "extract", tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None))  # noqa: B010

_GENERIC = (
    ("EMAIL_ADDRESS", "EmailRecognizer", generic.EMAIL_ADDRESS),
    ("CREDIT_CARD", "CreditCardRecognizer", generic.CREDIT_CARD),
    ("IP_ADDRESS", "IpRecognizer", generic.IP_ADDRESS),
    ("MAC_ADDRESS", "MacAddressRecognizer", generic.MAC_ADDRESS),
    ("US_SSN", "UsSsnRecognizer", generic.US_SSN),
    ("PHONE_NUMBER", "PhoneRecognizer", generic.PHONE_NUMBER),
    ("SECRET", "SecretRecognizer", generic.SECRET),
)
_BY_LANGUAGE = {
    "ko": (
        ("KR_RRN", "KrRrnRecognizer", korean.RRN),
        ("KR_FRN", "KrFrnRecognizer", korean.FRN),
        ("KR_PASSPORT", "KrPassportRecognizer", korean.PASSPORT),
        ("KR_DRIVER_LICENSE", "KrDriverLicenseRecognizer", korean.DRIVER_LICENSE),
        ("KR_BRN", "KrBrnRecognizer", korean.BRN),
        ("KR_CORP_REG", "KrCorpRegRecognizer", korean.CORP_REG),
        ("KR_PHONE_NUMBER", "KrPhoneNumberRecognizer", korean.PHONE),
        ("KR_BANK_ACCOUNT", "KrBankAccountRecognizer", korean.BANK_ACCOUNT),
        ("KR_VEHICLE_PLATE", "KrVehiclePlateRecognizer", korean.PLATE),
        ("KR_HEALTH_INSURANCE", "KrHealthInsuranceRecognizer", korean.HEALTH_INSURANCE),
        ("KR_ADDRESS", "KrAddressRecognizer", address.ADDRESS),
        ("PERSON", "KrPersonCueRecognizer", person.KOREAN),
    ),
    "en": (("PERSON", "EnPersonCueRecognizer", person.ENGLISH),),
}
# One pass serves every language asked for, so Presidio sees them all under one code.
_CODE = "en"


@dataclass(frozen=True, slots=True)
class Hit:
    """One accepted span in a block of text."""

    start: int
    end: int
    entity_type: str
    score_permille: int
    recognizer: str


def recognizers(languages: frozenset[str]) -> list[EntityRecognizer]:
    """Return fresh recognizers for `languages` (of `model.LANGUAGES`)."""
    rules = list(_GENERIC)
    for language in sorted(languages):
        rules += _BY_LANGUAGE[language]
    ours = [RuleRecognizer(entity, name, rule, _CODE) for entity, name, rule in rules]
    return [
        *ours,
        IbanRecognizer("IBAN_CODE", "IbanRecognizer", generic.IBAN_CODE, _CODE),
    ]


@lru_cache(maxsize=4)
def engine(languages: frozenset[str]) -> AnalyzerEngine:
    """Return the Presidio engine for `languages`; built once, it holds no state of a text."""
    registry = RecognizerRegistry(recognizers(languages), supported_languages=[_CODE])
    model = {"lang_code": _CODE, "model_name": "none"}
    return AnalyzerEngine(registry, NoOpNlpEngine([model]), supported_languages=[_CODE])


def analyze(text: str, languages: frozenset[str]) -> list[Hit]:
    """Return the hits in one block, in order of position, none overlapping another."""
    results = engine(languages).analyze(text, _CODE, score_threshold=THRESHOLD_PERMILLE / 1000)
    return _resolve([_hit(result) for result in results])


def _hit(result: RecognizerResult) -> Hit:
    name = result.recognition_metadata[RecognizerResult.RECOGNIZER_NAME_KEY]
    return Hit(result.start, result.end, result.entity_type, round(result.score * 1000), name)


def _resolve(hits: list[Hit]) -> list[Hit]:
    """Of overlapping hits keep the surest, then the longest, then the first by name."""
    order = sorted(hits, key=lambda h: (-h.score_permille, h.start - h.end, h.start, h.entity_type))
    taken = bytearray(max((hit.end for hit in hits), default=0))
    kept = []
    for hit in order:
        if not any(taken[hit.start : hit.end]):
            taken[hit.start : hit.end] = b"\1" * (hit.end - hit.start)
            kept.append(hit)
    return sorted(kept, key=lambda h: h.start)
