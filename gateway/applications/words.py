"""The words of applications for pages: purposes, steps, parts, choices."""

from __future__ import annotations

from typing import Any

from flask import Flask

from gateway.applications.models import Choice, StepKind
from gateway.applications.service_revisions import Part
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from policies.vocabulary import Purpose

PURPOSES: dict[str, Any] = {
    Purpose.ACADEMIC_RESEARCH: lazy("Academic research"),
    Purpose.COMMERCIAL_DEVELOPMENT: lazy("Commercial development"),
    Purpose.EDUCATION: lazy("Education"),
    Purpose.PUBLIC_SERVICE: lazy("Public service"),
    Purpose.DEEPFAKE_DETECTION: lazy("Detection of deepfakes"),
}
STEPS: dict[str, Any] = {
    StepKind.CREATED: lazy("Draft begun"),
    StepKind.SUBMITTED: lazy("Application handed in"),
    StepKind.RESUBMITTED: lazy("Handed in again"),
    StepKind.REVIEW_STARTED: lazy("Review begun"),
    StepKind.VOTED: lazy("A reviewer has voted"),
    StepKind.RETURNED: lazy("Returned for revision"),
    StepKind.APPROVED: lazy("Approved"),
    StepKind.REJECTED: lazy("Rejected"),
    StepKind.WITHDRAWN: lazy("Application withdrawn"),
    StepKind.CLOSED: lazy("Closed"),
    StepKind.EVIDENCE_ADDED: lazy("IRB evidence added"),
}
PARTS: dict[str, Any] = {
    Part.TITLE: lazy("Title"),
    Part.PURPOSE: lazy("Purpose of use"),
    Part.PLAN: lazy("Plan"),
    Part.SUPERVISOR: lazy("Supervisor"),
    Part.TEAM: lazy("Team"),
    Part.ORGANISATION: lazy("Organisation"),
    Part.DATASETS: lazy("Datasets"),
}
CHOICES: dict[str, Label] = {
    Choice.APPROVE: Label(Kind.OK, lazy("Approve")),
    Choice.RETURN: Label(Kind.WARN, lazy("Return for revision")),
    Choice.REJECT: Label(Kind.STOP, lazy("Reject")),
}
HINTS: dict[str, Any] = {
    Choice.APPROVE: lazy("The grant follows at once, or with the second vote of a committee."),
    Choice.RETURN: lazy("Never final: say what to mend, and the application comes back."),
    Choice.REJECT: lazy("Final for this application; a new one stays possible."),
}


def install(app: Flask) -> None:
    """Give templates the words under one name, `applying`."""
    labels.STATES.setdefault("choice", {}).update(CHOICES)
    app.jinja_env.globals["purpose_word"] = lambda code: str(PURPOSES[Purpose(code)])
    app.jinja_env.globals["applying"] = {
        "purposes": PURPOSES,
        "steps": STEPS,
        "parts": PARTS,
        "choices": CHOICES,
        "hints": HINTS,
    }
