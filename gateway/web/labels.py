"""The words for states and for who can act, once for every page (see the glossary)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Flask

from gateway.web.i18n import language, lazy
from policies.decision import Actor


class Kind(StrEnum):
    """What a chip says at a glance; each kind has its own icon, so colour is never alone."""

    OK = "ok"
    WAIT = "wait"
    WARN = "warn"
    STOP = "stop"
    INFO = "info"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Label:
    """The kind and word of one state."""

    kind: Kind
    text: Any


_SCANNING = Label(Kind.WAIT, lazy("Being scanned"))
_SUBMITTED = Label(Kind.WAIT, lazy("Submitted"))
_REJECTED = Label(Kind.STOP, lazy("Rejected"))
_EXPIRED = Label(Kind.OFF, lazy("Expired"))

# The same word ("held", "withdrawn") reads differently for each noun, so the noun comes first.
STATES: dict[str, dict[str, Label]] = {
    "application": {
        "draft": Label(Kind.OFF, lazy("Draft")),
        "submitted": _SUBMITTED,
        "in_review": Label(Kind.WAIT, lazy("In review")),
        "in_committee": Label(Kind.WAIT, lazy("Before the committee")),
        "returned": Label(Kind.WARN, lazy("Returned for revision")),
        "approved": Label(Kind.OK, lazy("Approved")),
        "rejected": _REJECTED,
        "closed": Label(Kind.OFF, lazy("Closed")),
        "withdrawn": Label(Kind.OFF, lazy("Application withdrawn")),
    },
    "version": {
        "draft": Label(Kind.OFF, lazy("In preparation")),
        "scanning": _SCANNING,
        "held": Label(Kind.WARN, lazy("Held")),
        "released": Label(Kind.OK, lazy("Open")),
        "withdrawn": Label(Kind.STOP, lazy("No longer offered")),
    },
    "grant": {
        "pending": Label(Kind.WAIT, lazy("Not active yet")),
        "live": Label(Kind.OK, lazy("Live")),
        "expired": _EXPIRED,
        "revoked": Label(Kind.STOP, lazy("Revoked")),
        "suspended": Label(Kind.STOP, lazy("Suspended")),
        "ended": Label(Kind.OFF, lazy("Ended")),
    },
    "export": {
        "submitted": _SUBMITTED,
        "scanning": _SCANNING,
        "held": Label(Kind.WARN, lazy("Export held")),
        "approved": Label(Kind.INFO, lazy("Release approved")),
        "rejected": _REJECTED,
        "released": Label(Kind.OK, lazy("Released")),
        "failed": Label(Kind.STOP, lazy("Failed")),
    },
    "acceptance": {
        "none": Label(Kind.OFF, lazy("Not signed")),
        "live": Label(Kind.OK, lazy("Signed")),
        "superseded": Label(Kind.WARN, lazy("A new version must be signed")),
        "expired": _EXPIRED,
    },
    "decision": {
        "allow": Label(Kind.OK, lazy("Allowed")),
        "deny": Label(Kind.STOP, lazy("Denied")),
        "review": Label(Kind.WAIT, lazy("Needs review")),
        "success": Label(Kind.OK, lazy("Done")),
        "failure": Label(Kind.STOP, lazy("Failed")),
        "delegated": Label(Kind.INFO, lazy("Delegated")),
    },
    "vote": {
        "approve": Label(Kind.OK, lazy("In favour")),
        "reject": Label(Kind.STOP, lazy("Against")),
        "abstain": Label(Kind.OFF, lazy("Recused")),
        "pending": Label(Kind.WAIT, lazy("Not voted yet")),
    },
}


def state_label(noun: str, state: str) -> Label:
    """The label of `state` of `noun`. Raises KeyError for a pair that has no words yet."""
    return STATES[noun][str(state)]


def actor_label(actor: str) -> str:
    """The name of who can act, in the reader's language: that of the rules, which commands and
    AuthZEN print as well. Raises ValueError when unknown."""
    named = Actor(actor)
    return named.ko if language() == "ko" else named.en[:1].upper() + named.en[1:]


def install(app: Flask) -> None:
    """Templates have `state_label(noun, state)` and `actor_label(actor)`."""
    app.jinja_env.globals.update(state_label=state_label, actor_label=actor_label)
