"""What the auditor's pages and API take and give."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from audit.ocsf import Outcome
from audit.search import Entry as Row
from gateway.oversight.entries import Seen, Who
from gateway.oversight.queries import Question

# Nothing that could name a person may reach the plain fields of the search's own event.
Plain = StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[A-Za-z0-9._:/@+-]+$")
Free = StringConstraints(
    strip_whitespace=True, min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$"
)
Name = StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
Slug = StringConstraints(max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
ActionCode = StringConstraints(max_length=80, pattern=r"^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*\.?$")
EventId = StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Strict(BaseModel):
    """Frozen; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Paged(Strict):
    """Keyset paging."""

    cursor: str | None = None
    limit: str | None = None


class EntryQuery(Paged):
    """Conditions of a search; all that are given must hold."""

    person: Annotated[str, Name] | None = None
    organisation: Annotated[str, Name] | None = None
    dataset: Annotated[str, Slug] | None = None
    version: Annotated[str, Plain] | None = None
    item: Annotated[str, Free] | None = None
    action: Annotated[str, ActionCode] | None = None
    outcome: Outcome | None = None
    since: Annotated[str, Plain] | None = None
    until: Annotated[str, Plain] | None = None
    ref: Annotated[str, Plain] | None = None
    event_id: Annotated[str, EventId] | None = None

    @property
    def question(self) -> Question:
        """The same without paging."""
        return Question(**self.model_dump(exclude={"cursor", "limit"}))


class OwnQuery(Paged):
    """Which of one's own accesses to show."""

    action: Annotated[str, ActionCode] | None = None


class PersonOut(BaseModel):
    """A person of an entry; `account` and `name` are null where unknown or erased."""

    token: str
    account: str | None
    name: str | None
    erased: bool


class EntryOut(BaseModel):
    """One entry, with its personal fields opened where their keys still exist."""

    index: int
    event_id: str
    time: datetime
    action: str
    outcome: str
    task: str
    reason: str | None
    actor: PersonOut | None
    kind: str | None
    address: str | None
    user_agent: str | None
    channel: str | None
    subjects: list[PersonOut]
    organisation: str | None
    dataset: str | None
    version: str | None
    item: str | None
    ref: str | None
    legibility: str
    sentence: dict[str, str]
    detail: dict[str, Any]


class EntryPage(BaseModel):
    """A page of entries, newest first."""

    items: list[EntryOut]
    next: str | None
    previous: str | None


class CheckpointOut(BaseModel):
    """A signed checkpoint; `note` is the signed note verbatim."""

    size: int
    signed_at: datetime
    note: str


class EntryDetail(EntryOut):
    """One entry with its exact leaf, what was sealed in it, and its proof."""

    leaf_base64: str
    opened: dict[str, Any]
    proof: list[str]
    proof_holds: bool
    checkpoint: CheckpointOut
    verifier_key: str = Field(description="As /log/key gives it")


def person_out(who: Who) -> PersonOut:
    """A person of an entry as JSON."""
    return PersonOut(token=who.token, account=who.account, name=who.name, erased=who.erased)


def entry_fields(seen: Seen) -> dict[str, Any]:
    """The fields of `EntryOut`."""
    same = {
        name: getattr(seen, name)
        for name in EntryOut.model_fields
        if name not in {"time", "actor", "subjects", "sentence", "detail"}
    }
    return same | {
        "time": seen.at,
        "actor": person_out(seen.actor) if seen.actor else None,
        "subjects": [person_out(one) for one in seen.subjects],
        "sentence": seen.sentence._asdict(),
        "detail": dict(seen.detail),
    }


def entry_out(seen: Seen) -> EntryOut:
    """An entry as JSON."""
    return EntryOut(**entry_fields(seen))


def leaf_base64(row: Row) -> str:
    """The exact stored bytes."""
    return b64encode(row.leaf).decode()
