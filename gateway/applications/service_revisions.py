"""What was submitted, word for word, and what a resubmission changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway import ids
from gateway.access.ask import Stated
from gateway.applications.models import ApplicationRevision
from gateway.applications.service_case import Case
from gateway.identity.models import Organisation, Person
from gateway.runtime import Runtime

# Comparing takes time in the square of the lines; more than these are shown old and new, whole.
MAX_COMPARED = 400


class Part(StrEnum):
    """The parts of a submission, in reading order."""

    TITLE = "title"
    PURPOSE = "purpose"
    USES = "uses"
    STUDY = "study"
    PLAN = "plan"
    SUPERVISOR = "supervisor"
    TEAM = "team"
    ORGANISATION = "organisation"
    DATASETS = "datasets"


class Line(StrEnum):
    """How a line of a difference stands to the last submission."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One part that changed, as (kind, text) lines."""

    part: Part
    lines: Sequence[tuple[Line, str]]


def snapshot(session: Session, case: Case) -> dict[str, Any]:
    """The application as a reader sees it now; people by account, datasets by slug."""
    project = case.project
    team = [row.person_id for row in case.members if row.removed_at is None]
    return {
        str(Part.TITLE): project.title,
        str(Part.PURPOSE): project.purpose,
        str(Part.USES): sorted(project.uses),
        str(Part.STUDY): dict(project.study),
        str(Part.PLAN): project.plan,
        str(Part.SUPERVISOR): _account(session, project.supervisor_id),
        str(Part.TEAM): sorted(_account(session, person) for person in team),
        str(Part.ORGANISATION): _organisation(session, case.application.organisation_id),
        str(Part.DATASETS): sorted(dataset.slug for dataset in case.datasets.values()),
    }


def stated_in(content: Mapping[str, Any]) -> Stated:
    """What a submission says of purpose, uses and study; older ones say less."""
    uses, study = content.get(Part.USES, ()), content.get(Part.STUDY, {})
    return Stated(content[Part.PURPOSE], tuple(uses), study)


def keep(session: Session, runtime: Runtime, case: Case) -> None:
    """Store the present content under the application's present revision."""
    session.add(
        ApplicationRevision(
            id=ids.new(runtime.clock),
            application_id=case.application.id,
            revision=case.application.revision,
            content=snapshot(session, case),
            submitted_at=runtime.clock.now(),
        )
    )
    session.flush()


def submissions(session: Session, application_id: uuid.UUID) -> Sequence[ApplicationRevision]:
    """Everything that was ever submitted, oldest first."""
    return session.scalars(
        select(ApplicationRevision)
        .where(ApplicationRevision.application_id == application_id)
        .order_by(ApplicationRevision.revision)
    ).all()


def lying_before_reviewers(session: Session, application_id: uuid.UUID) -> ApplicationRevision:
    """The newest submission: what is decided on, whatever was typed since. There must be one."""
    return session.scalars(
        select(ApplicationRevision)
        .where(ApplicationRevision.application_id == application_id)
        .order_by(ApplicationRevision.revision.desc())
        .limit(1)
    ).one()


def difference(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """The parts that differ, line by line; a part of over `MAX_COMPARED` lines as a whole.

    A line of the study is `field=value`; a list has a line for each member.
    """
    # An older submission may lack a part, which says no more than an empty one.
    pairs = ((part, old.get(part) or [], new.get(part) or []) for part in Part)
    return [Change(part, _lines(was, now)) for part, was, now in pairs if was != now]


def _lines(old: Any, new: Any) -> list[tuple[Line, str]]:
    before, after = _text(old), _text(new)
    if max(len(before), len(after)) > MAX_COMPARED:
        return _replaced(before, after)
    lines: list[tuple[Line, str]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [(Line.SAME, line) for line in before[i1:i2]]
        else:
            lines += _replaced(before[i1:i2], after[j1:j2])
    return lines


def _replaced(before: Sequence[str], after: Sequence[str]) -> list[tuple[Line, str]]:
    removed = [(Line.REMOVED, line) for line in before]
    return removed + [(Line.ADDED, line) for line in after]


def _text(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}={each}" for name, said in sorted(value.items()) for each in _text(said)]
    return [str(each) for each in value] if isinstance(value, list) else str(value).splitlines()


def _account(session: Session, person_id: uuid.UUID | None) -> str:
    person = session.get(Person, person_id) if person_id else None
    return person.account if person else ""


def _organisation(session: Session, organisation_id: uuid.UUID | None) -> str:
    found = session.get(Organisation, organisation_id) if organisation_id else None
    return found.name if found else ""
