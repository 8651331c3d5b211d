"""What pages and API of approvals share."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from flask import request
from sqlalchemy.orm import Session

from gateway.applications import service_approvals, views
from gateway.applications.schemas_approvals import ApprovalOut
from gateway.identity.http import require_role, rt
from gateway.identity.models import Attestation, Person, Role
from gateway.identity.service_approvals import listed
from gateway.identity.service_viewing import viewed
from gateway.journal import Actor
from gateway.web.paging import Page
from policies.vocabulary import Approval

PAGE = 25
Row = tuple[Attestation, Person]
Numbers = Mapping[uuid.UUID, str]


def steward() -> Actor:
    """The acting steward of everything. Raises Problem FORBIDDEN."""
    return require_role(Role.STEWARD)


def approvals_page(actor: Actor) -> tuple[Page[Row], Numbers]:
    """The present page of approvals, with the applications they name; that one looked is logged."""
    cursors = views.cursors()
    arguments = {name: value for name, value in request.args.items() if name != "number"}
    window = cursors.window(arguments, "approvals", PAGE)
    with rt().db.read() as session:
        page = cursors.page(listed(session, window), window, lambda row: (row[0].id,))
        numbers = service_approvals.numbers(session, (row for row, _person in page.items))
    viewed(rt(), actor, [person for _row, person in page.items], "approvals")
    return page, numbers


def approval_out(row: Attestation, person: Person, numbers: Numbers) -> ApprovalOut:
    """An approval for the API."""
    return ApprovalOut(
        id=row.id,
        kind=Approval(row.kind),
        account=person.account,
        number=numbers.get(row.project_id) if row.project_id else None,
        issuer=row.issuer,
        reference=row.reference,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        reason=row.reason,
    )


def one_out(session: Session, row: Attestation) -> ApprovalOut:
    """The same for a row at hand."""
    person = session.get_one(Person, row.person_id)
    return approval_out(row, person, service_approvals.numbers(session, [row]))
