"""Has the newest checkpoint cosigned, keeps the cosignatures, and picks what is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Counter
from sqlalchemy import select

from audit import cosigned
from audit.dbapi import Dialect, Sql
from audit.note import parse_note
from audit.policy_file import NONE, Policy, WitnessLine
from audit.reader import LogReader
from audit.stores import StoredCheckpoint, store_for
from gateway.db import WriteBusy
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.observability.metrics import REGISTRY
from gateway.runtime import Runtime
from gateway.security.outbound import Outbound
from gateway.witnessing import policy_file
from gateway.witnessing.asking import Answered, ask
from gateway.witnessing.models import Ending, WitnessAnswer

AT_ONCE = 8
ALARMING = (Ending.AHEAD, Ending.CONTRADICTED)
ANSWERS = Counter(
    "sumun_witness_answers", "How witnesses answered", ("witness", "ending"), registry=REGISTRY
)


@dataclass(frozen=True, slots=True)
class Standing:
    """One witness at a glance: what it cosigned last, and how it answered last."""

    witness: WitnessLine
    cosigned: StoredCheckpoint | None
    ending: Ending | None
    detail: str
    asked_at: datetime | None


@contextmanager
def log_read(runtime: Runtime) -> Iterator[tuple[Sql, LogReader]]:
    """Open the log in one read-only snapshot."""
    with runtime.db.read() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        dialect = Dialect(runtime.db.dialect)
        yield Sql(connection, dialect), LogReader(connection, dialect, runtime.vault)


def ask_all(runtime: Runtime) -> list[Answered]:
    """Ask every witness that has not cosigned the newest checkpoint; keep what they answer.

    Raises OperatorError for a policy that cannot be read, LogUnavailable, WriteBusy.
    """
    witnesses = [one for one in policy_file.load(runtime.settings).witnesses if one.url]
    if not witnesses:
        return []
    newest = runtime.journal.log.checkpoint()
    with log_read(runtime) as (sql, _):
        known = {one.name: _size_of(cosigned.newest_of(sql, one.key)) for one in witnesses}
    waiting = [one for one in witnesses if known[one.name] < newest.size]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda one: _ask(runtime, one, newest, known[one.name]), waiting))
    _keep(runtime, answers)
    return answers


def _ask(runtime: Runtime, witness: WitnessLine, newest: StoredCheckpoint, known: int) -> Answered:
    def prove(old: int, new: int) -> tuple[bytes, ...]:
        with log_read(runtime) as (_, reader):
            return reader.consistency(old, new)

    return ask(Outbound(runtime.settings.outbound_networks), witness, newest, known, prove)


def _size_of(checkpoint: StoredCheckpoint | None) -> int:
    return 0 if checkpoint is None else checkpoint.size


def _keep(runtime: Runtime, answers: Sequence[Answered]) -> None:
    """Store cosignatures and endings; an alarming answer becomes an event when it is new."""
    dialect = Dialect(runtime.db.dialect)
    news: list[Answered] = []
    for one in answers:
        ANSWERS.labels(one.witness.name, one.ending).inc()
    with runtime.db.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        for one in answers:
            if one.cosigned is not None:
                cosigned.insert(store_for(dialect), Sql(connection, dialect), one.cosigned)
            row = session.get(WitnessAnswer, str(one.witness.key))
            if one.ending in ALARMING and (row is None or row.ending != one.ending):
                news.append(one)
            session.merge(_row(runtime, one))
    for one in news:
        runtime.journal.append(_alarm(one))


def _row(runtime: Runtime, one: Answered) -> WitnessAnswer:
    return WitnessAnswer(
        vkey=str(one.witness.key),
        name=one.witness.name,
        ending=one.ending,
        detail=one.detail,
        size=one.size,
        asked_at=runtime.clock.now(),
    )


def _alarm(one: Answered) -> Entry:
    detail = {"ending": str(one.ending), "what": one.detail}
    ref = f"witness:{one.witness.key.name}"
    return Entry(Actor.system(), Act.WITNESS_REFUSED, Outcome.FAILURE, ref=ref, detail=detail)


def published(runtime: Runtime) -> str | None:
    """The checkpoint for the world with its cosignatures, or None while the quorum is unmet.

    Without a quorum it is the log's own newest. With one it is the newest that meets it: what
    the witnesses have not seen is not shown. Raises OperatorError, LogUnavailable.
    """
    policy = policy_file.load(runtime.settings)
    if policy.quorum == NONE:
        newest = runtime.journal.log.checkpoint()
        with log_read(runtime) as (sql, _):
            return cosigned.note_of(sql, newest)
    with log_read(runtime) as (sql, _):
        found = newest_met(sql, policy)
        return None if found is None else cosigned.note_of(sql, found)


def newest_met(sql: Sql, policy: Policy) -> StoredCheckpoint | None:
    """The newest checkpoint whose valid cosignatures meet the quorum.

    However long a witness is away, the search begins where enough of them could have signed.
    """
    known = [cosigned.newest_of(sql, one.key) for one in policy.witnesses]
    newest = sorted((one.seq for one in known if one is not None), reverse=True)
    if len(newest) < policy.fewest:
        return None
    for checkpoint in cosigned.descending(sql, newest[policy.fewest - 1], policy.fewest):
        note = parse_note(cosigned.note_of(sql, checkpoint))
        if policy.met(policy.cosigners(note)):
            return checkpoint
    return None


def standings(runtime: Runtime) -> list[Standing]:
    """Every witness of the policy, in its order. Raises OperatorError."""
    policy = policy_file.load(runtime.settings)
    with runtime.db.read() as session:
        answers = {row.vkey: row for row in session.scalars(select(WitnessAnswer))}
    with log_read(runtime) as (sql, _):
        return [_standing(sql, one, answers.get(str(one.key))) for one in policy.witnesses]


def _standing(sql: Sql, witness: WitnessLine, answer: WitnessAnswer | None) -> Standing:
    newest = cosigned.newest_of(sql, witness.key)
    if answer is None:
        return Standing(witness, newest, None, "", None)
    return Standing(witness, newest, Ending(answer.ending), answer.detail, answer.asked_at)


def beat(runtime: Runtime) -> None:
    """What the worker does at each interval; a busy database is left for the next one."""
    try:
        ask_all(runtime)
    except WriteBusy:
        return
