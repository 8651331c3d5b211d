"""The log on both databases: durable, in order, gap-free, and closed when in doubt."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from audit import outbox
from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.errors import EventReplayed, LogFenced, LogUnavailable
from audit.event import Party
from audit.restore import restore_epoch
from audit.schema import postgres_privileges
from tests.unit.audit.world import (
    NOW_MS,
    ORIGIN,
    SIGNER,
    World,
    drop_triggers,
    event,
    eventually,
    vault,
)


def indexes(world: World) -> list[int]:
    return [row[0] for row in world.execute("SELECT idx FROM audit_entries ORDER BY idx")]


def test_append_returns_the_index_of_a_durable_event(world: World) -> None:
    log = world.log()
    assert [log.append(event()) for _ in range(3)] == [0, 1, 2]
    assert log.size() == 3
    assert world.verify().clean


def test_many_threads_append_without_gap_or_repetition(world: World) -> None:
    log = world.log()
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(lambda n: log.append(event(actor=Party(f"p{n % 9}"))), range(600)))
    assert sorted(given) == list(range(600)) == indexes(world)
    log.checkpoint()
    assert world.verify().findings == ()


def test_several_logs_on_one_database_keep_one_order(world: World) -> None:
    logs = [world.log() for _ in range(3)]
    with ThreadPoolExecutor(9) as pool:
        given = list(pool.map(lambda n: logs[n % 3].append(event()), range(300)))
    assert sorted(given) == list(range(300))
    assert world.verify().findings == ()


def test_recorded_events_are_numbered_after_the_commit(world: World) -> None:
    log = world.log()
    world.record(log, event(ref="first"), event(ref="second"))
    log.kick()
    assert eventually(lambda: log.size() == 2)
    rows = world.execute("SELECT ref FROM audit_entries ORDER BY idx")
    assert [row[0] for row in rows] == ["first", "second"]
    assert world.execute("SELECT COUNT(*) FROM audit_outbox")[0][0] == 0
    assert world.verify().findings == ()


def test_recorded_and_appended_events_interleave_without_gap(world: World) -> None:
    log = world.log()

    def one(number: int) -> None:
        if number % 3:
            log.append(event())
        else:
            world.record(log, event())
            log.kick()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(150)))
    assert eventually(lambda: log.size() == 150)
    assert indexes(world) == list(range(150))
    assert world.verify().findings == ()


def test_an_event_of_a_transaction_that_rolled_back_never_was(world: World) -> None:
    log = world.log()
    with contextlib.suppress(ZeroDivisionError), world.transaction() as connection:
        log.record(connection, event(actor=Party("rolled-back")))
        raise ZeroDivisionError
    log.append(event(actor=Party("rolled-back")))
    assert log.size() == 1
    assert world.verify().findings == ()


def test_a_replayed_event_is_refused_and_the_others_go_on(world: World) -> None:
    log = world.log()
    first = event()
    log.append(first)

    def attempt(number: int) -> str:
        try:
            log.append(first if number % 2 else event())
        except EventReplayed:
            return "replayed"
        return "logged"

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(attempt, range(20)))
    assert (results.count("logged"), results.count("replayed")) == (10, 10)
    assert log.size() == 11


def test_a_logged_or_queued_event_cannot_be_recorded_again(world: World) -> None:
    log = world.log()
    logged, queued = event(), event()
    log.append(logged)
    with pytest.raises(EventReplayed):
        world.record(log, logged)
    with pytest.raises(EventReplayed):
        world.record(log, queued, queued)


def test_a_forged_outbox_row_is_left_for_the_verifier_and_holds_up_nothing(world: World) -> None:
    log = world.log()
    world.record(log, event())
    with world.transaction() as connection:
        sql = Sql(connection, world.dialect)
        sql.run(
            "INSERT INTO audit_outbox (queued_ns, event_id, leaf, mac) VALUES (?, ?, ?, ?)",
            (1, str(uuid.uuid4()), b"{}", b"m" * 32),
        )
    log.kick()
    assert eventually(lambda: log.size() == 1)
    assert {finding.table for finding in world.verify().findings} == {
        "audit_outbox",
        "audit_promises",
    }


def test_append_asks_the_guard_first(world: World) -> None:
    def guard() -> None:
        raise AssertionError("a write transaction is open")

    log = world.log(guard=guard)
    with pytest.raises(AssertionError, match="write transaction"):
        log.append(event())


def test_an_unreachable_database_is_an_error_and_recovers_without_help(world: World) -> None:
    broken = threading.Event()

    def connect() -> Any:
        if broken.is_set():
            raise OSError("disk I/O error")
        return world.connect()

    broken.set()
    log = world.log(connect=connect)
    with pytest.raises(LogUnavailable):
        log.append(event())
    broken.clear()
    assert log.append(event()) == 0


def test_an_unwritable_table_is_an_error_and_nothing_is_half_done(world: World) -> None:
    log = world.log()
    log.append(event())
    world.execute("ALTER TABLE audit_tiles RENAME TO audit_gone")
    world.execute("ALTER TABLE audit_subjects RENAME TO audit_lost")
    with pytest.raises(LogUnavailable):
        log.append(event(subjects=("lee",)))
    world.execute("ALTER TABLE audit_gone RENAME TO audit_tiles")
    world.execute("ALTER TABLE audit_lost RENAME TO audit_subjects")
    assert log.append(event(subjects=("lee",))) == 1
    assert world.verify().findings == ()


def test_a_log_that_does_not_answer_in_time_raises(world: World) -> None:
    @contextlib.contextmanager
    def never() -> Iterator[None]:
        with held:
            yield

    held = threading.Lock()
    log = world.log(write_lock=never, timeout_s=0.05)
    plain = event(place=None, personal={}, item=None)
    with held, pytest.raises(LogUnavailable, match="confirm"):
        log.append(plain)


def test_a_missing_head_is_never_made_up_again(world: World) -> None:
    log = world.log()
    log.append(event())
    log.close()
    drop_triggers(world)
    world.execute("DELETE FROM audit_head")
    with pytest.raises(LogUnavailable):
        world.log().append(event())


def test_restoring_a_backup_begins_an_epoch_and_fences_the_old_process(world: World) -> None:
    log = world.log()
    log.append(event())
    old = log.checkpoint()
    with contextlib.closing(world.connect()) as connection:
        epoch = restore_epoch(
            connection,
            world.dialect,
            vault=vault(),
            signer=SIGNER,
            event_id=str(uuid.uuid4()),
            time_ms=NOW_MS,
            actor=Party("operator:0"),
            known_checkpoint=old.note,
        )
    assert epoch == 2
    with pytest.raises(LogFenced):
        log.append(event())
    with pytest.raises(LogFenced):
        log.append(event())
    renewed = world.log()
    assert renewed.append(event()) == 2
    assert renewed.checkpoint().epoch == 2
    assert world.verify().findings == ()


def test_checkpoints_are_at_most_one_a_second_unless_more_must_be_covered(world: World) -> None:
    log = world.log()
    log.append(event())
    first = log.checkpoint()
    log.append(event())
    assert log.checkpoint() == first
    assert log.checkpoint(covering=2).size == 2
    world.now_ms += 2000
    log.append(event())
    assert log.checkpoint().size == 3
    with pytest.raises(LogUnavailable, match="asked for"):
        log.checkpoint(covering=9)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET outcome = 'deny'",
        "DELETE FROM audit_entries",
        "UPDATE audit_subjects SET person = 'x'",
        "DELETE FROM audit_checkpoints",
        "UPDATE audit_head SET size = 0",
        "DELETE FROM audit_head",
        "DELETE FROM audit_edge",
        "DELETE FROM audit_outbox",
        "UPDATE audit_outbox SET leaf = mac",
        "DELETE FROM audit_promises",
        "DELETE FROM audit_person_keys",
        "UPDATE audit_person_keys SET created_ms = 1",
    ],
)
def test_the_tables_refuse_to_be_rewritten(world: World, statement: str) -> None:
    log = world.log()
    log.append(event(subjects=("lee",)))
    log.checkpoint()
    log.close()
    with world.transaction() as connection:
        outbox.put(Sql(connection, world.dialect), vault(), 1, str(uuid.uuid4()), b"{}")
    with pytest.raises(Exception, match=r"append-only|never|only|sequencing"):
        world.execute(statement)


def test_the_application_role_on_postgresql_needs_no_more_than_documented(
    postgres_log: World,
) -> None:
    role = f"gate_{uuid.uuid4().hex[:8]}"
    postgres_log.execute(f"CREATE ROLE {role}")
    for statement in postgres_privileges(role):
        postgres_log.execute(statement)

    def connect() -> Any:
        connection = postgres_log.connect()
        connection.autocommit = True
        connection.execute(f"SET ROLE {role}")
        return connection

    log = postgres_log.log(connect=connect)
    with pytest.raises(ValueError, match="role"):
        postgres_privileges("x; DROP TABLE y")
    assert log.append(event()) == 0
    with contextlib.closing(connect()) as connection, pytest.raises(Exception, match="denied"):
        connection.execute("DELETE FROM audit_entries")


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("UPDATE audit_entries SET person = NULL WHERE idx = 4", 4),
        ("UPDATE audit_entries SET idx = 99 WHERE idx = 2", 2),
        ("UPDATE audit_entries SET leaf = mac FROM audit_person_keys WHERE idx = 3", 3),
        ("DELETE FROM audit_entries WHERE idx = 5", 5),
        ("DELETE FROM audit_entries WHERE idx = 7", 7),
        ("UPDATE audit_subjects SET person = 'x' WHERE idx = 1", 1),
        ("DELETE FROM audit_edge", 0),
        ("UPDATE audit_head SET size = 6", 6),
        ("UPDATE audit_checkpoints SET root = note_root.root FROM (SELECT mac AS root FROM "
         "audit_person_keys) AS note_root", 7),
        ("DELETE FROM audit_checkpoints", 8),
        ("DELETE FROM audit_person_keys", 0),
    ],
)  # fmt: skip
def test_an_administrators_edit_is_named_by_its_index(
    world: World, statement: str, index: int
) -> None:
    log = world.log()
    for _ in range(8):
        log.append(event(subjects=("lee",)))
    log.checkpoint()
    log.close()
    drop_triggers(world)
    world.execute(statement)
    assert index in {finding.index for finding in world.verify().findings}


def test_a_rollback_to_an_older_state_does_not_extend_a_trusted_checkpoint(world: World) -> None:
    log = world.log()
    log.append(event())
    stored = log.checkpoint()
    known = Checkpoint(ORIGIN, stored.size, bytes(stored.root))
    assert world.verify(since=known).clean
    longer = Checkpoint(ORIGIN, 5, bytes(stored.root))
    forked = Checkpoint(ORIGIN, 1, b"f" * 32)
    assert not world.verify(since=longer).clean
    assert not world.verify(since=forked).clean
