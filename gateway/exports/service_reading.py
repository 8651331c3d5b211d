"""Reading exports: one's own, those that wait for a steward, and what was exported before."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.applications.models import ResearchProject
from gateway.catalog.models import Dataset
from gateway.errors import Problem, ProblemCode
from gateway.exports.events import named
from gateway.exports.failure import Failure
from gateway.exports.holding import Held, reasons
from gateway.exports.models import Export, ExportDecision, ExportState
from gateway.exports.reviewers import covered, origins, slugs_to_cover
from gateway.exports.service import job_key
from gateway.identity.models import Person, Role
from gateway.identity.service_roles import covers, roles_held_by
from gateway.jobs.models import Job, JobState
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.scanning.models import FindingRow, Scan
from gateway.web.paging import Window, keyset
from policies.facts import ExportFacts
from policies.vocabulary import ExportState as PolicyState

EARLIER = 20
# The policy knows no failure: what failed was never approved.
_POLICY_STATES = {ExportState.FAILED: PolicyState.REJECTED}


@dataclass(frozen=True, slots=True)
class Seen:
    """An export as pages and API show it. `state` and `failure` also tell of a job that died."""

    export: Export
    dataset: Dataset
    label: str | None
    state: ExportState
    failure: Failure | None
    scan: Scan | None
    decision: ExportDecision | None
    origins: Sequence[Dataset]

    @property
    def held_because(self) -> tuple[Held, ...]:
        """Why it waits for a steward; nothing while it does not."""
        if self.state is not ExportState.HELD:
            return ()
        return reasons(self.scan.verdict if self.scan else None, bool(self.origins))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A held export with who asked for it."""

    seen: Seen
    person: Person


@dataclass(frozen=True, slots=True)
class Purpose:
    """Under which right, and for which research project, something is exported."""

    grant: Grant
    project: ResearchProject | None


def find_own(session: Session, actor: Actor, export_id: uuid.UUID) -> Export:
    """The actor's own export. Raises Problem NOT_FOUND for any other."""
    export = session.get(Export, export_id)
    if export is None or actor.person_id is None or export.person_id != actor.person_id:
        raise not_found()
    return export


def find_for_steward(
    session: Session, runtime: Runtime, actor: Actor, export_id: uuid.UUID, *, lock: bool = False
) -> Export:
    """The export, for who reviews it (see `reviewers`). Raises Problem NOT_FOUND for others."""
    export = session.get(Export, export_id, with_for_update=lock or None)
    if export is None or actor.person_id is None:
        raise not_found()
    held = roles_held_by(session, actor, runtime.clock.now())
    needed = slugs_to_cover(session, export)
    if not all(covers(held, Role.STEWARD, slug) for slug in needed):
        raise not_found()
    return export


def own(session: Session, actor: Actor, window: Window) -> list[Seen]:
    """Up to `window.limit` + 1 of the actor's exports, the newest first."""
    mine = select(Export).where(Export.person_id == actor.person_id)
    rows = session.scalars(keyset(mine, [Export.id], window)).all()
    return [see(session, export) for export in rows]


def waiting(session: Session, window: Window, scopes: frozenset[str]) -> list[Waiting]:
    """Up to `window.limit` + 1 held exports, the longest waiting first, that a steward of the
    datasets that `scopes` name (`*`: of all) reviews."""
    held: Any = (
        select(Export, Person)
        .join(Person, Person.id == Export.person_id)
        .join(Dataset, Dataset.id == Export.dataset_id)
        .where(Export.state == ExportState.HELD, covered(scopes))
    )
    columns = [Export.turn_since, Export.id]
    rows = session.execute(keyset(held, columns, window, descending=False)).all()
    return [Waiting(see(session, export), person) for export, person in rows]


def see(session: Session, export: Export) -> Seen:
    """`export` with what is told about it."""
    about = named(session, export)
    state, failure = _shown(session, export)
    return Seen(
        export,
        about.dataset,
        about.label,
        state,
        failure,
        session.get(Scan, export.scan_id) if export.scan_id else None,
        decision_on(session, export),
        origins(session, export),
    )


def findings(session: Session, scan: Scan, window: Window) -> Sequence[FindingRow]:
    """Up to `window.limit` + 1 findings of a scan, undeclared ones first."""
    rows = select(FindingRow).where(FindingRow.scan_id == scan.id)
    columns = [FindingRow.declared, FindingRow.id]
    return session.scalars(keyset(rows, columns, window, descending=False)).all()


def earlier(session: Session, export: Export) -> list[Seen]:
    """What the same research project or person exported before, the newest first: a single
    harmless table may tell much beside another."""
    project = select(Grant.project_id).where(Grant.id == export.grant_id).scalar_subquery()
    same_project = select(Grant.id).where(Grant.project_id == project)
    related = or_(Export.person_id == export.person_id, Export.grant_id.in_(same_project))
    rows = select(Export).where(related, Export.id != export.id)
    newest = rows.order_by(Export.id.desc()).limit(EARLIER)
    return [see(session, each) for each in session.scalars(newest)]


def decision_on(session: Session, export: Export) -> ExportDecision | None:
    """The steward's decision, if there is one."""
    return session.scalar(select(ExportDecision).where(ExportDecision.export_id == export.id))


def export_facts(session: Session, export: Export, *, is_holder: bool) -> ExportFacts:
    """What the policy is told about an export, read anew."""
    state = ExportState(export.state)
    return ExportFacts(
        state=_POLICY_STATES.get(state) or PolicyState(state),
        is_holder=is_holder,
        content_matches_decision=_matches(session, export),
    )


def content_as_scanned(session: Session, export: Export) -> bool:
    """Whether the last scan read the very content that the export names."""
    scan = session.get(Scan, export.scan_id) if export.scan_id else None
    return scan is not None and scan.content_sha256 == export.content_sha256


def own_grants(session: Session, actor: Actor) -> list[tuple[Grant, Dataset]]:
    """The actor's grants that have not ended, with their datasets, for the forms."""
    rows = session.execute(
        select(Grant, Dataset)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Grant.person_id == actor.person_id, Grant.ended_at.is_(None))
        .order_by(Dataset.slug, Grant.id)
    )
    return [(grant, dataset) for grant, dataset in rows]


def purpose_of(session: Session, export: Export) -> Purpose:
    """What the export's grant is for, and the research project it serves."""
    grant = session.get_one(Grant, export.grant_id)
    return Purpose(grant, session.get(ResearchProject, grant.project_id))


def not_found() -> Problem:
    """The answer for an export that does not exist, or is somebody else's."""
    return Problem(ProblemCode.NOT_FOUND, "해당 반출이 없습니다.", "There is no such export.")


def _matches(session: Session, export: Export) -> bool:
    decision = decision_on(session, export)
    if decision is not None:
        return decision.approve and decision.content_sha256 == export.content_sha256
    return content_as_scanned(session, export)


def _shown(session: Session, export: Export) -> tuple[ExportState, Failure | None]:
    """A job whose workers all died could not say so itself."""
    state = ExportState(export.state)
    if state is ExportState.FAILED:
        return state, Failure(export.failure)
    if state in {ExportState.SUBMITTED, ExportState.SCANNING} and _died(session, export):
        return ExportState.FAILED, Failure.DIED
    return state, None


def _died(session: Session, export: Export) -> bool:
    job = select(Job.id).where(Job.key == job_key(export.id), Job.state == JobState.FAILED)
    return session.scalar(job) is not None
