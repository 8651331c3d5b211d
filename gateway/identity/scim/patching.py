"""How much one PATCH may ask for: each operation walks over every value that the resource has."""

from __future__ import annotations

from typing import Any

from scim2_models import PatchOp, PayloadTooLargeException, Resource

from gateway.identity.scim.resources import Group, User

MOST_OPERATIONS = 100
# Operations times values. So many take about a second, outside any transaction.
MOST_WORK = 20_000


def check_operations(body: dict[str, Any]) -> None:
    """Refuse a PATCH of too many operations with 413, before its parts are looked at."""
    # However its name is written: a PATCH has no other list that may be long.
    if any(isinstance(each, list) and len(each) > MOST_OPERATIONS for each in body.values()):
        raise PayloadTooLargeException(detail=f"Send {MOST_OPERATIONS} operations at most.")


def check_work(asked: PatchOp[Any], present: Resource[Any]) -> None:
    """Refuse operations with 413 that would take too long on the resource as it is."""
    operations = asked.operations or []
    values = _listed(present) + sum(_sent(each.value) for each in operations)
    if len(operations) * values > MOST_WORK:
        detail = f"Operations times values are {MOST_WORK} at most: send fewer at once."
        raise PayloadTooLargeException(detail=detail)


def _listed(present: Resource[Any]) -> int:
    if isinstance(present, User):
        return len(present.emails or ())
    return len(present.members or ()) if isinstance(present, Group) else 0


def _sent(value: Any) -> int:
    """How many values are in the lists of an operation, however deep: without recursion, for the
    sender chooses the depth."""
    found, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            found += len(one)
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())
    return found
