"""Releases of the rules: registered, rehearsed in shadow, put in force, rolled back.

Nothing may be put in force that does not parse, does not fit the schema, leaves a refusal
unexplained or breaks an invariant; every way into force proves it anew, whatever is on record.
The release in force is read with the facts of every request, so a change holds in every process
from its next request on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.journal import Act, Actor, Entry
from gateway.policy.loading import program_engine, source_of
from gateway.policy.models import Origin, PolicyRelease, ReleaseState
from gateway.policy.proving import ReleaseRefused, is_proved, proofs_of, read, vetted
from gateway.runtime import Runtime
from policies import rules
from policies.engine import Engine


def sync_program(runtime: Runtime) -> None:
    """`sync_rules` with the rules that this program carries."""
    sync_rules(runtime, program_engine(), rules.texts())


def sync_rules(runtime: Runtime, engine: Engine, files: Mapping[str, str]) -> None:
    """Register the rules of a program that starts; put them in force where they are new and the
    ones in force came with another program.

    What an operator chose stays, be it rules of their own or an earlier program's, as long as
    this program can decide with it. Raises OperatorError otherwise, naming release and remedy;
    ReleaseBroken for a release in force whose record was changed.
    """
    program, is_new = _registered(runtime, engine, files)
    current = _current(runtime)
    if current is not None:
        source_of(current)
    if current is None or _gives_way(current, program, is_new):
        _bring(runtime, program)
    elif not is_proved(current):
        _prove_again(runtime, current)


def propose(
    runtime: Runtime, actor: Actor, files: Mapping[str, str], note: str = ""
) -> PolicyRelease:
    """Check, prove and register rules that an operator brings, as a draft.

    Registering the same rules again returns what is on record. Raises ReleaseRefused.
    """
    engine = read(files)
    with runtime.db.read() as session:
        known = by_hash(session, engine.release)
    if known is not None:
        return known
    draft = _draft(runtime, engine, files, Origin.OPERATOR)
    draft.note = note
    return _register(runtime, actor, draft)


def shadow(runtime: Runtime, actor: Actor, sha256: str) -> PolicyRelease:
    """Let a draft be rehearsed beside the release in force. Raises Problem."""
    with runtime.db.write() as session:
        release = _wanted(session, sha256)
        _expect(release.state == ReleaseState.DRAFT)
        release.state, release.shadow_at = ReleaseState.SHADOW, runtime.clock.now()
        runtime.journal.record(session, _entry(actor, Act.POLICY_SHADOWED, release))
        return release


def put_in_force(runtime: Runtime, actor: Actor, sha256: str) -> PolicyRelease:
    """Prove a release and put it in force; the one before is withdrawn in the same transaction.

    Raises ReleaseRefused; Problem NOT_FOUND, WRONG_STATE for the one in force, or CONFLICT.
    """
    with runtime.db.read() as session:
        release, before = _wanted(session, sha256), in_force(session)
    _expect(before is None or before.id != release.id)
    return _switch(runtime, actor, Act.POLICY_IN_FORCE, release, before)


def roll_back(runtime: Runtime, actor: Actor) -> PolicyRelease:
    """Prove the release before the one in force and put it in force again, in one step.

    Once more goes back to the one before that. Raises ReleaseRefused; Problem WRONG_STATE when
    there is none, CONFLICT when someone else was quicker.
    """
    with runtime.db.read() as session:
        current = in_force(session)
        if current is None or current.previous_id is None:
            raise _nothing_before()
        release = session.get_one(PolicyRelease, current.previous_id)
    return _switch(runtime, actor, Act.POLICY_ROLLED_BACK, release, current)


def in_force(session: Session) -> PolicyRelease | None:
    """The release that decides now, or None before any is on record."""
    return session.scalar(select(PolicyRelease).where(PolicyRelease.state == ReleaseState.IN_FORCE))


def in_shadow(session: Session) -> PolicyRelease | None:
    """The release rehearsed last, or None when none is."""
    shadows = select(PolicyRelease).where(PolicyRelease.state == ReleaseState.SHADOW)
    return session.scalar(shadows.order_by(PolicyRelease.shadow_at.desc()).limit(1))


def by_hash(session: Session, sha256: str) -> PolicyRelease | None:
    """The release of a hash, whole or its first 8 digits or more; None for none or several."""
    if len(sha256) < 8:
        return None
    match = PolicyRelease.sha256.startswith(sha256, autoescape=True)
    found = session.scalars(select(PolicyRelease).where(match).limit(2)).all()
    return found[0] if len(found) == 1 else None


def history(session: Session) -> list[PolicyRelease]:
    """Every release, the newest first."""
    return list(session.scalars(select(PolicyRelease).order_by(PolicyRelease.id.desc())))


def _registered(
    runtime: Runtime, engine: Engine, files: Mapping[str, str]
) -> tuple[PolicyRelease, bool]:
    """The release of a program's own rules, and whether this start has registered it."""
    with runtime.db.read() as session:
        known = by_hash(session, engine.release)
    if known is not None:
        return known, False
    draft = _draft(runtime, engine, files, Origin.PROGRAM)
    return _register(runtime, Actor.system(), draft), True


def _current(runtime: Runtime) -> PolicyRelease | None:
    with runtime.db.read() as session:
        return in_force(session)


def _gives_way(current: PolicyRelease, program: PolicyRelease, is_new: bool) -> bool:
    """Whether the rules in force make room for the program's.

    A program brings its rules once. Whatever was put in force after they were on record was
    chosen in their stead; a start that registered them and was killed is made good.
    """
    if current.origin != Origin.PROGRAM or current.id == program.id:
        return False
    if is_new or program.in_force_at is not None or current.in_force_at is None:
        return is_new
    return program.created_at > current.in_force_at


def _bring(runtime: Runtime, program: PolicyRelease) -> None:
    try:
        put_in_force(runtime, Actor.system(), program.sha256)
    except Problem:
        # Another process started at the same moment.
        current = _current(runtime)
        if current is None or current.id != program.id:
            raise


def _prove_again(runtime: Runtime, current: PolicyRelease) -> None:
    """Put on record that this program, too, proves the release in force."""
    try:
        proofs = vetted(current)
    except ReleaseRefused as error:
        raise OperatorError(
            f"{error}; run: sumun policy release rollback, or enforce another release"
        ) from error
    with runtime.db.write() as session:
        _unchanged(session, current).proofs = proofs


def _draft(
    runtime: Runtime, engine: Engine, files: Mapping[str, str], origin: Origin
) -> PolicyRelease:
    return PolicyRelease(
        id=ids.new(runtime.clock),
        sha256=engine.release,
        origin=origin,
        files=dict(files),
        agreements=dict(engine.texts),
        proofs=proofs_of(engine),
        note="",
        state=ReleaseState.DRAFT,
        created_at=runtime.clock.now(),
    )


def _register(runtime: Runtime, actor: Actor, release: PolicyRelease) -> PolicyRelease:
    try:
        with runtime.db.write() as session:
            session.add(release)
            session.flush()
            runtime.journal.record(session, _entry(actor, Act.POLICY_REGISTERED, release))
        return release
    except IntegrityError:
        # Another process registered the same rules at the same moment.
        with runtime.db.read() as session:
            known = by_hash(session, release.sha256)
        if known is None:
            raise
        return known


def _switch(
    runtime: Runtime, actor: Actor, act: Act, wanted: PolicyRelease, before: PolicyRelease | None
) -> PolicyRelease:
    """Prove first, outside the transaction; then only what was proved replaces what was seen."""
    proofs = vetted(wanted)
    try:
        with runtime.db.write() as session:
            release, current = _unchanged(session, wanted), in_force(session)
            if (current and current.id) != (before and before.id):
                raise Problem(ProblemCode.CONFLICT)
            release.proofs = proofs
            _enforce(session, release, current, runtime.clock.now())
            runtime.journal.record(session, _entry(actor, act, release, current))
            return release
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def _unchanged(session: Session, seen: PolicyRelease) -> PolicyRelease:
    """The record, locked, as it was when it was proved. Raises Problem CONFLICT."""
    row = session.get(PolicyRelease, seen.id, with_for_update=True)
    if row is None or _content(row) != _content(seen):
        raise Problem(ProblemCode.CONFLICT)
    return row


def _content(row: PolicyRelease) -> tuple[object, ...]:
    return row.sha256, row.files, row.agreements, row.state


def _enforce(
    session: Session, release: PolicyRelease, before: PolicyRelease | None, now: datetime
) -> None:
    if before is not None:
        # Going back to what led here leaves the way further back as it was.
        if release.id not in {each.id for each in _led_to(session, before)}:
            release.previous_id = before.id
        before.state, before.withdrawn_at = ReleaseState.WITHDRAWN, now
        # The partial unique index must not see two releases in force.
        session.flush()
    release.state, release.in_force_at, release.withdrawn_at = ReleaseState.IN_FORCE, now, None
    session.flush()


def _led_to(session: Session, release: PolicyRelease) -> Iterator[PolicyRelease]:
    """What rolling back from a release comes to, one after the other."""
    passed = {release.id}
    while release.previous_id is not None and release.previous_id not in passed:
        release = session.get_one(PolicyRelease, release.previous_id)
        passed.add(release.id)
        yield release


def _wanted(session: Session, sha256: str) -> PolicyRelease:
    found = by_hash(session, sha256)
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 정책 릴리스가 없습니다.", "There is no such release."
        )
    return found


def _nothing_before() -> Problem:
    return Problem(
        ProblemCode.WRONG_STATE,
        "되돌아갈 이전 정책 릴리스가 없습니다.",
        "There is no release before the one in force to go back to.",
    )


def _expect(holds: bool) -> None:
    if not holds:
        raise Problem(ProblemCode.WRONG_STATE)


def _entry(
    actor: Actor, act: Act, release: PolicyRelease, before: PolicyRelease | None = None
) -> Entry:
    replaced: dict[str, Any] = {"replaces": before.sha256} if before is not None else {}
    detail = {"policy_release": release.sha256, "origin": str(release.origin), **replaced}
    return Entry(actor, act, ref=f"policy:{release.sha256[:12]}", detail=detail)
