"""When a new version asks for a new signature: until when the one of before still holds."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from gateway.agreements.service import current
from gateway.agreements.service_signing import Signed, grace_ends, live_signatures


def last_moment(session: Session, code: str, signed: Signed) -> datetime | None:
    """Until when a signature holds that a version in force accepts no longer: the end of the
    notice period, or its own where that is earlier. None where no version asks for another."""
    grace = grace_ends(session, code, signed.number)
    return grace and min(grace, signed.acceptance.expires_at)


def to_renew(session: Session, person_id: uuid.UUID, now: datetime) -> dict[str, datetime]:
    """Until when, by the agreement's code, the person is to sign the version in force; only while
    a signature of an older version still holds."""
    own = live_signatures(session, person_id, now)
    asked = [
        row.code for row in current(session) if row.code in own and not own[row.code].covers(row)
    ]
    ends = {code: last_moment(session, code, own[code]) for code in asked}
    return {code: end for code, end in ends.items() if end is not None and end > now}
