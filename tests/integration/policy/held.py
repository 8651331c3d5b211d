"""What somebody may be doing besides downloading: rows made directly, as if they had come about."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from gateway import ids
from gateway.applications.models import Application, ApplicationItem
from gateway.exports.models import Export
from gateway.runtime import Runtime
from gateway.scanning.model import RULESET
from gateway.scanning.models import Scan
from gateway.zones.models import Zone, ZoneDataset, ZoneSession
from tests.world import World

CONTENT = "c" * 64


def _add(runtime: Runtime, *rows: Any) -> None:
    with runtime.db.write() as session:
        for row in rows:
            session.add(row)
            session.flush()


def export(runtime: Runtime, world: World, state: str = "released") -> uuid.UUID:
    """An export under the world's grant, scanned as it is."""
    now = runtime.clock.now()
    scan = Scan(
        id=ids.new(runtime.clock), subject="export", content_sha256=CONTENT, ruleset=RULESET,
        verdict="clean", files=1, bytes=1, counts={}, finished_at=now,
    )  # fmt: skip
    row = Export(
        id=ids.new(runtime.clock), kind="package", grant_id=world.grant, person_id=world.person,
        dataset_id=world.dataset, version_id=world.version, patterns=["*"], state=state,
        content_sha256=CONTENT, scan_id=scan.id, created_at=now, turn_since=now,
    )  # fmt: skip
    _add(runtime, scan, row)
    return row.id


def zone(runtime: Runtime, world: World) -> uuid.UUID:
    """A zone that is open for the world's dataset."""
    row = Zone(
        id=ids.new(runtime.clock), slug="seoul", name_ko="서울", name_en="Seoul", place="서울",
        seats=2, networks=[], created_at=runtime.clock.now(),
    )  # fmt: skip
    _add(runtime, row, ZoneDataset(zone_id=row.id, dataset_id=world.dataset))
    return row.id


def session(runtime: Runtime, world: World, zone_id: uuid.UUID, opened: datetime) -> None:
    """A session that staff opened then; it has ended since."""
    until = opened + timedelta(hours=1)
    row = ZoneSession(
        id=ids.new(runtime.clock), zone_id=zone_id, grant_id=world.grant, person_id=world.person,
        seat=1, booked_from=opened, booked_until=until, opened_at=opened, opened_by=world.other,
        ended_at=until, end_reason="time_up", created_at=opened,
    )  # fmt: skip
    _add(runtime, row)


def application(runtime: Runtime, world: World, state: str = "in_review") -> None:
    """An application of the world's research project for the world's dataset."""
    now = runtime.clock.now()
    row = Application(
        id=ids.new(runtime.clock), number="A-1", project_id=world.project,
        applicant_id=world.person, organisation_id=world.organisation, state=state,
        created_at=now, turn_since=now,
    )  # fmt: skip
    item = ApplicationItem(
        id=ids.new(runtime.clock), application_id=row.id, dataset_id=world.dataset,
        tier="steward", state=state, grant_days=180, turn_since=now,
    )  # fmt: skip
    _add(runtime, row, item)
