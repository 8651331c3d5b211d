"""An entry as a person with the right to read it sees it: tokens named, sealed fields opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from audit.errors import LeafMalformed, SealBroken
from audit.leaf import Leaf, decode
from audit.ocsf import Outcome
from audit.search import Entry
from audit.vault import KeyVault
from gateway.clock import from_ms
from gateway.oversight import words
from gateway.oversight.directory import Directory
from gateway.oversight.reading import Reading

TOKEN_SHOWN = 8


class Legibility(StrEnum):
    """Whether the personal fields of an entry could be opened."""

    OPEN = "open"
    ERASED = "erased"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Who:
    """A person of an entry. `account` is None where nobody is known behind the token."""

    token: str
    account: str | None = None
    name: str | None = None
    erased: bool = False

    def __str__(self) -> str:
        if self.erased:
            return f"#{self.token[:TOKEN_SHOWN]}"
        if self.name and self.account:
            return f"{self.name} ({self.account})"
        return self.account or self.name or f"#{self.token[:TOKEN_SHOWN]}"


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry, opened. A damaged one has only what the search columns say."""

    index: int
    event_id: str
    at: datetime
    action: str
    outcome: Outcome
    legibility: Legibility
    actor: Who | None
    kind: str | None
    address: str | None
    user_agent: str | None
    channel: str | None
    subjects: tuple[Who, ...]
    task: str
    reason: str | None
    organisation: str | None
    dataset: str | None
    version: str | None
    item: str | None
    ref: str | None
    detail: Mapping[str, Any] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> words.Sentence:
        """What happened, in both languages."""
        return words.tell(self)


def see(entry: Entry, reading: Reading, vault: KeyVault, directory: Directory) -> Seen:
    """Open one entry. Damage never raises: it is shown as damage, for the verifier to name."""
    try:
        leaf = decode(entry.leaf)
    except LeafMalformed:
        return _damaged(entry)
    return _Opening(leaf, reading, vault, directory).seen(entry.index)


class _Opening:
    """Opens the boxes of one leaf."""

    def __init__(self, leaf: Leaf, reading: Reading, vault: KeyVault, directory: Directory) -> None:
        self._leaf = leaf
        self._reading = reading
        self._vault = vault
        self._boxes, self._broken = self._open()
        tokens = {*leaf.subjects, *leaf.sealed, *filter(None, [leaf.columns.person])}
        self._accounts = directory.accounts(reading.session, tokens)

    def _open(self) -> tuple[dict[str, dict[str, Any] | None], bool]:
        try:
            return self._reading.log.personal(self._leaf), False
        except SealBroken:
            return {}, True

    def seen(self, index: int) -> Seen:
        leaf, columns = self._leaf, self._leaf.columns
        own = (self._boxes.get(columns.person) if columns.person else None) or {}
        place = own.get("src_endpoint") or {}
        return Seen(
            index=index,
            event_id=columns.event_id,
            at=from_ms(columns.time_ms),
            action=columns.action,
            outcome=leaf.outcome,
            legibility=self._legibility(),
            actor=self._who(columns.person) if columns.person else None,
            kind=leaf.kind and str(leaf.kind),
            address=place.get("ip"),
            user_agent=place.get("user_agent"),
            channel=place.get("channel"),
            subjects=tuple(self._who(token) for token in leaf.subjects),
            task=leaf.task,
            reason=leaf.reason,
            organisation=columns.organisation,
            dataset=columns.dataset,
            version=columns.version,
            item=own.get("item"),
            ref=columns.ref,
            detail=leaf.detail,
            opened={token: box for token, box in self._boxes.items() if box is not None},
        )

    def _legibility(self) -> Legibility:
        if self._broken:
            return Legibility.DAMAGED
        closed = any(box is None for box in self._boxes.values())
        return Legibility.ERASED if closed else Legibility.OPEN

    def _who(self, token: str) -> Who:
        if self._erased(token):
            return Who(token, erased=True)
        box = self._boxes.get(token) or {}
        personal = {**(box.get("about") or {}), **(box.get("personal") or {})}
        account = personal.get("account") or self._accounts.get(token)
        return Who(token, account, personal.get("name"))

    def _erased(self, token: str) -> bool:
        if token in self._boxes:
            return self._boxes[token] is None
        try:
            row = self._vault.load(self._reading.sql, token)
        except SealBroken:
            return False
        return row is not None and row.key is None


def _damaged(entry: Entry) -> Seen:
    columns = entry.columns
    known = {outcome.value for outcome in Outcome}
    return Seen(
        index=entry.index,
        event_id=columns.event_id,
        at=from_ms(max(0, min(columns.time_ms, 2**43))),
        action=columns.action,
        outcome=Outcome(columns.outcome) if columns.outcome in known else Outcome.FAILURE,
        legibility=Legibility.DAMAGED,
        actor=None,
        kind=None,
        address=None,
        user_agent=None,
        channel=None,
        subjects=(),
        task=columns.action,
        reason=None,
        organisation=None,
        dataset=columns.dataset,
        version=columns.version,
        item=None,
        ref=columns.ref,
    )
