"""Triggers that refuse what a log table must never undergo, in both dialects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Rule(NamedTuple):
    """Refuse `operation` on `table`, always or under a condition over OLD and NEW."""

    table: str
    operation: str
    message: str
    condition: str = ""


def append_only(*tables: str) -> list[Rule]:
    """Return the rules of tables whose rows are only ever inserted."""
    return [
        rule
        for table in tables
        for rule in (
            Rule(table, "UPDATE", f"{table} is append-only"),
            Rule(table, "DELETE", f"{table} is never deleted from"),
        )
    ]


def sqlite_triggers(rules: Iterable[Rule]) -> list[str]:
    """Return the statements that set up the rules on SQLite."""
    return [_sqlite_trigger(rule) for rule in rules]


def postgres_triggers(rules: Iterable[Rule]) -> list[str]:
    """Return the statements that set up the rules on PostgreSQL."""
    return [statement for rule in rules for statement in _postgres_trigger(rule)]


def postgres_truncate(tables: Iterable[str]) -> list[str]:
    """Return the triggers that refuse TRUNCATE, once the function is there."""
    return [
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_truncate()"
        for table in tables
    ]


def _sqlite_trigger(rule: Rule) -> str:
    when = f"WHEN {rule.condition} " if rule.condition else ""
    return (
        f"CREATE TRIGGER {rule.table}_{rule.operation.lower()} "
        f"BEFORE {rule.operation} ON {rule.table} {when}"
        f"BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
    )


def _postgres_trigger(rule: Rule) -> list[str]:
    """A subquery is not allowed in WHEN on PostgreSQL, so the condition stands in the body."""
    name = f"{rule.table}_{rule.operation.lower()}"
    body = (
        f"IF {rule.condition or 'TRUE'} THEN RAISE EXCEPTION USING MESSAGE = '{rule.message}'; "
        f"END IF; RETURN {'OLD' if rule.operation == 'DELETE' else 'NEW'};"
    )
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        f"CREATE TRIGGER {name} BEFORE {rule.operation} ON {rule.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
