"""What requests and answers about passports look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.identity.passports.assertions import Assertion
from gateway.identity.passports.clearinghouse import Visa
from gateway.identity.passports.refusals import words
from gateway.identity.passports.service_taking import Brought, Taking
from gateway.identity.passports.vocabulary import LONGEST_PASSPORT, MOST_VISAS
from gateway.identity.schemas import Frozen

LONGEST_PASTE = 256 * 1024
Token = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSPORT)]


class PassportForm(Frozen):
    """A passport, or visas: compact signed tokens, separated by blanks or lines."""

    tokens: Annotated[str, Field(min_length=1, max_length=LONGEST_PASTE)]

    @property
    def found(self) -> list[str]:
        """One by one."""
        return self.tokens.split()


class PassportBrought(Frozen):
    """`POST /api/v1/passports`: passports and visas as compact signed tokens."""

    tokens: Annotated[list[Token], Field(min_length=1, max_length=MOST_VISAS)]


class AssertionOut(Frozen):
    """A visa that would be issued now."""

    type: str
    value: str
    source: str
    by: str
    asserted_at: datetime
    until: datetime | None


class BroughtOut(Frozen):
    """A visa of somebody else that counted here, and until when."""

    issuer: str
    type: str
    value: str
    source: str
    by: str
    counts_as: str
    level: int
    asserted_at: datetime
    valid_until: datetime
    ended_at: datetime | None


class Passports(Frozen):
    """`GET /api/v1/passports`: what we would state, and what others have stated here."""

    issued: list[AssertionOut]
    brought: list[BroughtOut]


class Said(Frozen):
    """A visa that was believed."""

    issuer: str
    type: str
    value: str


class NotBelieved(Frozen):
    """A visa that was not, with why and what to do next."""

    reason: str
    issuer: str
    type: str
    ko: str
    en: str


class Taken(Frozen):
    """What became of what was brought: counts from now on, counted already, says nothing that
    counts here, not believed."""

    taken: list[Said]
    known: list[Said]
    unused: list[Said]
    refused: list[NotBelieved]


def passports(issued: Sequence[Assertion], brought: Sequence[Brought]) -> Passports:
    """What a person sees about themselves."""
    return Passports(
        issued=[_issued(one) for one in issued], brought=[_brought(one) for one in brought]
    )


def taken(found: Taking) -> Taken:
    """The answer to what was brought."""
    refused = [
        NotBelieved(
            reason=each.reason,
            issuer=each.issuer,
            type=each.type,
            ko=words(each.reason)[0],
            en=words(each.reason)[1],
        )
        for each in found.refused
    ]
    groups = {name: [_said(v) for v in getattr(found, name)] for name in ("taken", "known")}
    return Taken(**groups, unused=[_said(each) for each in found.unused], refused=refused)


def _said(visa: Visa) -> Said:
    return Said(issuer=visa.issuer.issuer, type=visa.type, value=visa.value)


def _issued(one: Assertion) -> AssertionOut:
    names = ("type", "value", "source", "by", "asserted_at", "until")
    return AssertionOut(**{name: getattr(one, name) for name in names})


def _brought(one: Brought) -> BroughtOut:
    visa, row = one.visa, one.attestation
    names = ("issuer", "type", "value", "source", "asserted_at")
    return BroughtOut(
        **{name: getattr(visa, name) for name in names},
        by=visa.authority,
        counts_as=row.kind,
        level=row.level,
        valid_until=row.valid_until,
        ended_at=row.ended_at,
    )
