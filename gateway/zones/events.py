"""The event of each act around a safe zone: it always names the zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gateway.access.models import Grant
from gateway.catalog.models import Dataset
from gateway.clock import to_ms
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.zones.models import Zone, ZoneImport, ZoneSession


@dataclass(frozen=True, slots=True)
class Named:
    """A session or an import with its zone and the dataset that it is for."""

    thing: ZoneSession | ZoneImport
    zone: Zone
    dataset: Dataset

    @property
    def ref(self) -> str:
        """The object as the log names it."""
        kind = "zone_session" if isinstance(self.thing, ZoneSession) else "zone_import"
        return f"{kind}:{self.thing.id}"


def named(session: Session, thing: ZoneSession | ZoneImport) -> Named:
    """`thing` with the names that its events carry."""
    grant = session.get_one(Grant, thing.grant_id)
    return Named(
        thing, session.get_one(Zone, thing.zone_id), session.get_one(Dataset, grant.dataset_id)
    )


def entry(
    actor: Actor,
    act: Act,
    about: Named,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    reason: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> Entry:
    """The event of `act`; its subject is the person whose session or import it is."""
    return Entry(
        actor,
        act,
        outcome,
        subjects=(about.thing.person_id,),
        dataset=about.dataset.slug,
        ref=about.ref,
        reason=reason,
        detail={**_particulars(about), **(detail or {})},
    )


def zone_entry(
    actor: Actor, act: Act, zone: Zone, dataset: str | None = None, **detail: Any
) -> Entry:
    """The event of `act` on a zone itself."""
    return Entry(
        actor, act, dataset=dataset, ref=f"zone:{zone.id}", detail={"zone": zone.slug, **detail}
    )


def _particulars(about: Named) -> dict[str, Any]:
    common = {"zone": about.zone.slug, "grant": str(about.thing.grant_id)}
    if isinstance(about.thing, ZoneImport):
        return common | {"sha256": about.thing.sha256, "bytes": about.thing.bytes}
    return common | {
        "seat": about.thing.seat,
        "from_ms": to_ms(about.thing.booked_from),
        "until_ms": to_ms(about.thing.booked_until),
    }
