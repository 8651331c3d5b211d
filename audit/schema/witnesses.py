"""Step: what witnesses signed under the log's checkpoints, counted in the head."""

from __future__ import annotations

from audit.schema.foundation import HEAD_SHRINKS
from audit.schema.rules import (
    Rule,
    append_only,
    postgres_triggers,
    postgres_truncate,
    sqlite_triggers,
)

TABLES = ("audit_cosignatures",)

_TABLE = """CREATE TABLE audit_cosignatures (
    number {index} PRIMARY KEY, seq {integer} NOT NULL, witness TEXT NOT NULL,
    key_id TEXT NOT NULL, time_ms {integer} NOT NULL, line TEXT NOT NULL){strict}"""
_COUNT = "ALTER TABLE audit_head ADD COLUMN cosignatures {integer} NOT NULL DEFAULT 0"
_INDEXES = (
    "CREATE INDEX audit_cosignatures_seq ON audit_cosignatures (seq)",
    "CREATE INDEX audit_cosignatures_witness ON audit_cosignatures (witness, key_id, seq)",
)
_RULES = [
    *append_only(*TABLES),
    Rule(
        "audit_head",
        "UPDATE",
        "audit_head may only grow",
        f"{HEAD_SHRINKS} OR NEW.cosignatures < OLD.cosignatures",
    ),
]

SQLITE_DDL: list[str] = [
    _TABLE.format(index="INTEGER", integer="INTEGER", strict=" STRICT"),
    _COUNT.format(integer="INTEGER"),
    *_INDEXES,
    "DROP TRIGGER audit_head_update",
    *sqlite_triggers(_RULES),
]
POSTGRES_DDL: list[str] = [
    _TABLE.format(index="BIGINT", integer="BIGINT", strict=""),
    _COUNT.format(integer="BIGINT"),
    *_INDEXES,
    "DROP TRIGGER audit_head_update ON audit_head",
    "DROP FUNCTION audit_head_update()",
    *postgres_triggers(_RULES),
    *postgres_truncate(TABLES),
]
