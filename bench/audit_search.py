"""Pages of a long log: by keyset at any depth, against OFFSET.

The rows carry the tokens that the reader looks for; their leaves have the usual length and mean
nothing, since a page is found by its columns. `SUMUN_BENCH_EVENTS` says how many there are.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import partial

from audit import times
from audit.dbapi import Dialect, Sql, places
from audit.edge import FullTile
from audit.event import Domain
from audit.merkle import TILE_WIDTH
from audit.ocsf import Outcome
from audit.search import Filters, Search
from audit.stores import store_for
from audit.vault import KeyVault
from bench import beds
from bench.harness import Comparison, judge
from gateway.config import Settings

EVENTS = int(os.environ.get("SUMUN_BENCH_EVENTS", "200000"))
PEOPLE, ORGANISATIONS, DATASETS, ITEMS = 1000, 50, 40, 5000
START_MS, STEP_MS = 1_700_000_000_000, 1000
LIMIT, LOOKS, RUNS, BATCH = 50, 40, 5, 1 << 16
LIMIT_MS = 10.0
LEAF_BYTES = 400
COLUMNS = "idx, event_id, time_ms, action, outcome, person, organisation, dataset, item, leaf"
INDEXES = {
    Dialect.SQLITE: "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
    "AND tbl_name = 'audit_entries'",
    Dialect.POSTGRES: "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = "
    "'audit_entries' AND position('UNIQUE' in indexdef) = 0",
}
OFFSET = (
    "SELECT * FROM audit_entries WHERE dataset = ? AND outcome = ? ORDER BY idx DESC "
    "LIMIT 50 OFFSET ?"
)


def run() -> list[Comparison]:
    """`audit.search.sqlite` and `audit.search.pg`: the p95 of a page, over all kinds of look-up."""
    found = [_measure("audit.search.sqlite", beds.sqlite)]
    with beds.server() as server:
        found.append(_measure("audit.search.pg", partial(beds.postgresql, server)))
    return found


def _measure(name: str, bed: Callable[[], AbstractContextManager[Settings]]) -> Comparison:
    with (
        bed() as settings,
        beds.gateway(settings) as runtime,
        closing(runtime.db.connect_raw()) as connection,
    ):
        sql = store_for(Dialect(runtime.db.dialect)).adopt(connection)
        _fill(sql, runtime.vault)
        search = Search(sql, runtime.vault)
        mine, theirs = [], []
        for seed in range(RUNS):
            chance = random.Random(seed)
            theirs.append(_p95(partial(_by_offset, sql, chance)))
            mine.append(_p95(partial(_by_keyset, search, _questions(chance), chance)))
    return judge(
        name,
        "ms",
        mine,
        theirs,
        baseline_name="OFFSET",
        target=1.0,
        better="lower",
        conditions=f"p95 of a page of {LIMIT}, {EVENTS:,} events, any depth, warm",
        limit=LIMIT_MS,
    )


def _questions(chance: random.Random) -> Iterator[Filters]:
    """By person, organisation, dataset, item; each with and without decision and period."""
    while True:
        begin = START_MS + STEP_MS * chance.randrange(EVENTS)
        for since, until in ((None, None), (begin, begin + 30 * 86_400_000)):
            for outcome in (None, Outcome.DENY):
                for one in _looks(chance):
                    yield replace(one, outcome=outcome, since_ms=since, until_ms=until)


def _looks(chance: random.Random) -> tuple[Filters, ...]:
    return (
        Filters(actor=f"person-{chance.randrange(PEOPLE)}"),
        Filters(organisation=f"org-{chance.randrange(ORGANISATIONS)}"),
        Filters(dataset=f"dataset-{chance.randrange(DATASETS)}"),
        Filters(item=f"item-{chance.randrange(ITEMS)}"),
    )


def _by_keyset(search: Search, questions: Iterator[Filters], chance: random.Random) -> None:
    search.page(next(questions), chance.randrange(EVENTS), None, LIMIT)


def _by_offset(sql: Sql, chance: random.Random) -> None:
    matching = EVENTS // DATASETS
    dataset = f"dataset-{chance.randrange(DATASETS)}"
    sql.all(OFFSET, (dataset, Outcome.ALLOW.value, chance.randrange(matching)))


def _p95(look: Callable[[], None]) -> float:
    waits = []
    for _ in range(LOOKS * 4):
        started = time.perf_counter()
        look()
        waits.append((time.perf_counter() - started) * 1000)
    # The first quarter warms the cache.
    return sorted(waits[LOOKS:])[int(0.95 * (len(waits) - LOOKS))]


def _fill(sql: Sql, vault: KeyVault) -> None:
    store = store_for(sql.dialect)
    people = [vault.token(Domain.PERSON, f"person-{n}") for n in range(PEOPLE)]
    organisations = [vault.token(Domain.ORGANISATION, f"org-{n}") for n in range(ORGANISATIONS)]
    items = [vault.token(Domain.ITEM, f"item-{n}") for n in range(ITEMS)]
    chance = random.Random(1)
    with _unindexed(sql):
        for start in range(0, EVENTS, BATCH):
            end = min(start + BATCH, EVENTS)
            store.begin(sql)
            _write(sql, [_row(i, people, organisations, items, chance) for i in range(start, end)])
            times.add(sql, _tiles(start, end))
            store.commit(sql)
    sql.run("ANALYZE")


@contextmanager
def _unindexed(sql: Sql) -> Iterator[None]:
    """Build the indexes at the end, at once, which is many times as quick."""
    indexes = sql.all(INDEXES[sql.dialect])
    for name, _ in indexes:
        sql.run(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        sql.run(definition)


def _write(sql: Sql, rows: list[tuple[object, ...]]) -> None:
    if sql.dialect is Dialect.SQLITE:
        sql.run_many(f"INSERT INTO audit_entries ({COLUMNS}) VALUES ({places(len(rows[0]))})", rows)
        return
    cursor = sql.connection.cursor()
    with cursor.copy(f"COPY audit_entries ({COLUMNS}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _row(
    index: int,
    people: list[str],
    organisations: list[str],
    items: list[str],
    chance: random.Random,
) -> tuple[object, ...]:
    refused = chance.random() < 0.01
    return (
        index,
        f"{index:032x}",
        START_MS + STEP_MS * index,
        "download.refused" if refused else "download.authorized",
        "deny" if refused else "allow",
        people[int(PEOPLE * chance.random() ** 2)],
        chance.choice(organisations),
        f"dataset-{chance.randrange(DATASETS)}",
        chance.choice(items),
        chance.randbytes(LEAF_BYTES),
    )


def _tiles(start: int, end: int) -> list[FullTile]:
    """The tiles that end in a range of entries, lowest level first where they end together."""
    found = []
    for index in range(start // TILE_WIDTH, end // TILE_WIDTH):
        found.append(FullTile(0, index, b""))
        if index % TILE_WIDTH == TILE_WIDTH - 1:
            found.append(FullTile(1, index // TILE_WIDTH, b""))
    return found
