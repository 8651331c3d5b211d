"""What stands against erasing a person: each rule says why, and until when.

A feature that imposes a duty of its own (a recall whose destruction was not yet stated) adds a
check to `HOLDS`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.search import Filters
from gateway.access.models import Grant
from gateway.applications.models import Application, ApplicationState
from gateway.catalog.models import Dataset
from gateway.clock import from_ms
from gateway.evidence.reading import snapshot
from gateway.evidence.retention import RIGHTS, RIGHTS_TERM, access_records
from gateway.identity.models import RoleGrant
from gateway.runtime import Runtime

# Entries that the law calls access records, by who did it and by whose data it was.
SUFFERED = ("person.viewed", "application.viewed", "export.viewed")
DONE = (
    "download.", "export.", "manifest.", "url.", "log.", "zone_file.", "zone_session.",
    "person.viewed", "application.viewed",
)  # fmt: skip
UNFINISHED = (
    ApplicationState.SUBMITTED,
    ApplicationState.IN_REVIEW,
    ApplicationState.RETURNED,
)


@dataclass(frozen=True, slots=True)
class Hold:
    """A rule that stands: its code, what it says, and when it ends (None: when it is settled)."""

    rule: str
    ko: str
    en: str
    until: datetime | None


Check = Callable[[Runtime, Session, str], Hold | None]


def standing(runtime: Runtime, session: Session, key: str) -> list[Hold]:
    """Every rule that stands against erasing the person of this id (as the log knows it)."""
    found = (check(runtime, session, key) for check in HOLDS)
    return [hold for hold in found if hold is not None]


def access_record(runtime: Runtime, session: Session, key: str) -> Hold | None:
    """The newest access record of the person must be kept."""
    # Operators and visitors have no account: whatever they did is a record of the host's.
    done = DONE if _account(key) is not None else (None,)
    newest = _newest(runtime, key, done, SUFFERED)
    until = None if newest is None else access_records(runtime, session).after(newest)
    if until is None or until <= runtime.clock.now():
        return None
    return Hold(
        "access-record-retention",
        "접속기록 보관 기간이 끝나지 않았습니다(개인정보의 안전성 확보조치 기준 제8조)",
        "the person's access records must be kept (PIPA safety standard, article 8)",
        until,
    )


def rights_record(runtime: Runtime, _session: Session, key: str) -> Hold | None:
    """The newest change of a right that the person had or gave must be kept."""
    newest = _newest(runtime, key, RIGHTS, RIGHTS)
    until = None if newest is None else RIGHTS_TERM.after(newest)
    if until is None or until <= runtime.clock.now():
        return None
    return Hold(
        "rights-record-retention",
        "접근권한 부여·변경·말소 기록의 보관 기간이 끝나지 않았습니다"
        "(개인정보의 안전성 확보조치 기준 제5조)",
        "records of roles, memberships and grants must be kept (PIPA safety standard, article 5)",
        until,
    )


def live_grant(runtime: Runtime, session: Session, key: str) -> Hold | None:
    """A right to data is still alive."""
    until = max((ends for ends, _used, _days in _grants(session, key)), default=None)
    if until is None or until <= runtime.clock.now():
        return None
    return Hold("live-grant", "유효한 이용 권한이 있습니다", "a grant is alive", until)


def destruction_duty(runtime: Runtime, session: Session, key: str) -> Hold | None:
    """Data was taken, and the time within which its destruction is followed up still runs."""
    taken = (ends + timedelta(days=days) for ends, used, days in _grants(session, key) if used)
    until = max(taken, default=None)
    if until is None or until <= runtime.clock.now():
        return None
    return Hold(
        "destruction-duty",
        "제공받은 데이터의 파기 의무를 확인하는 기간입니다",
        "data was taken, and its destruction is being followed up",
        until,
    )


def open_application(_runtime: Runtime, session: Session, key: str) -> Hold | None:
    """An application waits for somebody."""
    person = _account(key)
    found = select(Application.id).where(
        Application.applicant_id == person, Application.state.in_(UNFINISHED)
    )
    if person is None or session.scalar(found.limit(1)) is None:
        return None
    return Hold(
        "open-application",
        "끝나지 않은 이용신청이 있습니다",
        "an application is open; it must be decided or withdrawn first",
        None,
    )


def staff_role(runtime: Runtime, session: Session, key: str) -> Hold | None:
    """The person still decides or operates here."""
    person, now = _account(key), runtime.clock.now()
    found = select(RoleGrant.id).where(
        RoleGrant.person_id == person,
        RoleGrant.ended_at.is_(None),
        RoleGrant.ends_at.is_(None) | (RoleGrant.ends_at > now),
    )
    if person is None or session.scalar(found.limit(1)) is None:
        return None
    return Hold(
        "staff-role",
        "맡고 있는 역할이 있습니다",
        "the person holds a staff role; end it first",
        None,
    )


HOLDS: list[Check] = [
    access_record,
    rights_record,
    live_grant,
    destruction_duty,
    open_application,
    staff_role,
]


def _account(key: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(key)
    except ValueError:
        return None


def _grants(session: Session, key: str) -> list[tuple[datetime, int, int]]:
    """When each grant ends or ended, the bytes it served, the dataset's days of follow-up."""
    person = _account(key)
    if person is None:
        return []
    rows = session.execute(
        select(Grant.ended_at, Grant.ends_at, Grant.used_bytes, Dataset.retention_days)
        .join(Dataset, Dataset.id == Grant.dataset_id)
        .where(Grant.person_id == person)
    )
    return [(ended or ends, used, days) for ended, ends, used, days in rows]


def _newest(
    runtime: Runtime, key: str, done: Sequence[str | None], suffered: Sequence[str]
) -> datetime | None:
    """When the newest entry is of, that the person did or that others did to them."""
    own = [Filters(actor=key, action=action) for action in done]
    others = [Filters(subject=key, action=action) for action in suffered]
    with snapshot(runtime, main=True) as (_sql, reader):
        rows = [row for one in (*own, *others) for row in reader.search(one, limit=1)]
    return max((from_ms(row.columns.time_ms) for row in rows), default=None)
