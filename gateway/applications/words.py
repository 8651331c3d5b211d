"""The words of applications for pages: purposes, uses, studies, steps, parts, choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask

from gateway.applications.models import Choice, StepKind
from gateway.applications.service_revisions import Part
from gateway.web import labels
from gateway.web.i18n import lazy
from gateway.web.labels import Kind, Label
from policies.duo import Kind as StudyKind
from policies.vocabulary import Approval, Match, Purpose, Use

PURPOSES: dict[str, Any] = {
    Purpose.ACADEMIC_RESEARCH: lazy("Academic research"),
    Purpose.COMMERCIAL_DEVELOPMENT: lazy("Commercial development"),
    Purpose.STATISTICS: lazy("Statistics"),
    Purpose.PUBLIC_INTEREST_ARCHIVING: lazy("Archiving in the public interest"),
    Purpose.EDUCATION: lazy("Education"),
    Purpose.PUBLIC_SERVICE: lazy("Public service"),
    Purpose.DEEPFAKE_DETECTION: lazy("Detection of deepfakes"),
}
USES: dict[str, Any] = {
    Use.MODEL_TRAINING: lazy("Train AI models"),
    Use.EVALUATION: lazy("Evaluate or test AI models"),
    Use.ANALYSIS: lazy("Analyse the data"),
    Use.SHOWING_SAMPLES: lazy("Show samples to others: in papers, talks, demonstrations"),
    Use.THIRD_PARTY_PROCESSING: lazy(
        "Let others process the data, language-model services included"
    ),
    Use.OVERSEAS_TRANSFER: lazy("Transfer abroad: overseas clouds and access from abroad included"),
    Use.VOICE_CLONING: lazy("Clone voices"),
    Use.SPEAKER_IDENTIFICATION: lazy("Recognise who is speaking"),
    Use.APPLICANT_ASSESSMENT: lazy("Judge real job applicants"),
    Use.REIDENTIFICATION: lazy("Find out who the people in the data are"),
    Use.PLATE_OR_FACE_LINKAGE: lazy("Link number plates or faces to an index of cars or people"),
    Use.BIOMETRIC_IDENTIFICATION: lazy("Make features that identify people by face or voice"),
    Use.DEEPFAKE_GENERATION: lazy("Generate deepfakes"),
}
_CONSENT = lazy("Often needs the steward's approval before you apply.")
_NEVER = lazy("Never allowed.")
_FACES = lazy("Not allowed with data on faces or deepfakes.")
_SPEECH = lazy("Not allowed with speech data.")
USE_HINTS: dict[str, Any] = {
    Use.THIRD_PARTY_PROCESSING: _CONSENT,
    Use.OVERSEAS_TRANSFER: _CONSENT,
    Use.VOICE_CLONING: _SPEECH,
    Use.SPEAKER_IDENTIFICATION: _SPEECH,
    Use.APPLICANT_ASSESSMENT: lazy("Not allowed with interview data."),
    Use.REIDENTIFICATION: _NEVER,
    Use.PLATE_OR_FACE_LINKAGE: lazy("Not allowed with driving video."),
    Use.BIOMETRIC_IDENTIFICATION: _NEVER,
    Use.DEEPFAKE_GENERATION: _FACES,
}
STUDY_KINDS: dict[str, Any] = {
    StudyKind.GENERAL: lazy("Research on other matters than health"),
    StudyKind.HEALTH: lazy("Health, medical or biomedical research"),
    StudyKind.DISEASE: lazy("Research on particular diseases"),
    StudyKind.ANCESTRY: lazy("Research on the origins of populations"),
    StudyKind.METHODS: lazy("Development of methods"),
    StudyKind.CLINICAL_CARE: lazy("Clinical care of patients"),
}
# The rest of what is said about a study, by the field of `policies.duo.Study`.
STUDY_FIELDS: dict[str, Any] = {
    "kinds": lazy("Kind of study"),
    "diseases": lazy("Diseases studied"),
    "non_profit_organisation": lazy("The organisation is not for profit"),
    "non_commercial": lazy("The use is not commercial"),
    "genetic": lazy("It is a genetic study"),
    "needs_judgement": lazy("It touches people or matters that need special care"),
    "months": lazy("Months needed"),
}
YES_OR_NO = {"True": lazy("Yes"), "False": lazy("No")}
MATCHES: dict[str, Label] = {
    Match.APPROVE: Label(Kind.OK, lazy("Fits the terms")),
    Match.ABSTAIN: Label(Kind.WAIT, lazy("A person decides")),
    Match.DENY: Label(Kind.STOP, lazy("Does not fit the terms")),
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
    Part.USES: lazy("Uses"),
    Part.STUDY: lazy("Study"),
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


def use_words(codes: Iterable[str]) -> list[str]:
    """The uses in words, in the order in which forms list them."""
    given = set(codes)
    return [str(text) for use, text in USES.items() if use in given]


def study_words(study: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was said about a study as names and words, in the order of the form."""
    said = ((name, study[name]) for name in STUDY_FIELDS if name in study)
    return [(str(STUDY_FIELDS[name]), _said(name, value)) for name, value in said]


def line_words(part: str, line: str) -> str:
    """A line of a difference in words; what people wrote themselves stays as it is."""
    if part == Part.PURPOSE and line in PURPOSES:
        return str(PURPOSES[line])
    if part == Part.USES and line in USES:
        return str(USES[line])
    if part == Part.STUDY:
        name, _sign, value = line.partition("=")
        return f"{STUDY_FIELDS[name]}: {_said(name, value)}"
    return line


def subject_word(subject: str | None) -> str:
    """What a point of the comparison is about: a kind of study, or the study as a whole."""
    return str(STUDY_KINDS.get(subject or "", lazy("The study as a whole")))


def _said(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_said(name, each) for each in value)
    words = STUDY_KINDS if name == "kinds" else YES_OR_NO
    return str(words.get(str(value), value))


def install(app: Flask) -> None:
    """Give templates the words under one name, `applying`."""
    labels.STATES.setdefault("choice", {}).update(CHOICES)
    labels.STATES.setdefault("match", {}).update(MATCHES)
    app.jinja_env.globals["purpose_word"] = lambda code: str(PURPOSES[Purpose(code)])
    app.jinja_env.globals["use_words"] = use_words
    app.jinja_env.globals["approval_kinds"] = [str(kind) for kind in Approval]
    app.jinja_env.globals["applying"] = {
        "uses": USES,
        "use_hints": USE_HINTS,
        "study_kinds": STUDY_KINDS,
        "study_fields": STUDY_FIELDS,
        "study_words": study_words,
        "line_words": line_words,
        "subject_word": subject_word,
        "purposes": PURPOSES,
        "steps": STEPS,
        "parts": PARTS,
        "choices": CHOICES,
        "hints": HINTS,
    }
