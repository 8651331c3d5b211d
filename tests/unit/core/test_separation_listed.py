"""Each separation of duties that the database holds has a test which tries to break it."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import CheckConstraint

from migrations.metadata import metadata

# Two columns that must differ, not a column and a word.
APART = re.compile(r"<> [a-z]")
TESTS = Path(__file__).parents[2] / "integration"
# The constraint by its table and name, and the test that runs into it on both databases.
BROKEN_BY = {
    "role_grants.not_by_holder": ("identity/test_roles.py", '"self"'),
    "role_grants.two_persons": ("identity/test_roles.py", '"same"'),
    "votes.not_applicant": (
        "applications/test_separation.py", "test_the_database_refuses_their_votes_too",
    ),
    "votes.not_supervisor": (
        "applications/test_separation.py", "test_the_database_refuses_their_votes_too",
    ),
    "export_decisions.not_requester": (
        "exports/test_results.py",
        "test_the_database_itself_refuses_the_requester_as_decider",
    ),
    "zone_sessions.opener": (
        "zones/test_sessions.py", "test_the_database_too_keeps_people_from_opening_their_own",
    ),
    "zone_imports.decider": (
        "zones/test_imports.py", "test_the_database_too_keeps_people_from_their_own",
    ),
    "zone_imports.carrier": (
        "zones/test_imports.py", "test_the_database_too_keeps_people_from_their_own",
    ),
    "tasks.not_to_oneself": (
        "tasks/test_assigning.py",
        "test_the_database_refuses_a_task_to_oneself_without_a_window_or_beside_a_live_one",
    ),
    "emergencies.reviewed_by_other": (
        "emergency/test_emergency.py", '"reviewed by oneself"',
    ),
}  # fmt: skip


def _name(constraint: CheckConstraint, table: str) -> str:
    return f"{table}.{str(constraint.name).removeprefix(f'ck_{table}_')}"


def test_every_constraint_that_keeps_two_people_apart_is_tried() -> None:
    found = {
        _name(constraint, table.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint) and APART.search(str(constraint.sqltext))
    }

    assert found == set(BROKEN_BY)


def test_the_tests_that_try_them_are_there() -> None:
    for path, words in BROKEN_BY.values():
        assert words in (TESTS / path).read_text(), (path, words)
