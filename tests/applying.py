"""A world in which people apply: a researcher with colleagues, reviewers, datasets of each tier."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from gateway import ids
from gateway.applications import service_review, service_submit
from gateway.applications.models import (
    Application,
    ApplicationItem,
    Choice,
)
from gateway.applications.service_case import submitted_revision
from gateway.applications.service_drafts import Draft, create
from gateway.applications.service_projects import ProjectDraft
from gateway.applications.service_review import Ballot
from gateway.applications.service_transaction import transact
from gateway.catalog.models import Dataset, Tier
from gateway.identity.models import AttestationKind, Membership, Organisation, Person, Role
from gateway.identity.service_attestations import IrbForm, NewAttestation
from gateway.runtime import Runtime
from policies.vocabulary import Purpose, Use
from tests.people import acting_as, grant, person

PLAN = "노인 음성의 억양을 모델이 어떻게 잘못 알아듣는지 통계로 살펴보고 개선 방법을 찾습니다."
REASON = "연구 목적과 계획이 데이터셋의 조건에 맞습니다."
SLUGS = {Tier.INSTANT: "open-text", Tier.STEWARD: "voices", Tier.COMMITTEE: "clinic-images"}


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of the world; a committee of three, and one steward more than needed."""

    researcher: Person
    mate: Person
    professor: Person
    steward: Person
    second_steward: Person
    committee: tuple[Person, Person, Person]
    stranger: Person


def build(runtime: Runtime) -> Cast:
    """Make people, roles and one dataset of each tier."""
    for tier, slug in SLUGS.items():
        add_dataset(runtime, slug, tier=tier)
    cast = Cast(
        *(person(runtime, name) for name in ("researcher", "mate", "professor")),
        *(person(runtime, name) for name in ("steward.one", "steward.two")),
        tuple(person(runtime, f"committee.{place}") for place in ("one", "two", "three")),
        person(runtime, "stranger"),
    )
    for one in (cast.steward, cast.second_steward):
        grant(runtime, one, Role.STEWARD)
    for one in cast.committee:
        grant(runtime, one, Role.COMMITTEE)
    return cast


def add_dataset(runtime: Runtime, slug: str, **settings: Any) -> Dataset:
    """A dataset that anyone may apply for, unless `settings` say otherwise."""
    usual: dict[str, Any] = {
        "title_ko": f"{slug} 데이터셋", "title_en": f"Dataset {slug}", "summary_ko": "요약",
        "summary_en": "summary", "modality": "text", "domain": "language",
        "sensitivity": "restricted", "delivery": "download", "tier": Tier.STEWARD,
        "agreement_code": "open-research", "duo": [], "declared": [], "typical_days": 5,
        "created_at": runtime.clock.now(),
    }  # fmt: skip
    row = Dataset(id=ids.new(runtime.clock), slug=slug, **(usual | settings))
    with runtime.db.write() as session:
        session.add(row)
    return row


def organisation(
    runtime: Runtime, *people: Person, name: str = "수문대학교병원", kind: str = "hospital"
) -> Organisation:
    """A verified organisation with these confirmed members."""
    now = runtime.clock.now()
    row = Organisation(
        id=ids.new(runtime.clock), name=name, kind=kind, country="KR",
        status="verified", created_by=people[0].id, created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
        session.flush()
        for one in people:
            session.add(
                Membership(
                    id=ids.new(runtime.clock), person_id=one.id, organisation_id=row.id,
                    confirmed_by=people[0].id, started_at=now,
                )
            )  # fmt: skip
    return row


def draft(*slugs: str, **project: Any) -> Draft:
    """A complete draft for `slugs`; `project` overrides what is typed."""
    typed: dict[str, Any] = {
        "title": "고령자 음성 인식 연구",
        "purpose": Purpose.ACADEMIC_RESEARCH,
        "uses": (Use.ANALYSIS, Use.MODEL_TRAINING),
        "plan": PLAN,
        "supervisor": "professor",
        "team": ("mate",),
    }
    return Draft(slugs, project=ProjectDraft(**(typed | project)))


def drafted(runtime: Runtime, one: Person, *slugs: str, **project: Any) -> Application:
    """A saved draft."""
    actor = acting_as(one)
    return transact(runtime, lambda s: create(s, runtime, actor, draft(*slugs, **project)))


def submitted(runtime: Runtime, one: Person, *slugs: str, **project: Any) -> Application:
    """An application that was handed in."""
    made = drafted(runtime, one, *slugs, **project)
    return submit(runtime, one, made.id)


def submit(runtime: Runtime, one: Person, application_id: uuid.UUID) -> Application:
    """Hand in, as someone who has read the present revision."""
    revision = application(runtime, application_id).revision
    return transact(
        runtime,
        lambda s: service_submit.submit(
            s, runtime, acting_as(one), application_id, revision=revision
        ),
    )


def vote(
    runtime: Runtime, one: Person, item_id: uuid.UUID, choice: Choice, reason: str = REASON
) -> Application:
    """Cast a vote on the present submission."""
    with runtime.db.read() as session:
        item = session.get_one(ApplicationItem, item_id)
        revision = submitted_revision(session, item.application_id)
    ballot = Ballot(choice, reason, revision)
    return transact(
        runtime, lambda s: service_review.vote(s, runtime, acting_as(one), item_id, ballot)
    )


def application(runtime: Runtime, application_id: uuid.UUID) -> Application:
    """The application as stored now."""
    with runtime.db.read() as session:
        return session.get_one(Application, application_id)


def items(runtime: Runtime, application_id: uuid.UUID) -> list[ApplicationItem]:
    """Its datasets' rows in the order they were chosen."""
    with runtime.db.read() as session:
        found = select(ApplicationItem).where(ApplicationItem.application_id == application_id)
        return list(session.scalars(found.order_by(ApplicationItem.id)))


def item(runtime: Runtime, application_id: uuid.UUID) -> ApplicationItem:
    """The row of its only dataset."""
    (only,) = items(runtime, application_id)
    return only


def irb(runtime: Runtime, project_id: uuid.UUID) -> NewAttestation:
    """An IRB approval that is valid for a year."""
    now = runtime.clock.now()
    return NewAttestation(
        AttestationKind.IRB,
        "공용기관생명윤리위원회",
        "P01-2026-01-001",
        now,
        now + timedelta(days=365),
        IrbForm.APPROVAL,
        project_id=project_id,
    )
