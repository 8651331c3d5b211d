"""What a database administrator with every right can do to the log."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from gateway.db import Database


def run(db: Database, sql: str, *params: object) -> list[Any]:
    """Execute one statement, written with `?`, outside the gateway."""
    with closing(db.connect_raw()) as connection:
        cursor = connection.cursor()
        cursor.execute(sql if db.sqlite else sql.replace("?", "%s"), params)
        return list(cursor.fetchall()) if cursor.description else []


def drop_triggers(db: Database) -> None:
    """Remove what keeps the log's tables append-only."""
    if db.sqlite:
        for (name,) in run(db, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            run(db, f"DROP TRIGGER {name}")
        return
    found = run(
        db,
        "SELECT DISTINCT tgname, relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT tgisinternal",
    )
    for name, table in found:
        run(db, f"DROP TRIGGER {name} ON {table}")
