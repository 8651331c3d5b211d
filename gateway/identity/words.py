"""The words of identity for templates: kinds, roles, and states as chips."""

from __future__ import annotations

from typing import Any

from flask import Flask

from gateway.identity.models import (
    Acr,
    Attestation,
    AttestationKind,
    MembershipKind,
    OrganisationKind,
    Role,
)
from gateway.identity.service_attestations import IrbForm
from gateway.identity.service_seen_papers import PAPER_PREFIX, Paper
from gateway.identity.site_documents import SiteDocument
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label

ORGANISATION_KINDS: dict[str, Any] = {
    OrganisationKind.COMPANY: lazy("Company"),
    OrganisationKind.UNIVERSITY: lazy("University"),
    OrganisationKind.INSTITUTE: lazy("Research institute"),
    OrganisationKind.HOSPITAL: lazy("Hospital"),
    OrganisationKind.PUBLIC: lazy("Public body"),
}
MEMBERSHIP_KINDS: dict[str, Any] = {
    MembershipKind.MEMBER: lazy("Member"),
    MembershipKind.MANAGER: lazy("Organisation manager"),
    MembershipKind.SIGNING_OFFICIAL: lazy("Signing official"),
}
ROLES: dict[str, Any] = {
    Role.STEWARD: lazy("Data steward"),
    Role.COMMITTEE: lazy("Committee member"),
    Role.AUDITOR: lazy("Auditor"),
    Role.CONTRACTOR: lazy("Contractor"),
    Role.CROWD_WORKER: lazy("Crowd worker"),
    Role.ZONE_STAFF: lazy("Safe-zone staff"),
    Role.OPERATOR: lazy("Operator"),
}
ATTESTATION_KINDS: dict[str, Any] = {
    AttestationKind.TRAINING: lazy("Training certificate"),
    AttestationKind.IDENTITY: lazy("Identity check"),
    AttestationKind.IRB: lazy("IRB decision"),
    AttestationKind.DRB: lazy("DRB decision"),
    AttestationKind.SEPARATE_AGREEMENT: lazy("Separate agreement (foreign nationals or entities)"),
    AttestationKind.OVERSEAS_TRANSFER: lazy("Approval of transfer abroad"),
    AttestationKind.THIRD_PARTY_PROCESSING: lazy("Approval of processing by others"),
    AttestationKind.REGULATORY_SANDBOX: lazy("Regulatory sandbox"),
}
IRB_FORMS: dict[str, Any] = {
    IrbForm.APPROVAL: lazy("IRB approval"),
    IrbForm.EXEMPTION: lazy("IRB exemption"),
    IrbForm.CONSENT_WAIVER: lazy("Consent waiver"),
}
IDENTITY_LEVELS: dict[int, Any] = {
    0: lazy("Not checked"),
    1: lazy("Address or paper checked"),
    2: lazy("Second factor"),
    3: lazy("Official identity check"),
}
ACR: dict[str, Any] = {
    Acr.PASSWORD: lazy("Password only"),
    Acr.MFA: lazy("Password and second factor"),
    Acr.PHR: lazy("Passkey"),
}
DOCUMENTS: dict[str, Any] = {
    SiteDocument.TERMS: lazy("Terms of service"),
    SiteDocument.PRIVACY: lazy("Privacy notice"),
}
PAPERS: dict[str, Any] = {
    Paper.IDENTITY_CARD: lazy("Identity card"),
    Paper.DRIVING_LICENCE: lazy("Driving licence"),
    Paper.PASSPORT: lazy("Passport"),
    Paper.ALIEN_REGISTRATION: lazy("Alien registration card"),
}
SEEN_PAPERS: dict[str, Any] = {f"{PAPER_PREFIX}{paper}": name for paper, name in PAPERS.items()}


def issued_by(row: Attestation) -> Any:
    """Who stands behind a piece of evidence; a paper that somebody saw is named in words.

    Only what was checked: anybody may write anything into evidence of their own.
    """
    return SEEN_PAPERS.get(row.issuer, row.issuer) if row.checked_at else row.issuer


def strength(row: Attestation) -> Any:
    """How strong an identity check is; nothing for other evidence."""
    if row.checked_at and row.issuer in SEEN_PAPERS:
        return lazy("Paper seen by somebody in charge")
    return IDENTITY_LEVELS.get(row.level, "") if row.level else ""


STATES: dict[str, dict[str, Label]] = {
    "organisation": {
        "pending": Label(Kind.WAIT, lazy("Waiting for verification")),
        "verified": Label(Kind.OK, lazy("Verified")),
        "rejected": Label(Kind.STOP, lazy("Not verified")),
        "suspended": Label(Kind.STOP, lazy("Suspended")),
    },
    "business": {
        "operating": Label(Kind.OK, lazy("Operating")),
        "suspended": Label(Kind.WARN, lazy("Business suspended")),
        "closed": Label(Kind.STOP, lazy("Business closed")),
    },
    "registration": {
        "same": Label(Kind.OK, lazy("As registered")),
        "different": Label(Kind.STOP, lazy("Not as registered")),
    },
    "membership": {
        "waiting": Label(Kind.WAIT, lazy("Waiting for confirmation")),
        "confirmed": Label(Kind.OK, lazy("Confirmed")),
    },
    "role": {
        "waiting": Label(Kind.WAIT, lazy("Waiting for a second person")),
        "counts": Label(Kind.OK, lazy("In effect")),
        "ended": Label(Kind.OFF, lazy("Ended")),
    },
    "attestation": {
        "waiting": Label(Kind.WAIT, lazy("Waiting for a check")),
        "checked": Label(Kind.OK, lazy("Checked")),
        "expired": Label(Kind.OFF, lazy("Expired")),
        "ended": Label(Kind.OFF, lazy("Ended")),
    },
}


def install(app: Flask) -> None:
    """Give templates the words under one name, `people`, and the states to `state_chip`."""
    labels.STATES.update(STATES)
    app.jinja_env.globals["people"] = {
        "organisation_kinds": ORGANISATION_KINDS,
        "membership_kinds": MEMBERSHIP_KINDS,
        "roles": ROLES,
        "attestation_kinds": ATTESTATION_KINDS,
        "irb_forms": IRB_FORMS,
        "identity_levels": IDENTITY_LEVELS,
        "issued_by": issued_by,
        "strength": strength,
        "documents": DOCUMENTS,
        "acr": ACR,
    }
