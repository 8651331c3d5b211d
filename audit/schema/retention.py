"""Step: entries may be pruned below a signed minimum, and nowhere else.

`audit_minimum` only grows. Below its highest value entries and the people listed for them may be
deleted, except for those that explain what remains: erasures, restored backups, archives, keys.
Hash tiles are never deleted, so every proof and every checkpoint can still be checked.
"""

from __future__ import annotations

from audit.schema.rules import (
    Rule,
    append_only,
    postgres_triggers,
    postgres_truncate,
    sqlite_triggers,
)

TABLES = ("audit_minimum",)
KEPT_ACTIONS = ("subject.erased", "log.restored", "log.archived", "log.key_rotated")
PRUNED = ("audit_entries", "audit_subjects")

_TABLE = """CREATE TABLE audit_minimum (
    minimum {index} PRIMARY KEY CHECK (minimum > 0 AND (minimum & 255) = 0),
    time_ms {integer} NOT NULL, note TEXT NOT NULL){strict}"""
_ABOVE = "OLD.idx >= (SELECT COALESCE(MAX(minimum), 0) FROM audit_minimum)"
_KEPT = f"({', '.join(map(repr, KEPT_ACTIONS))})"
_OF_KEPT = "EXISTS (SELECT 1 FROM audit_entries WHERE idx = OLD.idx AND action IN {})"
_CONDITIONS = {
    "audit_entries": f"{_ABOVE} OR OLD.action IN {_KEPT}",
    "audit_subjects": f"{_ABOVE} OR {_OF_KEPT.format(_KEPT)}",
}
_SHRINKS = "NEW.minimum <= (SELECT COALESCE(MAX(minimum), 0) FROM audit_minimum)"
_TOO_HIGH = "NEW.minimum > (SELECT COALESCE(MAX(size), 0) FROM audit_head)"


def _rules() -> list[Rule]:
    return [
        *append_only(*TABLES),
        Rule(
            "audit_minimum",
            "INSERT",
            "the minimum may only grow, up to the size of the log",
            f"{_SHRINKS} OR {_TOO_HIGH}",
        ),
        *(
            Rule(table, "DELETE", f"{table} is deleted from below the minimum only", condition)
            for table, condition in _CONDITIONS.items()
        ),
    ]


SQLITE_DDL: list[str] = [
    _TABLE.format(index="INTEGER", integer="INTEGER", strict=" STRICT"),
    *(f"DROP TRIGGER {table}_delete" for table in PRUNED),
    *sqlite_triggers(_rules()),
]
POSTGRES_DDL: list[str] = [
    _TABLE.format(index="BIGINT", integer="BIGINT", strict=""),
    *(f"DROP TRIGGER {table}_delete ON {table}" for table in PRUNED),
    *(f"DROP FUNCTION {table}_delete()" for table in PRUNED),
    *postgres_triggers(_rules()),
    *postgres_truncate(TABLES),
]
