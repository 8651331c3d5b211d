"""What the database itself refuses about votes, whatever a service might try.

The CHECKs of the table compare columns of the vote's own row. These triggers compare the row with
the application it claims to judge, so that a vote cannot name another applicant to pass them, and
refuse everyone who is or was on the research project's team. Votes are never changed or deleted.

`SQLITE_DDL` and `POSTGRES_DDL` are run by the migration that creates the tables, one statement at
a time; both raise a constraint violation (`IntegrityError`) whose message starts with `votes:`.
`GRANTS_SQLITE_DDL` and `GRANTS_POSTGRES_DDL` came later: nobody holds a grant, nor the seat that
came of it, on whose application they decided. Their message starts with `grants:`.
"""

from __future__ import annotations

from typing import Final

from gateway.access.models import DECIDED

_TRUE_ORIGIN: Final = """
  SELECT 1 FROM application_items i
  JOIN applications a ON a.id = i.application_id
  JOIN research_projects p ON p.id = a.project_id
  WHERE i.id = NEW.item_id AND p.id = NEW.project_id AND a.applicant_id = NEW.applicant_id
    AND p.supervisor_id {same} NEW.supervisor_id
"""
_TEAM: Final = """
  SELECT 1 FROM project_members m
  WHERE m.project_id = NEW.project_id AND m.person_id = NEW.voter_id
"""
_EXCLUDED: Final = """
  SELECT 1 FROM application_items i
  JOIN applications a ON a.id = i.application_id
  JOIN datasets d ON d.id = i.dataset_id
  JOIN memberships m ON m.person_id = NEW.voter_id
  WHERE i.id = NEW.item_id AND d.organisation_excluded
    AND m.confirmed_by IS NOT NULL AND m.ended_at IS NULL
    AND (m.organisation_id = a.organisation_id OR EXISTS (
      SELECT 1 FROM memberships o
      WHERE o.person_id = a.applicant_id AND o.organisation_id = m.organisation_id
        AND o.confirmed_by IS NOT NULL AND o.ended_at IS NULL
    ))
"""
ORIGIN_MESSAGE: Final = "votes: the row does not match its application"
TEAM_MESSAGE: Final = "votes: the voter is or was on the research project's team"
EXCLUDED_MESSAGE: Final = "votes: the voter belongs to the applicant's organisation"
_DECIDED: Final = """
  SELECT 1 FROM votes v
  WHERE v.item_id = NEW.application_item_id AND v.voter_id = NEW.person_id
"""
FIXED_MESSAGE: Final = "votes: a vote is never changed or deleted"


def _quoted(message: str) -> str:
    return message.replace("'", "''")


def _sqlite_guard(name: str, condition: str, message: str, on: str = "INSERT ON votes") -> str:
    return (
        f"CREATE TRIGGER {name} BEFORE {on} WHEN {condition}\n"
        f"BEGIN SELECT RAISE(ABORT, '{_quoted(message)}'); END"
    )


def _sqlite_fixed(verb: str) -> str:
    return (
        f"CREATE TRIGGER votes_no_{verb.lower()} BEFORE {verb} ON votes\n"
        f"BEGIN SELECT RAISE(ABORT, '{_quoted(FIXED_MESSAGE)}'); END"
    )


SQLITE_DDL: Final = (
    _sqlite_guard(
        "votes_true_origin", f"NOT EXISTS ({_TRUE_ORIGIN.format(same='IS')})", ORIGIN_MESSAGE
    ),
    _sqlite_guard("votes_not_team", f"EXISTS ({_TEAM})", TEAM_MESSAGE),
    _sqlite_guard("votes_not_excluded", f"EXISTS ({_EXCLUDED})", EXCLUDED_MESSAGE),
    _sqlite_fixed("UPDATE"),
    _sqlite_fixed("DELETE"),
)
_CHANGED: Final = "UPDATE OF person_id, application_item_id ON grants"
GRANTS_SQLITE_DDL: Final = tuple(
    _sqlite_guard(name, f"EXISTS ({_DECIDED})", DECIDED, on)
    for name, on in (
        ("grants_not_decider", "INSERT ON grants"),
        ("grants_not_decider_later", _CHANGED),
    )
)


def _raise(message: str) -> str:
    return f"RAISE EXCEPTION USING MESSAGE = '{_quoted(message)}', ERRCODE = 'check_violation';"


def _function(name: str, body: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$\n"
        f"BEGIN\n{body}\nEND $body$"
    )


def _guard(condition: str, message: str) -> str:
    return f"IF {condition} THEN {_raise(message)} END IF;"


_GUARDS: Final = "\n".join(
    (
        _guard(f"NOT EXISTS ({_TRUE_ORIGIN.format(same='IS NOT DISTINCT FROM')})", ORIGIN_MESSAGE),
        _guard(f"EXISTS ({_TEAM})", TEAM_MESSAGE),
        _guard(f"EXISTS ({_EXCLUDED})", EXCLUDED_MESSAGE),
        "RETURN NEW;",
    )
)
POSTGRES_DDL: Final = (
    _function("votes_guard", _GUARDS),
    "CREATE TRIGGER votes_guard BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION votes_guard()",
    _function("votes_fixed", _raise(FIXED_MESSAGE)),
    "CREATE TRIGGER votes_fixed BEFORE UPDATE OR DELETE ON votes"
    " FOR EACH ROW EXECUTE FUNCTION votes_fixed()",
)
GRANTS_POSTGRES_DDL: Final = (
    _function("grants_guard", f"{_guard(f'EXISTS ({_DECIDED})', DECIDED)}\nRETURN NEW;"),
    f"CREATE TRIGGER grants_not_decider BEFORE INSERT OR {_CHANGED}"
    " FOR EACH ROW EXECUTE FUNCTION grants_guard()",
)
