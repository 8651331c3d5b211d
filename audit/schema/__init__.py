"""The log's tables as plain SQL, step by step as they came about.

Each step is a module with `TABLES`, `SQLITE_DDL` and `POSTGRES_DDL`, run by a migration of its
own; `SQLITE_DDL` and `POSTGRES_DDL` here are all of them in order.
"""

from __future__ import annotations

import re

from audit.schema import foundation, retention, search, witnesses
from audit.schema.foundation import QUEUES

_STEPS = (foundation, search, retention, witnesses)

LOG_TABLES: tuple[str, ...] = tuple(table for step in _STEPS for table in step.TABLES)
SQLITE_DDL: list[str] = [statement for step in _STEPS for statement in step.SQLITE_DDL]
POSTGRES_DDL: list[str] = [statement for step in _STEPS for statement in step.POSTGRES_DDL]

_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def postgres_privileges(role: str) -> list[str]:
    """Return the statements, run by the tables' owner, that leave `role` what the log needs.

    The gateway should connect as this role and not as the owner, who could drop the triggers.
    Raises ValueError for a name that is not a plain lower-case identifier.
    """
    if _ROLE.fullmatch(role) is None:
        raise ValueError("a role name has lower-case letters, digits and underscores only")
    writable = ("audit_edge", "audit_head", "audit_person_keys")
    return [
        *(f"REVOKE ALL ON {table} FROM {role}" for table in LOG_TABLES),
        *(f"GRANT SELECT, INSERT ON {table} TO {role}" for table in LOG_TABLES),
        *(f"GRANT UPDATE ON {table} TO {role}" for table in writable),
        *(f"GRANT DELETE ON {table} TO {role}" for table in QUEUES),
    ]
