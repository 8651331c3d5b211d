"""The rules in words, beside the agreements, and the history of their releases."""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup

from gateway.catalog.models import Dataset
from gateway.decisions import service_rules
from gateway.decisions.asking import WATCHERS
from gateway.decisions.pages import blueprint
from gateway.identity.http import require_role_somewhere, rt, viewer
from gateway.identity.models import EVERYWHERE, Role
from gateway.policy import loading, service_releases
from gateway.web.pages import render

READERS: Final = (Role.STEWARD, Role.COMMITTEE, Role.AUDITOR, Role.OPERATOR)


@blueprint.get("/policies/releases")
def releases() -> str:
    """Every release of the rules, the newest first."""
    require_role_somewhere(*READERS)
    with rt().db.read() as session:
        found = service_releases.history(session)
    return render("decisions/releases.html", releases=found)


@blueprint.get("/policies/releases/<sha256>")
def release(sha256: str) -> str:
    """One release: what was proved of it, and what it changed."""
    require_role_somewhere(*READERS)
    with rt().db.read() as session:
        found = service_rules.release(session, sha256)
        before = service_rules.before(session, found)
    changes = service_rules.changes(before, found) if before is not None else ()
    return render("decisions/release.html", release=found, before=before, changes=changes)


def rules_panel(**_context: Any) -> Markup:
    """Every rule in words, for the page of agreements and rules."""
    engine = loading.in_force(rt().db)
    seen = viewer()
    held = seen.roles if seen else frozenset()
    return _markup(
        "decisions/rules.html",
        groups=service_rules.in_words(engine),
        release=engine.release,
        reads_history=not held.isdisjoint(READERS),
        watches=not held.isdisjoint(WATCHERS),
    )


def dataset_link(dataset: Dataset, **_context: Any) -> Markup:
    """The link from a dataset to who can access it, for those who watch it."""
    seen = viewer()
    held = seen.scoped if seen else frozenset()
    watching = {(role, scope) for role in WATCHERS for scope in (dataset.slug, EVERYWHERE)}
    if held.isdisjoint(watching):
        return Markup("")
    return _markup("decisions/dataset_link.html", dataset=dataset)


def _markup(template: str, **context: Any) -> Markup:
    return Markup(render(template, **context))  # noqa: S704 - a template of ours, already escaped
