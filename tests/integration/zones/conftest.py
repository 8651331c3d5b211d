"""A safe zone with two seats, its staff, and the holder of a live grant for a dataset in it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from audit.leaf import decode
from gateway import ids
from gateway.access.models import Grant
from gateway.agreements.models import Acceptance, AgreementVersion
from gateway.applications.models import ProjectMember, ResearchProject
from gateway.clock import FixedClock
from gateway.delivery.reconcile import snapshot
from gateway.errors import Problem
from gateway.identity.models import Person, Role
from gateway.jobs.worker import Worker
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.zones import service_bookings, service_sessions, service_zones, wiring
from gateway.zones.models import Zone, ZoneSession
from gateway.zones.service_bookings import Wanted
from gateway.zones.service_zones import NewZone
from tests import people
from tests import world as worlds
from tests.logs import numbered
from tests.world import YEAR, World

OPERATOR = Actor.operator()
SLUG, OTHER_ZONE, NETWORK, SEAT_ADDRESS = "seoul-1", "busan-1", "10.20.0.0/24", "10.20.0.7"
HOUR, DAYS = timedelta(hours=1), timedelta(days=1)
FILES = {"음성/화자 1.txt": "가나다라마바사 ".encode() * 3000, "b.txt": b"second\n"}
REASON = "장비를 확인하고 적은 사유입니다."
DIGEST = "ab" * 32


@dataclass(frozen=True, slots=True)
class Said:
    """An entry of the log, as these tests look at it."""

    action: str
    outcome: str
    reason: str | None
    ref: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a test of safe zones needs."""

    runtime: Runtime
    clock: FixedClock
    world: World
    holder: Person
    staff: Person

    @property
    def me(self) -> Actor:
        return people.acting_as(self.holder)

    @property
    def desk(self) -> Actor:
        return people.acting_as(self.staff)

    def wanted(self, hours: float = 0, length: float = 2, **changes: Any) -> Wanted:
        """A seat for `length` hours that begin in `hours`."""
        starts = self.clock.now() + hours * HOUR
        given: dict[str, Any] = {"zone": SLUG, "grant_id": self.world.grant} | changes
        return Wanted(starts_at=starts, ends_at=starts + length * HOUR, **given)

    def book(self, hours: float = 0, length: float = 2, **changes: Any) -> uuid.UUID:
        return service_bookings.book(self.runtime, self.me, self.wanted(hours, length, **changes))

    def opened(self, length: float = 2) -> uuid.UUID:
        """A session of the holder that staff have opened now."""
        made = self.book(0, length)
        service_sessions.open_session(self.runtime, self.desk, made)
        return made

    def row(self, session_id: uuid.UUID) -> ZoneSession:
        with self.runtime.db.read() as session:
            return session.get_one(ZoneSession, session_id)

    def work(self) -> int:
        """Run every job that is due."""
        return Worker(self.runtime.db, self.clock, wiring.handlers(self.runtime)).drain()

    def said(self, *acts: Act) -> list[Said]:
        """The entries of these acts, oldest first."""
        numbered(self.runtime)
        with snapshot(self.runtime) as opened:
            rows = opened.sql.all("SELECT leaf, idx, ref FROM audit_entries")
        found = []
        for leaf, _index, ref in sorted(rows, key=lambda row: int(row[1])):
            one = decode(bytes(leaf))
            found.append(Said(one.action, one.outcome, one.reason, ref, dict(one.detail)))
        return [one for one in found if one.action in acts]

    def another(self, account: str) -> tuple[Person, uuid.UUID]:
        """One more person with a live grant for the same dataset."""
        return another(self, account)


@pytest.fixture
def stage(runtime: Runtime, clock: FixedClock) -> Stage:
    """The zone is open for the dataset; nothing is booked yet."""
    world = worlds.build(runtime, delivery="safe_zone")
    worlds.put_files(runtime, world, FILES)
    staff = people.make_person(runtime, "zone.staff", name="장안심")
    people.grant(runtime, staff, Role.ZONE_STAFF, SLUG)
    register(runtime, SLUG, seats=2)
    service_zones.assign(runtime, OPERATOR, SLUG, "voices")
    with runtime.db.read() as session:
        holder = session.get_one(Person, world.person)
    return Stage(runtime, clock, world, holder, staff)


def register(runtime: Runtime, slug: str, seats: int = 1) -> Zone:
    """A zone that is open for nothing yet."""
    new = NewZone(slug, "서울 안심존", "Seoul safe zone", "서울 3층", seats, [NETWORK])
    return service_zones.register(runtime, OPERATOR, new)


TIES = ("owner", "supervisor", "member", "former member")


def tie(stage: Stage, person: Person, how: str) -> None:
    """Let `person` belong to the research project of the holder's grant."""
    runtime, project, now = stage.runtime, stage.world.project, stage.clock.now()
    if how in {"owner", "supervisor"}:
        worlds.change(runtime, ResearchProject, project, **{f"{how}_id": person.id})
        return
    member = ProjectMember(
        id=ids.new(runtime.clock), project_id=project, person_id=person.id, added_at=now,
        removed_at=now if how == "former member" else None,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(member)


def term(stage: Stage, days: int) -> None:
    """Let the agreement in force give `days` for the work in a zone."""
    terms = worlds.terms(zone_term_days=days)
    # Terms are remembered under their hash, so other terms have another one.
    digest = hashlib.sha256(str(terms).encode()).hexdigest()
    agreement = stage.world.agreement
    worlds.change(stage.runtime, AgreementVersion, agreement, terms=terms, sha256=digest)


def another(stage: Stage, account: str) -> tuple[Person, uuid.UUID]:
    """A person with signature and grant like the holder's."""
    runtime, world = stage.runtime, stage.world
    now, person = runtime.clock.now(), people.make_person(runtime, account)
    with runtime.db.read() as session:
        signed = session.get_one(Acceptance, world.acceptance)
    acceptance = Acceptance(
        id=ids.new(runtime.clock), person_id=person.id, agreement_version_id=world.agreement,
        code=signed.code, sha256=signed.sha256, method=signed.method, typed_name=person.name,
        language="ko", accepted_at=now, expires_at=now + YEAR,
    )  # fmt: skip
    project = ResearchProject(
        id=ids.new(runtime.clock), owner_id=person.id, title="다른 연구과제",
        purpose="academic_research", plan="계획", created_at=now,
    )  # fmt: skip
    grant = Grant(
        id=ids.new(runtime.clock), person_id=person.id, dataset_id=world.dataset,
        project_id=project.id, purpose="academic_research", starts_at=now,
        ends_at=now + 180 * DAYS, created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add_all([acceptance, project])
        session.flush()
        session.add(grant)
    return person, grant.id


def refusal(attempt: Callable[[], object]) -> Problem:
    """The problem that `attempt` ends in."""
    with pytest.raises(Problem) as caught:
        attempt()
    return caught.value


def codes(problem: Problem) -> list[str]:
    """The codes of its blockers."""
    return [blocker["code"] for blocker in problem.extra["blockers"]]


def booked(stage: Stage) -> list[tuple[int, datetime]]:
    """Seat and beginning of everything that was ever booked."""
    with stage.runtime.db.read() as session:
        rows = session.scalars(select(ZoneSession).order_by(ZoneSession.id))
        return [(row.seat, row.booked_from) for row in rows]
