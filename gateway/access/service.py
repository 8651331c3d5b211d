"""The one door: nothing that a dataset holds leaves the gateway except through `authorize`.

A yes is durable in the audit log before this module returns it; when the log cannot be written
the answer is 503. A no is recorded with the code of every blocker.
"""

from __future__ import annotations

import dataclasses
from typing import NoReturn, Protocol

from audit.errors import LogUnavailable
from gateway import ids
from gateway.access import presenter, quota, step_up
from gateway.access.ask import Ask, Gathered, Intent, Permit
from gateway.access.facts import gather
from gateway.access.grounds import grounds
from gateway.clock import Clock
from gateway.db import Database
from gateway.errors import Problem, ProblemCode
from gateway.journal import Actor, Entry, Journal, Outcome, PartyKind
from gateway.journal.folding import Folding
from gateway.policy.loading import engine_for
from policies.decision import Decision
from policies.explain import explain
from policies.ontology import Ontology
from policies.vocabulary import Action

# A reservation loses against others at most this often before the caller is asked to come back.
RESERVE_ATTEMPTS = 3
RETRY_SECONDS = 1


class Door(Protocol):
    """What the door needs of the runtime."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def ontology(self) -> Ontology: ...
    @property
    def folding(self) -> Folding: ...


def consider(door: Door, ask: Ask) -> tuple[Gathered, Decision]:
    """Gather and decide without recording: for "can I?", dry runs and streams under way.

    Raises Problem NOT_FOUND when the dataset does not exist, or the grant is not the person's.
    """
    gathered = gather(door.db, ask, door.clock.now(), door.ontology)
    if gathered is None:
        raise Problem(
            ProblemCode.NOT_FOUND,
            "해당 데이터셋 또는 이용 권한이 없습니다.",
            "There is no such dataset or grant.",
        )
    engine = engine_for(door.db, gathered.release)
    return gathered, engine.decide(ask.action, gathered.facts)


def authorize(door: Door, actor: Actor, ask: Ask, intent: Intent) -> Permit:
    """Let `ask` through, or raise.

    On a yes `ask.request_bytes` are reserved from the grant's quota, and `intent.allowed` is
    durable in the log; pass the permit to `settle` once the bytes have gone. Raises Problem
    ACCESS_DENIED with every blocker (recorded as `intent.refused`), LOG_UNAVAILABLE, NOT_FOUND,
    BUSY; AssertionError within a write transaction.
    """
    door.db.assert_no_write("authorize")
    for _attempt in range(RESERVE_ATTEMPTS):
        gathered, decision = consider(door, ask)
        actor = (_answering if intent.bearer else _for_organisation)(actor, gathered)
        if not decision.allowed:
            refuse(door, actor, gathered, decision, intent)
        if ask.epoch not in {None, gathered.epoch}:
            _refuse_old_epoch(door, actor, gathered, decision, intent)
        reserved = quota.reserve(door.db, gathered, quota.counted(ask))
        if reserved is not None:
            event_id = ids.new(door.clock)
            permit = Permit(actor, ask, gathered, decision, reserved, event_id)
            return _recorded(door, permit, intent)
    raise Problem(ProblemCode.BUSY, retry_after=RETRY_SECONDS)


def refuse(
    door: Door,
    actor: Actor,
    gathered: Gathered,
    decision: Decision,
    intent: Intent,
    *,
    over: bool = False,
) -> NoReturn:
    """Record the no and raise it: Problem ACCESS_DENIED, INSUFFICIENT_USER_AUTHENTICATION where a
    passkey is all that is missing, or LOG_UNAVAILABLE. What is `over` for good has no way to a yes.
    """
    actor = _for_organisation(actor, gathered)
    record_refusal(door.folding, _entry(door, actor, gathered, decision, intent))
    engine = engine_for(door.db, gathered.release)
    if step_up.is_all_that_is_missing(engine, Action(decision.action), gathered.facts):
        raise step_up.required(gathered.facts.subject.kind)
    way = None if over else explain(engine, decision.action, gathered.facts)
    raise presenter.denied(decision, way)


def still_allowed(door: Door, permit: Permit, again: Ask | None = None) -> bool:
    """Whether a stream under this permit may go on: the same grant epoch, and again a yes.

    `again` is the same question with fresh facts of higher features. The bytes themselves are
    reserved already, so they do not count a second time; and whom a passkey had confirmed when
    the stream began need not confirm themselves to see its end.
    """
    found = gather(door.db, again or permit.ask, door.clock.now(), door.ontology)
    if found is None or found.epoch != permit.gathered.epoch:
        return False
    spent = dataclasses.replace(found.facts.standing, used_bytes=0)
    target = dataclasses.replace(found.facts.target, strong_auth_within_ms=0)
    facts = dataclasses.replace(found.facts, standing=spent, target=target, request_bytes=0)
    return engine_for(door.db, found.release).decide(permit.ask.action, facts).allowed


def settle(door: Door, permit: Permit, sent: int) -> None:
    """Count the `sent` bytes and give back what was reserved beyond them."""
    quota.settle(door.db, permit, sent)


def append(journal: Journal, entry: Entry) -> int:
    """`journal.append`, with a log that cannot be written as Problem LOG_UNAVAILABLE (503)."""
    try:
        return journal.append(entry)
    except LogUnavailable as error:
        raise Problem(ProblemCode.LOG_UNAVAILABLE) from error


def record_refusal(folding: Folding, entry: Entry) -> None:
    """`folding.record`, with a log that cannot be written as Problem LOG_UNAVAILABLE (503)."""
    try:
        folding.record(entry)
    except LogUnavailable as error:
        raise Problem(ProblemCode.LOG_UNAVAILABLE) from error


def _answering(actor: Actor, gathered: Gathered) -> Actor:
    """The grant's holder, acting from where the request came."""
    return dataclasses.replace(
        actor,
        kind=PartyKind.PERSON,
        person_id=gathered.person_id,
        organisation_id=gathered.organisation_id,
        personal=gathered.personal,
    )


def _for_organisation(actor: Actor, gathered: Gathered) -> Actor:
    """Whoever uses a grant of their own acts for the organisation it was given under."""
    if gathered.grant_id is None or actor.person_id != gathered.person_id:
        return actor
    return dataclasses.replace(actor, organisation_id=gathered.organisation_id)


def _refuse_old_epoch(
    door: Door, actor: Actor, gathered: Gathered, decision: Decision, intent: Intent
) -> NoReturn:
    """The person may, but this address was issued before the grant last changed."""
    entry = _entry(door, actor, gathered, decision, intent)
    refused = dataclasses.replace(
        entry, act=intent.refused, outcome=Outcome.DENY, reason=ProblemCode.URL_EXPIRED.upper()
    )
    record_refusal(door.folding, refused)
    raise Problem(
        ProblemCode.URL_EXPIRED,
        "이 다운로드 주소가 만들어진 뒤 이용 권한이 바뀌었습니다.",
        "The grant has changed since this address was issued.",
    )


def _recorded(door: Door, permit: Permit, intent: Intent) -> Permit:
    try:
        entry = _entry(door, permit.actor, permit.gathered, permit.decision, intent)
        append(door.journal, dataclasses.replace(entry, event_id=permit.event_id))
    except Problem:
        settle(door, permit, 0)
        raise
    return permit


def _entry(
    door: Door, actor: Actor, gathered: Gathered, decision: Decision, intent: Intent
) -> Entry:
    """The entry of a decision, its facts kept. Raises Problem LOG_UNAVAILABLE."""
    grant = f"grant:{gathered.grant_id}" if gathered.grant_id else None
    return Entry(
        actor=actor,
        act=intent.allowed if decision.allowed else intent.refused,
        outcome=Outcome.SUCCESS if decision.allowed else Outcome.DENY,
        dataset=gathered.dataset,
        version=gathered.version,
        item=intent.item,
        ref=intent.ref or grant,
        reason=",".join(decision.codes) or None,
        detail={**intent.detail, **grounds(door, gathered.facts, decision)},
    )
