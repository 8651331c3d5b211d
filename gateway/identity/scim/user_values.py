"""What is stored of a user that a directory sends."""

from __future__ import annotations

from typing import Any

from scim2_models import InvalidValueException

from gateway.errors import Problem
from gateway.identity import rules
from gateway.identity.scim import shared
from gateway.identity.scim.resources import Email, User

NAME_LENGTH = 254
MOST_EMAILS = 10


def kept(given: User) -> dict[str, Any]:
    """What is stored of a user. Raises InvalidValueException."""
    name = shared.text("userName", given.user_name, NAME_LENGTH)
    if not name:
        raise InvalidValueException(attribute="userName", reason="a value is needed")
    if len(given.emails or ()) > MOST_EMAILS:
        raise InvalidValueException(attribute="emails", reason="too many")
    emails = [_email(each) for each in given.emails or ()]
    return {
        "user_name": name,
        "user_key": shared.user_key(name),
        "external_id": shared.text("externalId", given.external_id, NAME_LENGTH),
        "display_name": shared.text("displayName", given.display_name, rules.NAME_LENGTH),
        "emails": emails,
        "email": _address(name, emails),
        "active": given.active,
    }


def _email(given: Email) -> dict[str, Any]:
    value = shared.text("emails", given.value, rules.EMAIL_LENGTH)
    if value and not _usable(value):
        raise InvalidValueException(attribute="emails", reason="not an e-mail address")
    kind = shared.text("emails", given.type, 40)
    said = {"value": value or None, "type": kind or None, "primary": given.primary}
    return {key: each for key, each in said.items() if each is not None}


def _address(name: str, emails: list[dict[str, Any]]) -> str:
    """Where the invitation goes: the primary address, else the first, else the name if it is one;
    "" when there is none."""
    first = sorted(emails, key=lambda each: not each.get("primary"))
    return next((each["value"] for each in first if "value" in each), "") or _usable(name)


def _usable(address: str) -> str:
    try:
        return rules.email(address)
    except Problem:
        return ""
