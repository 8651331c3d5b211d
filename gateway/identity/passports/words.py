"""What visas say, in the words of pages."""

from __future__ import annotations

from typing import Any

from gateway.identity.passports.vocabulary import Authority, VisaType
from gateway.web.i18n import lazy

VISA_TYPES: dict[str, Any] = {
    VisaType.AFFILIATION: lazy("Affiliation and role"),
    VisaType.TERMS: lazy("Accepted terms"),
    VisaType.RESEARCHER: lazy("Researcher status"),
    VisaType.GRANT: lazy("Right to a dataset"),
}
AUTHORITIES: dict[str, Any] = {
    Authority.SELF: lazy("The person themselves"),
    Authority.PEER: lazy("A peer"),
    Authority.SYSTEM: lazy("A system of the source"),
    Authority.SO: lazy("A signing official of the source"),
    Authority.DAC: lazy("Whoever decides on access"),
}
