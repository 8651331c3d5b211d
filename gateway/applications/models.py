"""Research projects, applications, votes and the steps of their timeline."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class ApplicationState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class ItemState(StrEnum):
    """State of one dataset within an application; decided one by one."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Choice(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"


class Turn(StrEnum):
    """Whose move it is; the names are those of `policies.decision.Actor`."""

    APPLICANT = "applicant"
    STEWARD = "steward"
    COMMITTEE = "committee"
    NOBODY = "nobody"


class StepKind(StrEnum):
    """What a line of the timeline tells, in the order in which one transaction writes them."""

    CREATED = "created"
    EVIDENCE_ADDED = "evidence_added"
    SUBMITTED = "submitted"
    RESUBMITTED = "resubmitted"
    REVIEW_STARTED = "review_started"
    VOTED = "voted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class ResearchProject(Base):
    """A research project: what an application is for. Several datasets hang on it.

    `uses` are members of `policies.vocabulary.Use`; `study` is what the applicant says for the
    data use terms, in the fields of `policies.duo.Study`.
    """

    __tablename__ = "research_projects"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    supervisor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    title: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(40))
    plan: Mapped[str] = mapped_column(Text)
    uses: Mapped[list[str]] = mapped_column(default=list)
    study: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ProjectMember(Base):
    """A team member of a research project.

    Someone taken off the team after a submission stays on record with `removed_at`, and still
    may not decide: leaving a team for a day must not make its judge.
    """

    __tablename__ = "project_members"
    __table_args__ = (UniqueConstraint("project_id", "person_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("research_projects.id"))
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Application(Base):
    """An application of a research project for one or more datasets.

    `revision` goes up with every save and every submission; whoever changes an application names
    the revision they saw, so that nobody overwrites or decides on what they have not read.
    """

    __tablename__ = "applications"
    __table_args__ = (Index("ix_applications_applicant_id", "applicant_id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("research_projects.id"))
    applicant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    state: Mapped[str] = mapped_column(String(16))
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    turn_since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ApplicationRevision(Base):
    """What was submitted, word for word: what reviewers read and their votes are bound to.

    `content` is the canonical form of `service_revisions.snapshot`; votes name `revision`.
    """

    __tablename__ = "application_revisions"
    __table_args__ = (UniqueConstraint("application_id", "revision"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    revision: Mapped[int]
    content: Mapped[dict[str, Any]]
    submitted_at: Mapped[datetime]


class ApplicationItem(Base):
    """One dataset asked for. `tier` is what the dataset asked at submission."""

    __tablename__ = "application_items"
    __table_args__ = (
        UniqueConstraint("application_id", "dataset_id"),
        Index("ix_application_items_state_turn_since", "state", "turn_since"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"))
    tier: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    grant_days: Mapped[int]
    turn_since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    grant_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("grants.id"))


class Vote(Base):
    """A steward's or committee member's decision on one item, with its reason.

    The row carries the applicant's and the supervisor's ids so that the separation of duties is
    a CHECK; a trigger refuses members of the research project's team.
    """

    __tablename__ = "votes"
    __table_args__ = (
        CheckConstraint("voter_id <> applicant_id", name="not_applicant"),
        CheckConstraint(
            "supervisor_id IS NULL OR voter_id <> supervisor_id", name="not_supervisor"
        ),
        UniqueConstraint("item_id", "voter_id", "revision"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application_items.id"))
    project_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("research_projects.id"))
    voter_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    applicant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    supervisor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    revision: Mapped[int]
    choice: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    voted_at: Mapped[datetime]


class Step(Base):
    """One line of an application's timeline: what happened, by whom, and whose turn came next."""

    __tablename__ = "application_steps"
    __table_args__ = (Index("ix_application_steps_application_id_id", "application_id", "id"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("applications.id"))
    item_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("application_items.id"))
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("people.id"))
    what: Mapped[str] = mapped_column(String(32))
    note: Mapped[str] = mapped_column(Text, default="")
    turn: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
