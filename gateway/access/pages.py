"""The pages about grants: one's own, and those of a dataset for its stewards."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from gateway.access import grants, presenter, reading, step_up, views
from gateway.access.ask import Ask, to_use
from gateway.access.in_zone import zone_of
from gateway.access.schemas import ReasonForm
from gateway.agreements.views import to_renew
from gateway.catalog.models import Dataset
from gateway.catalog.schemas import Requirement
from gateway.identity.http import require_person, require_role, require_viewer, rt, viewer
from gateway.identity.models import Role
from gateway.policy.loading import in_force
from gateway.web.forms import parse
from gateway.web.i18n import gettext as _
from gateway.web.pages import render

# The rule that refuses those who have not brought it.
REQUIRED_BY = {
    Requirement.NATIONAL: "nationals-only",
    Requirement.ORGANISATION: "organisation-not-verified",
    Requirement.IDENTITY: "identity-too-weak",
    Requirement.TRAINING: "training-missing",
    Requirement.IRB: "irb-missing-or-expired",
    Requirement.SANDBOX: "originals-sandbox-only",
    Requirement.AGREEMENT: "acceptance-not-live",
    Requirement.SAFE_ZONE: "safe-zone-only",
}

blueprint = Blueprint("access", __name__, template_folder="templates")


@blueprint.get("/access")
def own() -> str:
    """One's own grants: until when, how much, and what is missing."""
    page = views.own_page(require_viewer().person_id)
    return render(
        "access/own.html", page=page, presenter=presenter, renewals=views.renewals(page.items)
    )


@blueprint.post("/access/<uuid:grant_id>/give-up")
def give_up(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Return one's own grant."""
    grants.give_up(rt(), require_person(), grant_id)
    flash(_("You have given up the grant. Its download addresses no longer work."), "ok")
    return redirect(url_for("access.own"), 303)


@blueprint.get("/access/dataset/<slug>")
def of_dataset(slug: str) -> str:
    """Who may use a dataset, for its stewards."""
    steward = require_role(Role.STEWARD, scope=slug)
    dataset = views.known_dataset(slug)
    return render("access/dataset.html", dataset=dataset, page=views.dataset_page(steward, dataset))


@blueprint.get("/access/grant/<uuid:grant_id>")
def manage(grant_id: uuid.UUID) -> str:
    """One grant with everything a steward can do about it."""
    views.steward_of(grant_id)
    view = reading.one(rt(), grant_id, zone_of())
    return render("access/manage.html", view=view, presenter=presenter)


@blueprint.post("/access/grant/<uuid:grant_id>/revoke")
def revoke(grant_id: uuid.UUID) -> ResponseReturnValue:
    """End a grant for good."""
    steward = views.steward_of(grant_id)
    grants.revoke(rt(), steward, grant_id, parse(ReasonForm).reason)
    flash(_("The grant is revoked. Its download addresses no longer work."), "ok")
    return redirect(url_for("access.manage", grant_id=grant_id), 303)


@blueprint.post("/access/grant/<uuid:grant_id>/suspend")
def suspend(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Stop a grant until it is resumed."""
    steward = views.steward_of(grant_id)
    grants.suspend(rt(), steward, grant_id, parse(ReasonForm).reason)
    flash(_("The grant is suspended. Its download addresses no longer work."), "ok")
    return redirect(url_for("access.manage", grant_id=grant_id), 303)


@blueprint.post("/access/grant/<uuid:grant_id>/resume")
def resume(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Let a suspended grant live again."""
    grants.resume(rt(), views.steward_of(grant_id), grant_id)
    flash(_("The grant is live again. New download addresses are needed."), "ok")
    return redirect(url_for("access.manage", grant_id=grant_id), 303)


def can_i_panel(dataset: Dataset, **_context: Any) -> Markup:
    """The panel "Can I use it?" of a dataset's page."""
    seen = viewer()
    person_id = seen.person_id if seen else None
    ask = Ask(to_use(dataset.delivery), person_id, dataset_id=dataset.id, caller=views.caller())
    found = reading.explained(rt(), ask, zone_of())[1]
    return Markup(  # noqa: S704 - a template of ours, already escaped
        render(
            "access/can_i.html",
            outcome=str(found.decision.outcome),
            blockers_found=presenter.blockers(found.decision),
            steps=presenter.steps(found),
            confirmed=found.confirmed,
            step_up=seen is not None and step_up.is_the_last_step(found),
            slug=dataset.slug,
            code=dataset.agreement_code,
            until=to_renew().get(dataset.agreement_code),
        )
    )


def requirement_actor(requirement: Requirement, **_context: Any) -> Markup:
    """Who brings a requirement about: whom the rule in force names that refuses without it."""
    actor = presenter.actors(in_force(rt().db)).get(REQUIRED_BY[requirement])
    if actor is None:
        return Markup("")
    return Markup(render("access/requirement.html", actor=actor))  # noqa: S704 - as above


def steward_link(dataset: Dataset, **_context: Any) -> Markup:
    """The link to a dataset's grants, for its stewards."""
    seen = viewer()
    held = seen.scoped if seen else frozenset()
    if held.isdisjoint({(Role.STEWARD, dataset.slug), (Role.STEWARD, "*")}):
        return Markup("")
    link = render("access/steward_link.html", dataset=dataset)
    return Markup(link)  # noqa: S704 - a template of ours, already escaped
