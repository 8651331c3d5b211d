"""The doctor names a rule of the log's tables that somebody took away."""

from __future__ import annotations

from contextlib import closing

import pytest

from audit.dbapi import Dialect, Sql
from audit.schema.present import missing_triggers, statements
from gateway.doctor import Check, examine
from gateway.runtime import Runtime
from tests.integration.oversight.damage import drop_triggers, run


def rules(runtime: Runtime) -> Check:
    (found,) = [one for one in examine(runtime.settings) if one.name == "log rules"]
    return found


def take_away(runtime: Runtime, name: str, table: str) -> None:
    on = "" if runtime.db.sqlite else f" ON {table}"
    run(runtime.db, f"DROP TRIGGER {name}{on}")


def test_a_home_as_it_was_set_up_has_every_rule(runtime: Runtime) -> None:
    assert rules(runtime).ok, rules(runtime).found


@pytest.mark.parametrize(
    ("name", "table"),
    [("audit_entries_update", "audit_entries"), ("audit_head_update", "audit_head"),
     ("audit_minimum_insert", "audit_minimum")],
)  # fmt: skip
def test_a_rule_that_is_gone_is_named_and_can_be_put_back(
    runtime: Runtime, name: str, table: str
) -> None:
    take_away(runtime, name, table)

    found = rules(runtime)

    assert not found.ok
    assert name in found.found
    for statement in statements(Dialect(runtime.db.dialect), name):
        run(runtime.db, statement)
    assert rules(runtime).ok


def test_a_rule_that_was_made_harmless_is_named(runtime: Runtime) -> None:
    name, table = "audit_entries_update", "audit_entries"
    if runtime.db.sqlite:
        take_away(runtime, name, table)
        run(runtime.db, f"CREATE TRIGGER {name} BEFORE UPDATE ON {table} BEGIN SELECT 1; END")
    else:
        run(runtime.db, f"ALTER TABLE {table} DISABLE TRIGGER {name}")

    assert name in rules(runtime).found


def test_every_rule_that_is_gone_is_named(runtime: Runtime) -> None:
    drop_triggers(runtime.db)

    with closing(runtime.db.connect_raw()) as connection:
        names = missing_triggers(Sql(connection, Dialect(runtime.db.dialect)))

    assert {"audit_tiles_delete", "audit_checkpoints_update", "audit_subjects_delete"} <= {*names}
    assert len(names) > 20
