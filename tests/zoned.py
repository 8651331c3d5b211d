"""A safe zone for the town of the browser: somebody at a seat, and something for the desk to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from gateway.access.models import Grant
from gateway.agreements import service as agreements
from gateway.agreements import service_signing
from gateway.agreements.service_signing import Signing
from gateway.identity.models import Person, Role
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.zones import service_bookings, service_imports, service_sessions, service_zones
from gateway.zones.service_bookings import Wanted
from gateway.zones.service_imports import NewImport, Verdict
from gateway.zones.service_zones import NewZone
from tests import applying, deliveries, people
from tests.people import acting_as

ZONE, MEMORY = "seoul-1", "memory-clinic"
VISITOR, STAFF = "visitor", "zone.staff"
HOUR = timedelta(hours=1)
FILES = {f"회상/{number:02d}.txt": f"{number}번째 이야기입니다.\n" for number in range(1, 6)}
REASON = "이 파일이 없으면 학습을 이어 갈 수 없습니다."


def build(runtime: Runtime, folder: Path) -> None:
    """A dataset that never leaves its room, one seat in use, one booked, three files to bring."""
    deliveries.dataset(
        runtime, MEMORY, title_ko="인지 기능 검사 음성", title_en="Voices of a memory clinic",
        delivery="safe_zone", tier="instant", modality="speech", sensitivity="open",
    )  # fmt: skip
    deliveries.opened(runtime, deliveries.folder(folder / "memory", FILES), slug=MEMORY)
    operator = Actor.operator()
    seats = NewZone(ZONE, "서울 안심존", "Seoul safe zone", "서울 3층", 4, ["127.0.0.0/8"])
    service_zones.register(runtime, operator, seats)
    service_zones.assign(runtime, operator, ZONE, MEMORY)
    staff = people.make_person(runtime, STAFF, name="장안심")
    people.grant(runtime, staff, Role.ZONE_STAFF, ZONE)
    _visit(runtime, people.make_person(runtime, VISITOR, name="서다솜"), staff)


def _visit(runtime: Runtime, visitor: Person, staff: Person) -> None:
    grant, me, desk = _granted(runtime, visitor), acting_as(visitor), acting_as(staff)
    now = runtime.clock.now()
    for begin in (now, now + 24 * HOUR):
        wanted = Wanted(ZONE, grant.id, begin, begin + 3 * HOUR)
        made = service_bookings.book(runtime, me, wanted)
        if begin == now:
            service_sessions.open_session(runtime, desk, made)
    for name, verdict in (
        ("모형.safetensors", None),
        ("사전.txt", Verdict(True, "내용을 확인했습니다.")),
        ("도구.exe", Verdict(False, "라이선스를 확인할 수 없습니다.")),
    ):
        new = NewImport(ZONE, grant.id, name, 12_000_000, "ab" * 32, REASON)
        asked = service_imports.request_import(runtime, me, new)
        if verdict:
            service_imports.decide(runtime, desk, asked, verdict)


def _granted(runtime: Runtime, visitor: Person) -> Grant:
    """The visitor's live grant, with the agreement signed."""
    applying.submitted(runtime, visitor, MEMORY, supervisor="", team=(), title="회상 연구")
    with runtime.db.read() as session:
        version = agreements.in_force(session, "open-research")
        assert version is not None
        grant = session.scalars(select(Grant).where(Grant.person_id == visitor.id)).one()
    service_signing.sign(runtime, acting_as(visitor), Signing(version.sha256, visitor.name, "ko"))
    return grant
