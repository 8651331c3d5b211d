"""Reading files inside a safe zone: at its seats, in an open session, through the one door.

What is read here is not a download: it stays in the zone. So its events have names of their own,
and an address elsewhere is refused before anything else is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response
from markupsafe import Markup

from gateway.access import service as access
from gateway.access.ask import Ask, Caller, Intent
from gateway.access.views import caller
from gateway.catalog import manifest_index, views
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.catalog.paths import PathInvalid, canonical
from gateway.catalog.schemas import ItemQuery
from gateway.catalog.service_reading import detail, is_published
from gateway.catalog.service_versions import find_version, version_entry
from gateway.delivery.api import gate
from gateway.delivery.service import not_found
from gateway.delivery.serving import Acts, Content, serve_object
from gateway.errors import Problem, ProblemCode
from gateway.identity.http import require_person, rt
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.runtime import Runtime
from gateway.web.forms import parse_query
from gateway.web.pages import render
from gateway.web.paging import scope_of
from gateway.zones import networks
from gateway.zones.models import Zone, ZoneSession
from gateway.zones.service_facts import open_session, zone_facts
from gateway.zones.service_reading import Stay
from gateway.zones.service_zones import is_for, not_here, open_zone
from policies.vocabulary import Action

ELSEWHERE = "ZONE_NETWORK"
READING = Acts(Act.ZONE_FILE_AUTHORIZED, Act.ZONE_FILE_REFUSED, Act.ZONE_FILE_COMPLETED)

blueprint = Blueprint("zone_files", __name__, template_folder="templates")


@dataclass(frozen=True, slots=True)
class Visit:
    """What somebody at a seat asks for, and by which session of the browser. `stay` is their open
    session in the zone, if there is one."""

    actor: Actor
    zone: Zone
    dataset: Dataset
    version: DatasetVersion
    stay: ZoneSession | None
    caller: Caller

    @property
    def detail(self) -> dict[str, str]:
        """What every event of this visit tells."""
        session = {"zone_session": str(self.stay.id)} if self.stay else {}
        return {"zone": self.zone.slug, **session}


def read(slug: str, dataset: str, label: str, path: str) -> Response:
    """Serve one file to a seat of the zone."""
    visit = _visit(slug, dataset, label)
    _expect_allowed(visit, _canonical(path))
    item = manifest_index.lookup(rt(), visit.version, path)
    if item is None:
        raise not_found()
    content = Content(
        item.path,
        item.sha256,
        item.size,
        item.media_type,
        detail=visit.detail,
        acts=READING,
    )
    runtime = rt()
    return serve_object(gate(), visit.actor, content, lambda: _ask(runtime, visit))


@blueprint.get("/zones/<slug>/files/<dataset>/<label>")
def listing(slug: str, dataset: str, label: str) -> str:
    """The files of a version, for somebody at a seat; that the names were read is recorded."""
    visit, query = _visit(slug, dataset, label), parse_query(ItemQuery)
    _expect_allowed(visit, None)
    rt().folding.read(version_entry(visit.actor, Act.MANIFEST_READ, visit.dataset, visit.version))
    scope = scope_of(f"zone-items:{visit.version.id}", {"prefix": query.prefix})
    window = views.cursors().window({"cursor": query.cursor}, scope)
    items = manifest_index.listing(rt(), visit.version, query.prefix, window)
    page = views.cursors().page(items, window, lambda item: (item.path,))
    return render("delivery/zone_files.html", visit=visit, page=page, query=query)


def files_panel(stay: Stay, **_context: Any) -> Markup:
    """The way from an open session to the files of the newest version."""
    with rt().db.read() as session:
        newest = detail(session, stay.dataset).newest
    if newest is None:
        return Markup("")
    link = render("delivery/zone_link.html", stay=stay, version=newest)
    return Markup(link)  # noqa: S704 - a template of ours, already escaped


def _visit(slug: str, dataset: str, label: str) -> Visit:
    """Who asks, from a seat of the zone, and for what. Raises Problem NOT_FOUND, FORBIDDEN."""
    me = require_person()
    with rt().db.read() as session:
        zone = open_zone(session, slug)
    _expect_at_seat(me, zone)
    with rt().db.read() as session:
        row, version = find_version(session, dataset, label)
        if not is_for(session, zone.id, row.id) or not is_published(version):
            raise not_here()
        assert me.person_id is not None
        stay = open_session(session, rt().clock.now(), zone.id, me.person_id, row.id)
    return Visit(me, zone, row, version, stay, caller())


def _expect_at_seat(me: Actor, zone: Zone) -> None:
    if networks.within(zone.networks, me.place.address):
        return
    denial = Entry(
        me, Act.ZONE_FILE_REFUSED, Outcome.DENY, ref=f"zone:{zone.id}", reason=ELSEWHERE,
        detail={"zone": zone.slug},
    )  # fmt: skip
    access.record_refusal(rt().folding, denial)
    raise Problem(
        ProblemCode.FORBIDDEN,
        "안심존 좌석에서만 열람할 수 있습니다. 안심존 좌석의 컴퓨터에서 다시 시도해 주십시오.",
        "These files are read at the seats of the safe zone only. Try again from a seat.",
    )


def _expect_allowed(visit: Visit, path: str | None) -> None:
    """Nobody learns which files there are before they may read them."""
    gathered, decision = access.consider(rt(), _ask(rt(), visit))
    if not decision.allowed:
        intent = Intent(READING.allowed, READING.refused, item=path, detail=visit.detail)
        access.refuse(rt(), visit.actor, gathered, decision, intent)


def _ask(runtime: Runtime, visit: Visit) -> Ask:
    """The question for the one door, with the sessions in this zone read anew.

    A stream asks it again, when the request itself is over.
    """
    ask = Ask(
        Action.READ_IN_ZONE,
        person_id=visit.actor.person_id,
        grant_id=visit.stay.grant_id if visit.stay else None,
        dataset_id=visit.dataset.id,
        version_id=visit.version.id,
        caller=visit.caller,
    )
    return _with_zone(runtime, ask, visit)


def _with_zone(runtime: Runtime, ask: Ask, visit: Visit) -> Ask:
    grant_id = ask.grant_id or access.consider(runtime, ask)[0].grant_id
    if grant_id is None:
        return ask
    with runtime.db.read() as session:
        facts = zone_facts(session, runtime.clock.now(), grant_id, zone_id=visit.zone.id)
    return replace(ask, zone=facts)


def _canonical(path: str) -> str:
    try:
        return canonical(path)
    except PathInvalid:
        raise not_found() from None
