"""Releases of the rules: registered, rehearsed in shadow, put in force, rolled back.

Nothing may be put in force that does not parse, does not fit the schema, leaves a refusal
unexplained or breaks an invariant. The release in force is read with the facts of every request,
so a change holds in every process from its next request on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway import ids
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.journal import Act, Actor, Entry
from gateway.policy.loading import program_engine
from gateway.policy.models import Origin, PolicyRelease, ReleaseState
from gateway.runtime import Runtime
from policies import agreements, rules
from policies.casefile import run_cases
from policies.check import RuleError
from policies.engine import ENGINE_ERROR, Engine
from policies.words import in_words

if TYPE_CHECKING:
    from policies.prove import Proof

ERROR = ENGINE_ERROR.code
WAITING = frozenset({ReleaseState.DRAFT, ReleaseState.SHADOW})


class ReleaseRefused(OperatorError):
    """Rules that may not be put in force; the message says where and why."""


def sync_program(runtime: Runtime) -> None:
    """Register the rules that the program carries, and put them in force where the ones in force
    came with an earlier program.

    A release that an operator brought stays in force as long as this program can decide with it.
    Raises OperatorError otherwise, naming what to do.
    """
    with runtime.db.read() as session:
        current = in_force(session)
        known = by_hash(session, program_engine().release)
    if current is not None and current.origin == Origin.OPERATOR:
        _check_usable(current)
    release = known or _register_program(runtime)
    if current is None or (current.origin == Origin.PROGRAM and current.id != release.id):
        put_in_force(runtime, Actor.system(), release.sha256)


def propose(
    runtime: Runtime, actor: Actor, files: Mapping[str, str], note: str = ""
) -> PolicyRelease:
    """Check, prove and register rules that an operator brings, as a draft.

    Registering the same rules again returns what is on record. Raises ReleaseRefused.
    """
    engine = checked(files)
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
    """Put a draft or shadow release in force; the one before is withdrawn in the same
    transaction. Raises Problem NOT_FOUND, WRONG_STATE or CONFLICT."""
    try:
        with runtime.db.write() as session:
            release = _wanted(session, sha256)
            _expect(release.state in WAITING or release.origin == Origin.PROGRAM)
            return _replace(runtime, session, actor, release, Act.POLICY_IN_FORCE)
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def roll_back(runtime: Runtime, actor: Actor) -> PolicyRelease:
    """Put the release before the one in force in force again, in one step.

    Raises Problem WRONG_STATE when there is none, CONFLICT when someone else was quicker.
    """
    try:
        with runtime.db.write() as session:
            current = in_force(session)
            _expect(current is not None and current.previous_id is not None)
            assert current is not None  # for the type checker: _expect has raised otherwise
            before = session.get_one(PolicyRelease, current.previous_id)
            return _replace(runtime, session, actor, before, Act.POLICY_ROLLED_BACK)
    except IntegrityError as error:
        raise Problem(ProblemCode.CONFLICT) from error


def in_force(session: Session) -> PolicyRelease | None:
    """The release that decides now, or None before any is on record."""
    return session.scalar(select(PolicyRelease).where(PolicyRelease.state == ReleaseState.IN_FORCE))


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


def checked(files: Mapping[str, str]) -> Engine:
    """The engine of rules that may be put in force. Raises ReleaseRefused."""
    try:
        engine = Engine(rules.from_files(files), agreements.hashes())
    except KeyError as error:
        raise ReleaseRefused(f"{rules.SCHEMA_FILE} is missing") from error
    except RuleError as error:
        raise ReleaseRefused(str(error)) from error
    _check_evaluates(engine)
    return engine


def _check_usable(release: PolicyRelease) -> None:
    try:
        _check_evaluates(Engine(rules.from_files(release.files), release.agreements))
    except (RuleError, ReleaseRefused) as error:
        raise OperatorError(
            f"policy release {release.sha256[:12]} cannot be used with this program: {error}; "
            "run: sumun policy release rollback"
        ) from error


def _check_evaluates(engine: Engine) -> None:
    """Its schema must fit the facts of this program: otherwise every answer would be a no.

    Whether the cases come out as the program's own rules have them is not asked: rules that an
    operator changes are meant to decide otherwise.
    """
    for result in run_cases(engine).results:
        if ERROR in result.decision.codes and ERROR not in result.case.codes:
            raise ReleaseRefused(
                f"the rules or their schema do not fit the facts of this program: they err in the "
                f"case {result.case.name!r}"
            )


def _register_program(runtime: Runtime) -> PolicyRelease:
    draft = _draft(runtime, program_engine(), rules.texts(), Origin.PROGRAM)
    return _register(runtime, Actor.system(), draft)


def _draft(
    runtime: Runtime, engine: Engine, files: Mapping[str, str], origin: Origin
) -> PolicyRelease:
    return PolicyRelease(
        id=ids.new(runtime.clock),
        sha256=engine.release,
        origin=origin,
        files=dict(files),
        agreements=dict(engine.texts),
        proofs=_proofs(engine),
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


def _proofs(engine: Engine) -> dict[str, Any]:
    """What the prover says of every invariant. Raises ReleaseRefused when one is broken."""
    from policies.algebra import Unsupported
    from policies.invariants import INVARIANTS
    from policies.prove import Undecided, prove

    try:
        proofs = prove(engine.source, INVARIANTS)
    except (Unsupported, Undecided) as error:
        raise ReleaseRefused(f"the rules cannot be proved: {error}") from error
    broken = [proof for proof in proofs if proof.counterexample is not None]
    if broken:
        raise ReleaseRefused("; ".join(map(_broken, broken)))
    return {proof.id: {"holds": True, "ko": proof.ko, "en": proof.en} for proof in proofs}


def _broken(proof: Proof) -> str:
    """The invariant, what it allows now, and the line of the program's rule that refuses it."""
    from policies.breach import refusing

    example = proof.counterexample
    assert example is not None  # for the type checker: only broken ones come here
    missing = ", ".join(f"{s.file}:{s.line} {s.id}" for s in refusing(rules.read(), example))
    facts = "; ".join(in_words(example.facts))
    return (
        f"{proof.id} is broken ({proof.en}): {example.action} is allowed with {facts}; "
        f"the program's own rules refuse it at {missing or 'no line either'}"
    )


def _replace(
    runtime: Runtime, session: Session, actor: Actor, release: PolicyRelease, act: Act
) -> PolicyRelease:
    now = runtime.clock.now()
    before = in_force(session)
    if before is not None:
        _expect(before.id != release.id)
        before.state, before.withdrawn_at = ReleaseState.WITHDRAWN, now
        session.flush()
    _enforce(release, before, now)
    session.flush()
    runtime.journal.record(session, _entry(actor, act, release, before))
    return release


def _enforce(release: PolicyRelease, before: PolicyRelease | None, now: datetime) -> None:
    release.state, release.in_force_at, release.withdrawn_at = ReleaseState.IN_FORCE, now, None
    release.previous_id = before.id if before is not None else None


def _wanted(session: Session, sha256: str) -> PolicyRelease:
    found = by_hash(session, sha256)
    if found is None:
        raise Problem(
            ProblemCode.NOT_FOUND, "해당 정책 릴리스가 없습니다.", "There is no such release."
        )
    return found


def _expect(holds: bool) -> None:
    if not holds:
        raise Problem(ProblemCode.WRONG_STATE)


def _entry(
    actor: Actor, act: Act, release: PolicyRelease, before: PolicyRelease | None = None
) -> Entry:
    replaced: dict[str, Any] = {"replaces": before.sha256} if before is not None else {}
    detail = {"policy_release": release.sha256, "origin": str(release.origin), **replaced}
    return Entry(actor, act, ref=f"policy:{release.sha256[:12]}", detail=detail)
