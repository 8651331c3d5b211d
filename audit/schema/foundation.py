"""The log's tables as plain SQL, and the rules that keep them append-only.

Alembic runs `SQLITE_DDL` or `POSTGRES_DDL`. What the triggers allow:

- entries, subjects, tiles, checkpoints: INSERT only;
- head: only growing values, origin fixed, never deleted;
- edge: the sequencer overwrites it, nobody deletes it;
- outbox and promises: INSERT, and DELETE once the event is among the entries, which only the
  sequencer's transaction achieves; never UPDATE;
- person keys: INSERT, and the one UPDATE that destroys a key; never DELETE.

Triggers stop accidents and ordinary roles. Whoever may drop them is caught by `audit.verify`.
"""

from __future__ import annotations

from audit.schema.rules import (
    Rule,
    append_only,
    postgres_triggers,
    postgres_truncate,
    sqlite_triggers,
)

TABLES = (
    "audit_entries",
    "audit_subjects",
    "audit_tiles",
    "audit_edge",
    "audit_head",
    "audit_checkpoints",
    "audit_outbox",
    "audit_promises",
    "audit_person_keys",
)
_APPEND_ONLY = ("audit_entries", "audit_subjects", "audit_tiles", "audit_checkpoints")
QUEUES = ("audit_outbox", "audit_promises")

HEAD_SHRINKS = (
    "NEW.id <> OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch "
    "OR NEW.checkpoints < OLD.checkpoints OR NEW.origin <> OLD.origin"
)
_KEY_NOT_DESTROYED = (
    "OLD.destroyed_ms IS NOT NULL OR NEW.destroyed_ms IS NULL OR length(NEW.wrapped) <> 0 "
    "OR NEW.person_token <> OLD.person_token OR NEW.created_ms <> OLD.created_ms"
)
_NOT_NUMBERED = "NOT EXISTS (SELECT 1 FROM audit_entries WHERE event_id = OLD.event_id)"

_TABLES = (
    """CREATE TABLE audit_entries (
        idx {index} PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, time_ms {integer} NOT NULL,
        action TEXT NOT NULL, outcome TEXT NOT NULL, person TEXT, organisation TEXT,
        dataset TEXT, version TEXT, item TEXT, ref TEXT, leaf {blob} NOT NULL){strict}""",
    """CREATE TABLE audit_subjects (
        idx {integer} NOT NULL, person TEXT NOT NULL, PRIMARY KEY (idx, person)){strict}""",
    """CREATE TABLE audit_tiles (
        level {integer} NOT NULL, tile {integer} NOT NULL, data {blob} NOT NULL,
        PRIMARY KEY (level, tile)){strict}""",
    "CREATE TABLE audit_edge (level {index} PRIMARY KEY, data {blob} NOT NULL){strict}",
    """CREATE TABLE audit_head (
        id {index} PRIMARY KEY CHECK (id = 1), size {integer} NOT NULL, epoch {integer} NOT NULL,
        origin TEXT NOT NULL, root {blob} NOT NULL, checkpoints {integer} NOT NULL){strict}""",
    """CREATE TABLE audit_checkpoints (
        seq {index} PRIMARY KEY, size {integer} NOT NULL, epoch {integer} NOT NULL,
        root {blob} NOT NULL, time_ms {integer} NOT NULL, note TEXT NOT NULL){strict}""",
    """CREATE TABLE audit_outbox (
        queued_ns {integer} NOT NULL, event_id TEXT NOT NULL UNIQUE, leaf {blob} NOT NULL,
        mac {blob} NOT NULL, PRIMARY KEY (queued_ns, event_id)){strict}""",
    "CREATE TABLE audit_promises (event_id TEXT PRIMARY KEY, mac {blob} NOT NULL){strict}",
    """CREATE TABLE audit_person_keys (
        person_token TEXT PRIMARY KEY, wrapped {blob} NOT NULL, created_ms {integer} NOT NULL,
        destroyed_ms {integer}, mac {blob} NOT NULL){strict}""",
)
_FILTERED = ("person", "organisation", "dataset", "item", "ref")
_INDEXES = (
    *(
        f"CREATE INDEX audit_entries_{column} ON audit_entries ({column}, idx) "
        f"WHERE {column} IS NOT NULL"
        for column in _FILTERED
    ),
    "CREATE INDEX audit_entries_action ON audit_entries (action, idx)",
    "CREATE INDEX audit_entries_outcome ON audit_entries (outcome, idx)",
    "CREATE INDEX audit_entries_time ON audit_entries (time_ms, idx)",
    "CREATE INDEX audit_subjects_person ON audit_subjects (person, idx)",
)


def _tables(**types: str) -> list[str]:
    return [table.format(**types) for table in _TABLES] + list(_INDEXES)


def _rules() -> list[Rule]:
    return [
        *append_only(*_APPEND_ONLY),
        Rule("audit_edge", "DELETE", "audit_edge is never deleted from"),
        Rule("audit_head", "DELETE", "audit_head is never deleted from"),
        Rule("audit_head", "UPDATE", "audit_head may only grow", HEAD_SHRINKS),
        Rule("audit_person_keys", "DELETE", "audit_person_keys is never deleted from"),
        Rule(
            "audit_person_keys", "UPDATE", "a person key may only be destroyed", _KEY_NOT_DESTROYED
        ),
        *(Rule(table, "UPDATE", f"{table} is append-only") for table in QUEUES),
        *(
            Rule(table, "DELETE", f"{table} is emptied by sequencing only", _NOT_NUMBERED)
            for table in QUEUES
        ),
    ]


_REFUSE_TRUNCATE = (
    "CREATE FUNCTION audit_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "RAISE EXCEPTION USING MESSAGE = 'tables of the log are never truncated'; END $$"
)

SQLITE_DDL: list[str] = [
    *_tables(index="INTEGER", integer="INTEGER", blob="BLOB", strict=" STRICT"),
    *sqlite_triggers(_rules()),
]
POSTGRES_DDL: list[str] = [
    *_tables(index="BIGINT", integer="BIGINT", blob="BYTEA", strict=""),
    *postgres_triggers(_rules()),
    _REFUSE_TRUNCATE,
    *postgres_truncate(TABLES),
]
