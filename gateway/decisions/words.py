"""The words of decisions for pages: actions, groups of rules, ties, and facts that can be tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import Flask

from gateway.applications.words import MATCHES, PURPOSES, USES
from gateway.decisions.service_overview import Tie
from gateway.decisions.service_rules import ChangeKind
from gateway.decisions.service_whatif import MAY_BE_UNKNOWN
from gateway.identity.words import IDENTITY_LEVELS
from gateway.policy.models import Origin, ReleaseState
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from policies.vocabulary import (
    AcceptanceState,
    Action,
    Approval,
    EvidenceState,
    GrantState,
)

ACTIONS: dict[str, Any] = {
    Action.APPLY: lazy("Apply for access"),
    Action.DOWNLOAD: lazy("Download"),
    Action.PACKAGE: lazy("Take out a package"),
    Action.SUBMIT_RESULT: lazy("Bring out a result"),
    Action.FETCH_EXPORT: lazy("Fetch an export"),
    Action.READ_IN_ZONE: lazy("Read in the safe zone"),
    Action.IMPORT_TO_ZONE: lazy("Bring something into the safe zone"),
    Action.WORK_TASK: lazy("Work on a task"),
    Action.DECIDE_APPLICATION: lazy("Decide on an application"),
    Action.DECIDE_EXPORT: lazy("Decide on an export"),
}
# By rule file; a file that an operator adds stands under its own name.
GROUPS: dict[str, Any] = {
    "10-person.cedar": lazy("The person"),
    "20-organisation.cedar": lazy("The organisation"),
    "30-dataset.cedar": lazy("The dataset and its version"),
    "35-zone.cedar": lazy("The safe zone"),
    "40-evidence.cedar": lazy("Evidence"),
    "45-purpose.cedar": lazy("Purpose and uses"),
    "50-agreement.cedar": lazy("The usage agreement"),
    "60-grant.cedar": lazy("The grant"),
    "70-export.cedar": lazy("Exports"),
    "80-decider.cedar": lazy("Those who decide"),
    "90-facts.cedar": lazy("What is not known"),
}
TIES: dict[str, Label] = {
    Tie.GRANT: Label(Kind.INFO, lazy("Grant")),
    Tie.APPLICATION: Label(Kind.INFO, lazy("Application")),
    Tie.SIGNATURE: Label(Kind.INFO, lazy("Signature")),
}
CHANGES: dict[str, Label] = {
    ChangeKind.ADDED: Label(Kind.OK, lazy("Added")),
    ChangeKind.REMOVED: Label(Kind.STOP, lazy("Removed")),
    ChangeKind.CHANGED: Label(Kind.WARN, lazy("Changed")),
}
RELEASES: dict[str, Label] = {
    ReleaseState.DRAFT: Label(Kind.WAIT, lazy("Not in force yet")),
    ReleaseState.SHADOW: Label(Kind.WAIT, lazy("Rehearsed in shadow")),
    ReleaseState.IN_FORCE: Label(Kind.OK, lazy("In force")),
    ReleaseState.WITHDRAWN: Label(Kind.OFF, lazy("No longer in force")),
}
ORIGINS: dict[str, Any] = {
    Origin.PROGRAM: lazy("With the program"),
    Origin.OPERATOR: lazy("By the operator"),
}
APPROVALS: dict[str, Any] = {
    Approval.SEPARATE_AGREEMENT: lazy("Separate agreement"),
    Approval.OVERSEAS_TRANSFER: lazy("Transfer abroad"),
    Approval.THIRD_PARTY_PROCESSING: lazy("Processing by others"),
    Approval.REGULATORY_SANDBOX: lazy("Regulatory sandbox"),
}
EVIDENCE: dict[str, Any] = {
    EvidenceState.MISSING: lazy("Missing"),
    EvidenceState.VALID: lazy("Valid"),
    EvidenceState.EXPIRED: lazy("Expired"),
}
GRANTS: dict[str, Any] = {
    GrantState.NONE: lazy("No grant"),
    **{state: label.text for state, label in labels.STATES["grant"].items() if state != "ended"},
}
SIGNATURES: dict[str, Any] = {
    state: labels.STATES["acceptance"][state].text for state in map(str, AcceptanceState)
}
YES_OR_NO: dict[str, Any] = {"true": lazy("Yes"), "false": lazy("No")}


class Shape(StrEnum):
    """How a fact is asked for."""

    ONE = "select"
    SOME = "checkboxes"


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that can be tried out: its name, label, shape and words."""

    name: str
    label: Any
    shape: Shape
    words: Mapping[Any, Any]

    @property
    def options(self) -> list[tuple[str, str]]:
        """Every value with its word, for a form."""
        return [(str(value), str(text)) for value, text in self.words.items()]


FACTS = (
    Fact("grant", lazy("Grant"), Shape.ONE, GRANTS),
    Fact("acceptance", lazy("Signature of the person"), Shape.ONE, SIGNATURES),
    Fact("organisation_acceptance", lazy("Signature for the organisation"), Shape.ONE, SIGNATURES),
    Fact("purpose", lazy("Purpose of use"), Shape.ONE, PURPOSES),
    Fact(
        "duo",
        lazy("Fit with the data use terms"),
        Shape.ONE,
        {match: label.text for match, label in MATCHES.items()},
    ),
    Fact("purpose_reviewed", lazy("A reviewer agreed to the purpose"), Shape.ONE, YES_OR_NO),
    Fact("irb", lazy("IRB evidence"), Shape.ONE, EVIDENCE),
    Fact("training", lazy("Training certificate"), Shape.ONE, EVIDENCE),
    Fact("identity_level", lazy("Identity check"), Shape.ONE, IDENTITY_LEVELS),
    Fact("korean_national", lazy("Korean nationality"), Shape.ONE, YES_OR_NO),
    Fact("organisation_verified", lazy("The organisation is verified"), Shape.ONE, YES_OR_NO),
    Fact("membership_live", lazy("Belongs to the organisation"), Shape.ONE, YES_OR_NO),
    Fact("suspended", lazy("The account is suspended"), Shape.ONE, YES_OR_NO),
    Fact("uses", lazy("Uses"), Shape.SOME, USES),
    Fact("approvals", lazy("Approvals"), Shape.SOME, APPROVALS),
)


def action_options() -> list[tuple[str, str]]:
    """Every action with its word, for a select."""
    return [(str(action), str(text)) for action, text in ACTIONS.items()]


def action_words(actions: Iterable[str]) -> str:
    """Several actions in words, in the order of the vocabulary."""
    given = set(actions)
    return ", ".join(str(text) for action, text in ACTIONS.items() if action in given)


def group_word(file: str) -> str:
    """The name of a group of rules, or of the file they stand in."""
    return str(GROUPS.get(file, file))


def input_of(value: Any) -> Any:
    """A fact as a form holds it."""
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def install(app: Flask) -> None:
    """Give templates the words under one name, `deciding`."""
    labels.STATES.setdefault("tie", {}).update(TIES)
    labels.STATES.setdefault("change", {}).update(CHANGES)
    labels.STATES.setdefault("release", {}).update(RELEASES)
    app.jinja_env.globals["deciding"] = {
        "actions": ACTIONS,
        "action_words": action_words,
        "group_word": group_word,
        "origins": ORIGINS,
        "facts": FACTS,
        "may_be_unknown": MAY_BE_UNKNOWN,
        "input_of": input_of,
    }
