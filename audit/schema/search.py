"""Step 2: search at ten million entries.

Each look-up column is indexed together with the outcome, then the index of the entry: a page of
one outcome is read off at any depth, and a page of all outcomes is merged from one run for each.

`audit_times` holds the earliest and latest time under each full hash tile (level 0 covers 256
entries, level 1 65,536, …), so that a period becomes a range of entries although clocks differ.
"""

from __future__ import annotations

from audit.schema.rules import (
    append_only,
    postgres_triggers,
    postgres_truncate,
    sqlite_triggers,
)

TABLES = ("audit_times",)
_RULES = append_only(*TABLES)
_REPLACED = ("person", "organisation", "dataset", "item", "time")
_WITH_OUTCOME = ("person", "organisation", "dataset", "item")
_HIGHEST_LEVEL = 4
_TABLE = """CREATE TABLE audit_times (
    level {integer} NOT NULL, tile {integer} NOT NULL, low_ms {integer} NOT NULL,
    high_ms {integer} NOT NULL, PRIMARY KEY (level, tile)){strict}"""

_PARENTS = """INSERT INTO audit_times (level, tile, low_ms, high_ms)
    SELECT {level}, tile / 256, MIN(low_ms), MAX(high_ms) FROM audit_times
    WHERE level = {below} GROUP BY tile / 256 HAVING COUNT(*) = 256"""


def _common(**types: str) -> list[str]:
    return [
        *(f"DROP INDEX audit_entries_{column}" for column in _REPLACED),
        *(
            f"CREATE INDEX audit_entries_{column} ON audit_entries ({column}, outcome, idx) "
            f"WHERE {column} IS NOT NULL"
            for column in _WITH_OUTCOME
        ),
        _TABLE.format(**types),
        "INSERT INTO audit_times (level, tile, low_ms, high_ms) "
        "SELECT 0, idx / 256, MIN(time_ms), MAX(time_ms) FROM audit_entries "
        "GROUP BY idx / 256 HAVING COUNT(*) = 256",
        *(_PARENTS.format(level=level, below=level - 1) for level in range(1, _HIGHEST_LEVEL + 1)),
    ]


SQLITE_DDL: list[str] = [
    *_common(integer="INTEGER", strict=" STRICT"),
    *sqlite_triggers(_RULES),
]
POSTGRES_DDL: list[str] = [
    *_common(integer="BIGINT", strict=""),
    *postgres_triggers(_RULES),
    *postgres_truncate(TABLES),
]
