"""Builds large logs quickly: real leaves, tree, tiles and indexes, written in large batches."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

from audit.dbapi import Sql
from audit.event import SALT_BYTES, Domain, Event, Party, Place, sealed_parts
from audit.ocsf import Outcome
from audit.sequencer import Log
from audit.stores import Prepared, Store, store_for
from audit.vault import KeyRing, KeyVault

START_MS = 1_700_000_000_000
BATCH = 4096
ACTIONS = ("download.authorized", "download.completed", "url.issued", "access.decided")
OUTCOMES = (Outcome.ALLOW, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.DENY)


def build(log: Log, vault: KeyVault, sql: Sql, entries: int, people: int = 1000) -> None:
    """Append `entries` events of `people` to an empty log, one second apart, 1 % refused."""
    store = store_for(sql.dialect)
    log.head()
    prepared: list[Prepared] = []
    ring = _keys(vault, sql, store, people)
    for event in _events(entries, people):
        prepared.append(Prepared.encode(event, ring, random.randbytes(SALT_BYTES)))
        if len(prepared) == BATCH:
            _append(store, sql, prepared)
            prepared = []
    if prepared:
        _append(store, sql, prepared)


def _append(store: Store, sql: Sql, prepared: list[Prepared]) -> None:
    store.begin(sql)
    head = store.locked_head(sql, None)
    store.append(sql, head, store.load_edge(sql, head.size), prepared, None)
    store.commit(sql)


def _keys(vault: KeyVault, sql: Sql, store: Store, people: int) -> KeyRing:
    store.begin(sql)
    keys = {}
    for number in range(people):
        token = vault.token(Domain.PERSON, person(number))
        keys[token] = vault.create(sql, token, START_MS).key
    store.commit(sql)
    return KeyRing(vault, keys)


def person(number: int) -> str:
    """The id of a person of the log, the same in every run."""
    return str(uuid.UUID(int=number + 1))


def _events(entries: int, people: int) -> Iterator[Event]:
    chance = random.Random(1)
    for number in range(entries):
        # A few people do most: the number of a person falls off as in real logs.
        who = person(int(people * chance.random() ** 3))
        kind = 3 if chance.random() < 0.01 else chance.randrange(3)
        one = Event(
            action=ACTIONS[kind],
            outcome=OUTCOMES[kind],
            time_ms=START_MS + 1000 * number,
            event_id=str(uuid.UUID(int=number + 1)),
            actor=Party(who, f"organisation-{chance.randrange(50)}"),
            place=Place("192.0.2.7", "curl/8.0"),
            dataset=f"dataset-{int(40 * chance.random() ** 2)}",
            version="1.0",
            item=f"patient/{chance.randrange(5000):05}.dcm",
            ref=f"grant:{chance.randrange(2000)}",
            detail={"bytes": 4096},
        )
        assert list(sealed_parts(one)) == [who]
        yield one
