"""Agreement versions: registered from files, put in force, withdrawn."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.agreements.carried import carried, check_unchanged, table
from gateway.agreements.models import (
    AgreementState,
    AgreementVersion,
)
from gateway.errors import Problem, ProblemCode
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies.agreements import AgreementText
from policies.terms import Change

WAITING = frozenset({AgreementState.DRAFT, AgreementState.SHADOW})


def sync_files(runtime: Runtime) -> list[str]:
    """Register the agreement files that the program carries; returns what is new (`code/vN`).

    The first version of a code is put in force at once; later ones wait as drafts. Raises
    OperatorError naming the file when a file differs from the version on record, or the folder
    of a version that is in force, announced or signed is gone: what people have signed never
    changes.
    """
    return register(runtime, carried(runtime.db))


def register(runtime: Runtime, texts: Sequence[AgreementText]) -> list[str]:
    """Register what is new among `texts`, older versions first; returns it as `code/vN`.

    Raises OperatorError naming the version where a text and its record differ.
    """
    known = check_unchanged(runtime.db, texts)
    new = [text for text in texts if (text.code, text.version) not in known]
    for text in new:
        _register(runtime, text)
    return [f"{text.code}/v{text.version}" for text in new]


def put_in_force(runtime: Runtime, actor: Actor, version_id: uuid.UUID) -> None:
    """Put a draft or announced version in force, now.

    The version before is withdrawn in the same transaction, as is every version that this one
    overtakes. Where it asks for a new signature, those given before hold until the end of the
    notice period. Raises Problem NOT_FOUND, WRONG_STATE or CONFLICT.
    """
    try:
        with runtime.db.write() as session:
            version = locked(session, version_id)
            expect(version.state in WAITING)
            enter(runtime, session, actor, version)
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def enter(runtime: Runtime, session: Session, actor: Actor, version: AgreementVersion) -> None:
    """Put `version` in force in the caller's transaction.

    Raises Problem WRONG_STATE when a newer one has been in force.
    """
    now = runtime.clock.now()
    siblings = list(session.scalars(every().where(AgreementVersion.code == version.code)))
    newer = [row for row in siblings if row.number > version.number]
    expect(all(row.in_force_at is None for row in newer))
    for row in siblings:
        if row.number < version.number and row.state != AgreementState.WITHDRAWN:
            leave(runtime, session, actor, row)
    # The partial unique index must not see two versions in force.
    session.flush()
    version.grace_ends_at = grace(version, siblings, now)
    version.state, version.in_force_at = AgreementState.IN_FORCE, now
    runtime.journal.record(session, entry(actor, Act.AGREEMENT_IN_FORCE, version))


def leave(runtime: Runtime, session: Session, actor: Actor, version: AgreementVersion) -> None:
    """Withdraw `version` in the caller's transaction."""
    version.state, version.withdrawn_at = AgreementState.WITHDRAWN, runtime.clock.now()
    runtime.journal.record(session, entry(actor, Act.AGREEMENT_WITHDRAWN, version))


def grace(
    version: AgreementVersion, siblings: Sequence[AgreementVersion], now: datetime
) -> datetime | None:
    """Until when signatures hold that this version no longer accepts; None where it accepts all.

    The notice is the longest of every version since the last one in force: whoever signed that
    one meets all their changes at once.
    """
    been = [row for row in siblings if row.in_force_at and row.number < version.number]
    if not been or version.signed_from <= (last := max(been, key=_number)).signed_from:
        return None
    since = [row for row in siblings if last.number < row.number <= version.number]
    return now + timedelta(days=max(int(row.terms["notice_days"]) for row in since))


def withdraw(runtime: Runtime, actor: Actor, version_id: uuid.UUID) -> None:
    """Take the version in force back without a successor: its datasets close at once.

    Raises Problem NOT_FOUND or WRONG_STATE.
    """
    with runtime.db.write() as session:
        version = locked(session, version_id)
        expect(version.state == AgreementState.IN_FORCE)
        leave(runtime, session, actor, version)


def in_force(session: Session, code: str) -> AgreementVersion | None:
    """The version in force of an agreement, or None."""
    return session.scalar(
        select(AgreementVersion).where(
            AgreementVersion.code == code, AgreementVersion.state == AgreementState.IN_FORCE
        )
    )


def current(session: Session) -> list[AgreementVersion]:
    """Every version in force, by code."""
    return list(session.scalars(every().where(AgreementVersion.state == AgreementState.IN_FORCE)))


def versions(session: Session, code: str) -> list[AgreementVersion]:
    """Every version of an agreement, newest first. Raises Problem NOT_FOUND for none."""
    found = session.scalars(every().where(AgreementVersion.code == code))
    return sorted(found, key=lambda row: -row.number) or missing()


def version_named(session: Session, name: str) -> AgreementVersion | None:
    """The version of a name such as `health/v2`, or None."""
    code, _, number = name.partition("/v")
    if not number.isdecimal():
        return None
    return session.scalar(
        every().where(AgreementVersion.code == code, AgreementVersion.number == int(number))
    )


def every() -> Select[AgreementVersion]:
    """Every agreement version, by code and number."""
    return select(AgreementVersion).order_by(AgreementVersion.code, AgreementVersion.number)


def _register(runtime: Runtime, text: AgreementText) -> None:
    now = runtime.clock.now()
    row = AgreementVersion(
        id=ids.new(runtime.clock),
        code=text.code,
        number=text.version,
        sha256=text.sha256,
        text_ko=text.ko,
        text_en=text.en,
        terms=table(text),
        created_at=now,
    )
    try:
        with runtime.db.write() as session:
            earlier = list(session.scalars(every().where(AgreementVersion.code == text.code)))
            first = not earlier
            row.signed_from = _signed_from(text, earlier)
            row.state = AgreementState.IN_FORCE if first else AgreementState.DRAFT
            row.in_force_at = now if first else None
            session.add(row)
            session.flush()
            runtime.journal.record(session, entry(Actor.system(), Act.AGREEMENT_REGISTERED, row))
    except IntegrityError:
        # Another process of the same release registered the same file at the same moment.
        with runtime.db.read() as session:
            known = session.scalar(every().where(AgreementVersion.sha256 == text.sha256))
        if known is None:
            raise


def _signed_from(text: AgreementText, earlier: Sequence[AgreementVersion]) -> int:
    """The oldest version whose signatures bind under this one: a minor change asks for none."""
    if text.terms.change is not Change.MINOR:
        return text.version
    return max((row for row in earlier if row.number < text.version), key=_number).signed_from


def _number(row: AgreementVersion) -> int:
    return row.number


def locked(session: Session, version_id: uuid.UUID) -> AgreementVersion:
    """The version, locked for the caller's transaction. Raises Problem NOT_FOUND."""
    found = session.get(AgreementVersion, version_id, with_for_update=True)
    if found is None:
        missing()
    return found


def missing() -> NoReturn:
    """Raise Problem NOT_FOUND for an agreement."""
    raise Problem(ProblemCode.NOT_FOUND, "해당 이용협약이 없습니다.", "There is no such agreement.")


def expect(holds: bool) -> None:
    """Raise Problem WRONG_STATE unless `holds`."""
    if not holds:
        raise Problem(ProblemCode.WRONG_STATE)


def name_of(version: AgreementVersion) -> str:
    """Its name in commands and in the log, such as `health/v2`."""
    return f"{version.code}/v{version.number}"


def entry(actor: Actor, act: Act, version: AgreementVersion, **detail: Any) -> Entry:
    """The event of something done to a version."""
    told = {"sha256": version.sha256, "state": str(version.state), **detail}
    return Entry(actor, act, ref=f"agreement:{name_of(version)}", detail=told)
