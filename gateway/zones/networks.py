"""Whether somebody sits in a safe zone: the address that the house finds, and the zone's seats."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from gateway.errors import Problem, ProblemCode
from gateway.security.address import Network, parse


def checked(texts: Iterable[str]) -> list[str]:
    """Networks in their one spelling, at least one. Raises Problem VALIDATION_FAILED.

    Every address is no network of seats: a zone that is everywhere is none.
    """
    found = sorted({str(_network(text)) for text in texts})
    if not found:
        raise _refused("좌석의 네트워크를 하나 이상 지정해 주십시오.", "Name the seats' network.")
    return found


def within(networks: Iterable[str], address: str | None) -> bool:
    """Whether `address` lies in one of `networks`; an address that is none lies nowhere."""
    known = parse(address or "")
    return known is not None and any(known in ipaddress.ip_network(each) for each in networks)


def _network(text: str) -> Network:
    try:
        found = ipaddress.ip_network(text.strip())
    except ValueError:
        raise _refused(
            f"네트워크 주소가 아닙니다: {text!r}. 예: 10.20.0.0/24",
            f"{text!r} is not a network such as 10.20.0.0/24.",
        ) from None
    if found.prefixlen == 0:
        raise _refused(
            "모든 주소를 안심존으로 지정할 수 없습니다.", "A safe zone cannot be every address."
        )
    return found


def _refused(ko: str, en: str) -> Problem:
    return Problem(ProblemCode.VALIDATION_FAILED, ko, en, field="networks")
