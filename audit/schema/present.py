"""Whether a database still has the triggers that keep the log's tables append-only.

Without them nothing is lost yet, and `audit.verify` finds whatever is then changed; but accidents
are not stopped any more, and somebody with the owner's rights took them away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit.dbapi import Dialect, Sql
from audit.schema import POSTGRES_DDL, SQLITE_DDL

_TRIGGER = re.compile(r"CREATE TRIGGER (\w+) .*EXECUTE FUNCTION (\w+)\(\)|CREATE TRIGGER (\w+) ")
_FUNCTION = re.compile(r"CREATE FUNCTION (\w+)\(\).*\$\$(.*)\$\$", re.DOTALL)
_DROPPED = re.compile(r"DROP TRIGGER (\w+)")
_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_POSTGRES = (
    "SELECT t.tgname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') "
    "AND pg_table_is_visible(c.oid)"
)


def missing_triggers(sql: Sql) -> list[str]:
    """Return the names of triggers that are not there, are switched off, or do something else."""
    sqlite = sql.dialect is Dialect.SQLITE
    right = _sqlite() if sqlite else _postgres()
    found = {str(row[0]): str(row[1]) for row in sql.all(_SQLITE if sqlite else _POSTGRES)}
    return sorted(name for name, does in right.items() if found.get(name) != does)


def statements(dialect: Dialect, name: str) -> list[str]:
    """Return what sets up one trigger again, for the owner of the tables; empty if unknown."""
    ddl = SQLITE_DDL if dialect is Dialect.SQLITE else POSTGRES_DDL
    made = [one for one in ddl if re.match(rf"CREATE (TRIGGER|FUNCTION) {re.escape(name)}\b", one)]
    newest = {one.split(" ", 2)[1]: one for one in made}
    again = "CREATE OR REPLACE FUNCTION"
    return [one.replace("CREATE FUNCTION", again, 1) for one in newest.values()]


def _sqlite() -> dict[str, str]:
    """Trigger by name as SQLite keeps it: the statement itself."""
    return {name: one for name, _function, one in _triggers(SQLITE_DDL)}


def _postgres() -> dict[str, str]:
    """The body of each trigger's function, by the trigger's name."""
    bodies = {found[1]: found[2] for one in POSTGRES_DDL if (found := _FUNCTION.match(one))}
    return {name: bodies[function] for name, function, _one in _triggers(POSTGRES_DDL)}


def _triggers(ddl: Iterable[str]) -> list[tuple[str, str, str]]:
    """Name, function and statement of each trigger that stands after all of these."""
    standing: dict[str, tuple[str, str, str]] = {}
    for one in ddl:
        if dropped := _DROPPED.match(one):
            standing.pop(dropped[1], None)
        elif made := _TRIGGER.match(one):
            name = made[1] or made[3]
            standing[name] = (name, made[2] or "", one)
    return list(standing.values())
