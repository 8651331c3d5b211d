"""Agreement versions: registered from files, put in force, withdrawn."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NoReturn

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.agreements.models import (
    AgreementState,
    AgreementVersion,
)
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.journal import Act, Actor, Entry
from gateway.runtime import Runtime
from policies import agreements as files
from policies.agreements import AgreementText, Change


def sync_files(runtime: Runtime) -> list[str]:
    """Register the agreement files that the program carries; returns what is new (`code/vN`).

    The first version of a code is put in force at once; later ones wait as drafts. Raises
    OperatorError naming the file when a file differs from the version on record: what people
    have signed never changes.
    """
    try:
        texts = files.load()
    except files.AgreementError as error:
        raise OperatorError(f"agreement {error}") from error
    with runtime.db.read() as session:
        known = {(row.code, row.number): row.sha256 for row in session.scalars(every())}
    for text in texts:
        _check_unchanged(text, known.get((text.code, text.version)))
    new = [text for text in texts if (text.code, text.version) not in known]
    for text in new:
        _register(runtime, text)
    return [f"{text.code}/v{text.version}" for text in new]


def put_in_force(runtime: Runtime, actor: Actor, version_id: uuid.UUID) -> None:
    """Put a draft in force; the version before is withdrawn in the same transaction, so that
    everyone is asked to sign anew. Raises Problem NOT_FOUND, WRONG_STATE or CONFLICT."""
    now = runtime.clock.now()
    try:
        with runtime.db.write() as session:
            version = _version(session, version_id)
            expect(version.state in {AgreementState.DRAFT, AgreementState.SHADOW})
            before = in_force(session, version.code)
            if before is not None:
                _withdraw(before, now)
                session.flush()
                runtime.journal.record(session, _entry(actor, Act.AGREEMENT_WITHDRAWN, before))
            version.state, version.in_force_at = AgreementState.IN_FORCE, now
            runtime.journal.record(session, _entry(actor, Act.AGREEMENT_IN_FORCE, version))
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def withdraw(runtime: Runtime, actor: Actor, version_id: uuid.UUID) -> None:
    """Take the version in force back without a successor: its datasets close at once.

    Raises Problem NOT_FOUND or WRONG_STATE.
    """
    with runtime.db.write() as session:
        version = _version(session, version_id)
        expect(version.state == AgreementState.IN_FORCE)
        _withdraw(version, runtime.clock.now())
        runtime.journal.record(session, _entry(actor, Act.AGREEMENT_WITHDRAWN, version))


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


def _check_unchanged(text: AgreementText, recorded: str | None) -> None:
    if recorded is not None and recorded != text.sha256:
        raise OperatorError(
            f"agreement policies/agreements/{text.code}/v{text.version}: the files differ from "
            "the version on record; restore them and publish the change as a new version"
        )


def _register(runtime: Runtime, text: AgreementText) -> None:
    now = runtime.clock.now()
    row = AgreementVersion(
        id=ids.new(runtime.clock),
        code=text.code,
        number=text.version,
        sha256=text.sha256,
        text_ko=text.ko,
        text_en=text.en,
        terms=asdict(text.terms),
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
            runtime.journal.record(session, _entry(Actor.system(), Act.AGREEMENT_REGISTERED, row))
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


def _version(session: Session, version_id: uuid.UUID) -> AgreementVersion:
    found = session.get(AgreementVersion, version_id, with_for_update=True)
    if found is None:
        missing()
    return found


def missing() -> NoReturn:
    """Raise Problem NOT_FOUND for an agreement."""
    raise Problem(ProblemCode.NOT_FOUND, "해당 이용협약이 없습니다.", "There is no such agreement.")


def _withdraw(version: AgreementVersion, now: datetime) -> None:
    version.state, version.withdrawn_at = AgreementState.WITHDRAWN, now


def expect(holds: bool) -> None:
    """Raise Problem WRONG_STATE unless `holds`."""
    if not holds:
        raise Problem(ProblemCode.WRONG_STATE)


def _entry(actor: Actor, act: Act, version: AgreementVersion) -> Entry:
    return Entry(
        actor,
        act,
        ref=f"agreement:{version.code}/v{version.number}",
        detail={"sha256": version.sha256, "state": str(version.state)},
    )
