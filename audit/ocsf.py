"""Maps action codes to OCSF class and activity numbers.

The numbers are written into each leaf, so a later change here never alters an old one.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

SCHEMA_VERSION = "1.3.0"


class Outcome(StrEnum):
    """How an action ended: done, failed, or what the decision was."""

    SUCCESS = "success"
    FAILURE = "failure"
    ALLOW = "allow"
    DENY = "deny"
    REVIEW = "review"
    DELEGATED = "delegated"


class OcsfClass(IntEnum):
    """OCSF event classes in use."""

    ACCOUNT_CHANGE = 3001
    AUTHENTICATION = 3002
    ENTITY_MANAGEMENT = 3004
    USER_ACCESS_MANAGEMENT = 3005
    API_ACTIVITY = 6003
    DATASTORE_ACTIVITY = 6005
    FILE_HOSTING = 6006


_CLASSES = {
    "account": OcsfClass.ACCOUNT_CHANGE,
    "person": OcsfClass.ACCOUNT_CHANGE,
    "password": OcsfClass.ACCOUNT_CHANGE,
    "identity": OcsfClass.ACCOUNT_CHANGE,
    "session": OcsfClass.AUTHENTICATION,
    "signin": OcsfClass.AUTHENTICATION,
    "role": OcsfClass.USER_ACCESS_MANAGEMENT,
    "grant": OcsfClass.USER_ACCESS_MANAGEMENT,
    "membership": OcsfClass.USER_ACCESS_MANAGEMENT,
    "organisation": OcsfClass.ENTITY_MANAGEMENT,
    "project": OcsfClass.ENTITY_MANAGEMENT,
    "dataset": OcsfClass.ENTITY_MANAGEMENT,
    "version": OcsfClass.ENTITY_MANAGEMENT,
    "agreement": OcsfClass.ENTITY_MANAGEMENT,
    "acceptance": OcsfClass.ENTITY_MANAGEMENT,
    "application": OcsfClass.ENTITY_MANAGEMENT,
    "audit": OcsfClass.DATASTORE_ACTIVITY,
    "log": OcsfClass.DATASTORE_ACTIVITY,
    "download": OcsfClass.FILE_HOSTING,
    "url": OcsfClass.FILE_HOSTING,
    "export": OcsfClass.FILE_HOSTING,
    "package": OcsfClass.FILE_HOSTING,
    "zone_file": OcsfClass.FILE_HOSTING,
}

_CRUD = {
    "created": 1, "submitted": 1, "imported": 1, "accepted": 1, "signed": 1,
    "read": 2, "viewed": 2, "searched": 2, "verified": 2, "proved": 2,
    "updated": 3, "changed": 3, "decided": 3, "approved": 3, "returned": 3, "released": 3,
    "deleted": 4, "withdrawn": 4, "rejected": 4, "closed": 4,
}  # fmt: skip
_ACTIVITIES: dict[OcsfClass, dict[str, int]] = {
    OcsfClass.ACCOUNT_CHANGE: {
        "created": 1, "enabled": 2, "changed": 3, "reset": 4, "disabled": 5, "suspended": 5,
        "deleted": 6, "locked": 9, "unlocked": 12,
    },
    OcsfClass.AUTHENTICATION: {"created": 1, "started": 1, "failed": 1, "ended": 2, "revoked": 2},
    OcsfClass.ENTITY_MANAGEMENT: _CRUD,
    OcsfClass.USER_ACCESS_MANAGEMENT: {
        "created": 1, "granted": 1, "added": 1,
        "revoked": 2, "removed": 2, "expired": 2, "ended": 2,
    },
    OcsfClass.API_ACTIVITY: _CRUD,
    OcsfClass.DATASTORE_ACTIVITY: {"read": 1, "viewed": 1, "searched": 4, "verified": 4},
    OcsfClass.FILE_HOSTING: {
        "submitted": 1, "authorized": 2, "completed": 2, "served": 2, "fetched": 2,
        "issued": 12, "released": 12, "revoked": 13,
    },
}  # fmt: skip
_OTHER = 99


def classify(action: str) -> tuple[OcsfClass, int]:
    """Return (class, activity number) of an action such as `download.authorized`."""
    head, _, _ = action.partition(".")
    ocsf_class = _CLASSES.get(head, OcsfClass.API_ACTIVITY)
    verb = action.rpartition(".")[2]
    return ocsf_class, _ACTIVITIES[ocsf_class].get(verb, _OTHER)


def status(outcome: Outcome) -> int:
    """Return OCSF `status_id`: 1 success, 2 failure, 99 neither."""
    if outcome in (Outcome.SUCCESS, Outcome.ALLOW):
        return 1
    return 2 if outcome in (Outcome.FAILURE, Outcome.DENY) else _OTHER


def severity(outcome: Outcome) -> int:
    """Return OCSF `severity_id`: 2 low for refusals and failures, else 1 informational."""
    return 2 if outcome in (Outcome.FAILURE, Outcome.DENY) else 1
