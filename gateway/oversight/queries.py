"""What an auditor asks, and the conditions the log's reader understands."""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.ocsf import Outcome
from audit.search import Filters
from gateway import ids
from gateway.clock import to_ms
from gateway.errors import Problem, ProblemCode
from gateway.identity.models import Organisation
from gateway.identity.service_people import find_by_account

# Actors that have no account: commands on the host, the worker, unknown visitors of a month.
NO_ACCOUNT = re.compile(r"operator:\d+|system:worker|anonymous:\d{4}-\d{2}")
# How the log names a person: all that is left of somebody who was erased.
TOKEN = re.compile(r"[0-9a-f]{32}")
# What a question may say about itself in the log without naming anyone.
PLAIN = ("dataset", "version", "action", "outcome", "since", "until", "ref", "event_id")


@dataclass(frozen=True, slots=True)
class Question:
    """What to look for, as people write it; empty conditions are None.

    `person` is an account, a person's id, `operator:<uid>`, `system:worker`,
    `anonymous:<YYYY-MM>` or the log's token of a person; `organisation` an id, a business number
    or the exact name; `item` a path. `since` and `until` are days or moments of ISO 8601; days and
    moments without a zone are read in the gateway's time zone. A day as `until` counts whole, a
    moment is left out.
    """

    person: str | None = None
    organisation: str | None = None
    dataset: str | None = None
    version: str | None = None
    item: str | None = None
    action: str | None = None
    outcome: Outcome | None = None
    since: str | None = None
    until: str | None = None
    ref: str | None = None
    event_id: str | None = None

    def given(self) -> dict[str, str]:
        """The conditions that are set, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question with its people and moments found. `person_id` is set if an account was meant."""

    question: Question
    filters: Filters
    person_id: uuid.UUID | None
    organisation_id: uuid.UUID | None

    def plain(self) -> dict[str, object]:
        """What the log may say openly: the names of the conditions, codes, and tokens."""
        given = self.question.given()
        codes = {name: given[name] for name in self._codes() if name in given}
        return {"filters": sorted(given), **codes}

    def free(self) -> dict[str, str]:
        """What people wrote freely, and what may therefore name somebody."""
        given = self.question.given()
        return {name: value for name, value in given.items() if name not in self._codes()}

    def _codes(self) -> tuple[str, ...]:
        return PLAIN if self.filters.person_token is None else (*PLAIN, "person")


def resolve(session: Session, question: Question, zone: ZoneInfo) -> Resolved:
    """Find whom and when a question means.

    Raises Problem 422 naming the field: an unknown account or organisation, a malformed moment.
    """
    token = question.person if TOKEN.fullmatch(question.person or "") else None
    person = None if token or question.person is None else _person(session, question.person)
    organisation = question.organisation and _organisation(session, question.organisation)
    filters = Filters(
        person=person,
        person_token=token,
        organisation=str(organisation) if organisation else None,
        dataset=question.dataset,
        version=question.version,
        item=None if question.item is None else unicodedata.normalize("NFC", question.item),
        action=question.action,
        outcome=question.outcome,
        ref=question.ref,
        event_id=question.event_id,
        since_ms=moment("since", question.since, zone),
        until_ms=moment("until", question.until, zone, whole_day=True),
    )
    return Resolved(question, filters, ids.parse(person or ""), organisation or None)


def _person(session: Session, text: str) -> str:
    if NO_ACCOUNT.fullmatch(text) or ids.parse(text):
        return text
    known = find_by_account(session, text)
    if known is None:
        raise field_problem(
            "person",
            "이 계정을 쓰는 사람이 없습니다. 계정 이름을 확인해 주십시오.",
            "Nobody has this account. Check the account name.",
        )
    return str(known.id)


def _organisation(session: Session, text: str) -> uuid.UUID:
    known = ids.parse(text)
    if known is not None:
        return known
    number = text.replace("-", "")
    named = (Organisation.name == text) | (Organisation.business_number == number)
    found = session.scalars(select(Organisation.id).where(named).limit(2)).all()
    if len(found) == 1:
        return found[0]
    if found:
        raise field_problem(
            "organisation",
            "이름이 같은 기관이 여럿 있습니다. 사업자등록번호를 적어 주십시오.",
            "Several organisations have this name. Use the business number.",
        )
    raise field_problem(
        "organisation",
        "이 이름이나 번호의 기관이 없습니다.",
        "No organisation has this name or number.",
    )


def moment(field: str, text: str | None, zone: ZoneInfo, *, whole_day: bool = False) -> int | None:
    if text is None:
        return None
    try:
        return to_ms(_day(text, zone, whole_day) or _instant(text, zone))
    except (ValueError, OverflowError) as error:
        raise field_problem(
            field,
            "날짜(2026-11-02)나 시각(2026-11-02T09:00)을 적어 주십시오.",
            "Write a day (2026-11-02) or a moment (2026-11-02T09:00).",
        ) from error


def _day(text: str, zone: ZoneInfo, whole: bool) -> datetime | None:
    if len(text) != len("2026-11-02"):
        return None
    day = date.fromisoformat(text) + timedelta(days=int(whole))
    return _reachable(datetime.combine(day, time(), zone))


def _instant(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return _reachable(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def _reachable(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 2200:
        raise ValueError("outside the years that the log can hold")
    return moment


def field_problem(field: str, ko: str, en: str) -> Problem:
    """A 422 about one condition."""
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field=field)
