"""The words of GA4GH AAI 1.2 and Passport 1.2: types, media types, lifetimes, bounds."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

SCOPE: Final = "ga4gh_passport_v1"
PASSPORT_CLAIM: Final = "ga4gh_passport_v1"
VISA_CLAIM: Final = "ga4gh_visa_v1"
PASSPORT_TYP: Final = "vnd.ga4gh.passport+jwt"
VISA_TYP: Final = "vnd.ga4gh.visa+jwt"
PASSPORT_TOKEN: Final = "urn:ga4gh:params:oauth:token-type:passport"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"

# Long enough to hand a passport to a clearinghouse, short enough that a stolen one is worth little.
PASSPORT_LIFE: Final = timedelta(minutes=10)
VISA_LIFE: Final = timedelta(hours=1)
SKEW: Final = timedelta(seconds=60)

LONGEST_PASSPORT: Final = 128 * 1024
LONGEST_VISA: Final = 8 * 1024
MOST_VISAS: Final = 64
LONGEST_FIELD: Final = 255
MOST_CLAUSES: Final = 64


class VisaType(StrEnum):
    """The standard types that the gateway issues (Passport 1.2)."""

    AFFILIATION = "AffiliationAndRole"
    TERMS = "AcceptedTermsAndPolicies"
    RESEARCHER = "ResearcherStatus"
    GRANT = "ControlledAccessGrants"


class Authority(StrEnum):
    """`by`: with what authority the source says it."""

    SELF = "self"
    PEER = "peer"
    SYSTEM = "system"
    SO = "so"
    DAC = "dac"
