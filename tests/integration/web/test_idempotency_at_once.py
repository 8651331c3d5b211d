from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from gateway.clock import FixedClock
from gateway.db import Database
from gateway.web.idempotency import Answer, Attempt, replay_or_run
from gateway.web.models import IdempotencyKey
from gateway.web.paging import Cursors, Window, keyset

CLOCK = FixedClock(datetime(2026, 11, 23, tzinfo=UTC))
ATTEMPT = Attempt("person:1", "POST /api/v1/things", "same", b"{}")


def _stored(db: Database, count: int) -> None:
    for number in range(count):
        attempt = Attempt("person:1", "POST /x", f"key-{number}", b"")
        with db.write() as session:
            replay_or_run(session, CLOCK, attempt, lambda: Answer(201, {}))


def test_equal_posts_at_the_same_moment_run_once(database_url: str) -> None:
    db = Database(database_url)
    ran: list[int] = []
    together = threading.Barrier(4)

    def post(number: int) -> Answer:
        together.wait()
        with db.write() as session:
            return replay_or_run(session, CLOCK, ATTEMPT, lambda: _run(ran, number))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    db.dispose()

    assert len(ran) == 1
    assert {answer.body["by"] for answer in answers} == set(ran)
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]


def _run(ran: list[int], number: int) -> Answer:
    ran.append(number)
    return Answer(201, {"by": number})


def test_a_change_that_fails_leaves_its_key_free(database_url: str) -> None:
    db = Database(database_url)

    def fail() -> Answer:
        raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError), db.write() as session:
        replay_or_run(session, CLOCK, ATTEMPT, fail)
    with db.write() as session:
        answer = replay_or_run(session, CLOCK, ATTEMPT, lambda: Answer(201, {"ok": True}))
    db.dispose()

    assert answer == Answer(201, {"ok": True})


def test_pages_keep_their_order_on_moments_and_ids(database_url: str) -> None:
    db = Database(database_url)
    _stored(db, 7)
    cursors = Cursors(b"k" * 32)
    columns = (IdempotencyKey.created_at, IdempotencyKey.id)
    seen: list[str] = []
    window: Window | None = Window(3, "keys")
    with db.read() as session:
        while window:
            rows = session.scalars(keyset(select(IdempotencyKey), columns, window)).all()
            page = cursors.page(rows, window, lambda row: (row.created_at, row.id))
            seen += [str(row.id) for row in page.items]
            query = {"limit": "3", "cursor": page.next or ""}
            window = cursors.window(query, "keys") if page.next else None
    db.dispose()

    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)
