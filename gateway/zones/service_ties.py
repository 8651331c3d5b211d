"""Who belongs to the research project that somebody works for: they do not handle its visits."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.applications.models import ProjectMember, ResearchProject


def grants_of_own_projects(
    session: Session, person_id: uuid.UUID, grant_ids: Collection[uuid.UUID]
) -> frozenset[uuid.UUID]:
    """Those of these grants whose research project the person owns, supervises or works on.

    A former team member counts as one: leaving a team for a day lets nobody in.
    """
    team = select(ProjectMember.project_id).where(ProjectMember.person_id == person_id)
    found = (
        select(Grant.id)
        .join(ResearchProject, ResearchProject.id == Grant.project_id)
        .where(Grant.id.in_(grant_ids))
        .where(
            or_(
                ResearchProject.owner_id == person_id,
                ResearchProject.supervisor_id == person_id,
                ResearchProject.id.in_(team),
            )
        )
    )
    return frozenset(session.scalars(found))
