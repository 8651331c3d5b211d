"""The envelope: an event as its caller gives it, and the version 1 leaf it becomes.

A leaf is canonical JSON that is never rewritten. Plain are codes, slugs, references and facts
that name no one. People, organisations and items appear as keyed tokens; everything personal is
sealed under the key of the person it is about, so destroying that key erases it from every copy
while each proof stays valid. The salt keeps public leaf hashes from confirming guesses.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from audit import canonical, ocsf
from audit.errors import EventInvalid, EventTooLarge
from audit.ocsf import Outcome

VERSION = 1
MAX_LEAF_BYTES = 65_535
SALT_BYTES = 16
PRODUCT = {"name": "Sumun", "vendor_name": "Sumun"}

ACTION = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+")
_COLUMN = re.compile(r"[^\x00-\x1f\x7f]{1,512}")
EVENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PartyKind(StrEnum):
    """What kind of actor did something."""

    PERSON = "person"
    OPERATOR = "operator"
    SYSTEM = "system"
    MACHINE = "machine"
    ANONYMOUS = "anonymous"


class Channel(StrEnum):
    """The way a request came in."""

    WEB = "web"
    API = "api"
    CLI = "cli"
    WORKER = "worker"


class Domain(StrEnum):
    """What a keyed token stands for; equal values in different domains give different tokens."""

    PERSON = "person"
    ORGANISATION = "organisation"
    ITEM = "item"


class ResourceKind(StrEnum):
    """What a resource of a leaf is."""

    DATASET = "dataset"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Party:
    """Who acted. `person` is an id such as a UUID or `operator:0`; only anonymous has none."""

    person: str | None
    organisation: str | None = None
    kind: PartyKind = PartyKind.PERSON


@dataclass(frozen=True, slots=True)
class Place:
    """From where: client address, user agent and channel. Personal, so sealed."""

    address: str | None = None
    user_agent: str | None = None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `action` and `task` are dot-named codes (`task` defaults to `action`), `time_ms` is
    milliseconds since 1970 UTC, `subjects` are the ids of people whose data was handled.
    `detail` holds plain facts that name no one: integers (scores in per mille), text, booleans,
    lists, objects with ASCII keys; never floats. `personal` is about the actor, `about` about
    other people by id; each is sealed under that person's key. `item` is a path.
    """

    action: str
    outcome: Outcome
    time_ms: int
    event_id: str
    actor: Party | None = None
    subjects: tuple[str, ...] = ()
    place: Place | None = None
    dataset: str | None = None
    version: str | None = None
    item: str | None = None
    ref: str | None = None
    task: str | None = None
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Sealer(Protocol):
    """What encoding needs from a vault."""

    def token(self, domain: Domain, value: str) -> str:
        """Return the keyed token of `value`: 32 hexadecimal digits."""
        ...

    def seal(self, person_id: str, plaintext: bytes, aad: bytes) -> bytes | None:
        """Encrypt for a person; None when that person's key has been destroyed."""
        ...


class Opener(Protocol):
    """What reading sealed fields needs from a vault."""

    def unseal(self, person_token: str, box: bytes, aad: bytes) -> bytes | None:
        """Decrypt; None when the key has been destroyed. Raises SealBroken if altered."""
        ...


def anonymous_key(time_ms: int) -> str:
    """Return the id under which fields of unknown people are sealed: one key a month (UTC)."""
    return f"anonymous:{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m}"


def actor_key(event: Event) -> str:
    """Return the id of the person whose key seals what is personal about the actor."""
    if event.actor is None or event.actor.kind is PartyKind.ANONYMOUS:
        return anonymous_key(event.time_ms)
    if not event.actor.person:
        raise EventInvalid("actor.person: only an anonymous actor may lack an id")
    return event.actor.person


def seal_aad(event_id: str, person_token: str) -> bytes:
    """Bind a box to its event and person, so that it cannot be moved to another leaf."""
    return f"sumun-event-v1|{event_id}|{person_token}".encode()


def sealed_parts(event: Event) -> dict[str, dict[str, object]]:
    """Return what must be sealed, by person id; people without personal fields are absent."""
    parts: dict[str, dict[str, object]] = {}
    actor: dict[str, object] = {}
    if event.personal:
        actor["personal"] = dict(event.personal)
    if event.place is not None:
        actor["src_endpoint"] = _endpoint(event.place)
    if event.item is not None:
        actor["item"] = event.item
    if actor:
        parts[actor_key(event)] = actor
    for person_id, fields in event.about.items():
        parts.setdefault(person_id, {})["about"] = dict(fields)
    return parts


def _endpoint(place: Place) -> dict[str, object]:
    return {"ip": place.address, "user_agent": place.user_agent, "channel": place.channel}


def encode(event: Event, vault: Sealer, salt: bytes) -> bytes:
    """Return the leaf of an event: canonical JSON of at most 65,535 bytes.

    `salt` is 16 random bytes. Raises EventInvalid naming the field, or EventTooLarge.
    """
    return serialise(document(event, vault, salt))


def document(event: Event, vault: Sealer, salt: bytes) -> dict[str, Any]:
    """Return what the leaf of an event will say. Raises EventInvalid naming the field."""
    _check(event, salt)
    return _document(event, vault, salt)


def serialise(content: Mapping[str, Any]) -> bytes:
    """Return the leaf of a document. Raises EventInvalid or EventTooLarge."""
    try:
        leaf = canonical.write(content)
    except canonical.NotCanonical as error:
        raise EventInvalid(f"the event has no canonical form: {error}") from error
    if len(leaf) > MAX_LEAF_BYTES:
        raise EventTooLarge(f"the leaf has {len(leaf)} bytes, at most {MAX_LEAF_BYTES} are allowed")
    return leaf


def _check(event: Event, salt: bytes) -> None:
    _require(len(salt) == SALT_BYTES, "salt: 16 bytes are needed")
    _require(ACTION.fullmatch(event.action) is not None, "action: not a dot-named code")
    _require(EVENT_ID.fullmatch(event.event_id) is not None, "event_id: not a lower-case UUID")
    _require(type(event.time_ms) is int and 0 <= event.time_ms < 2**43, "time_ms: out of range")
    _require(event.version is None or event.dataset is not None, "version: needs a dataset")
    for name in ("dataset", "version", "item", "ref", "task", "reason"):
        value = getattr(event, name)
        _require(value is None or (type(value) is str and value != ""), f"{name}: empty or no text")
    for name in ("action", "dataset", "version", "ref"):
        _require(is_column(getattr(event, name)), f"{name}: too long, or with control characters")
    try:
        canonical.check(dict(event.detail))
    except canonical.NotCanonical as error:
        raise EventInvalid(f"detail: {error}") from error


def is_column(value: str | None) -> bool:
    """Tell whether a text can be stored and indexed as a search column on both databases.

    PostgreSQL takes no NUL, and no index row above 2,704 bytes: what it refuses would come
    back from the outbox in every batch.
    """
    return value is None or _COLUMN.fullmatch(value) is not None


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise EventInvalid(message)


def _document(event: Event, vault: Sealer, salt: bytes) -> dict[str, Any]:
    ocsf_class, activity = ocsf.classify(event.action)
    return {
        "v": VERSION,
        "salt": salt.hex(),
        "time": event.time_ms,
        "class_uid": int(ocsf_class),
        "category_uid": ocsf_class // 1000,
        "activity_id": activity,
        "type_uid": ocsf_class * 100 + activity,
        "severity_id": ocsf.severity(event.outcome),
        "status_id": ocsf.status(event.outcome),
        "metadata": {
            "product": PRODUCT,
            "uid": event.event_id,
            "version": ocsf.SCHEMA_VERSION,
        },
        "api": {"operation": str(event.action)},
        "actor": _actor(event, vault),
        "outcome": Outcome(event.outcome).value,
        "task": str(event.task or event.action),
        "reason": event.reason,
        "ref": event.ref,
        "subjects": sorted({vault.token(Domain.PERSON, person) for person in event.subjects}),
        "resources": _resources(event, vault),
        "detail": dict(event.detail),
        "sealed": _sealed(event, vault),
    }


def _actor(event: Event, vault: Sealer) -> dict[str, object] | None:
    if event.actor is None:
        return None
    organisation = event.actor.organisation
    org = {"uid": vault.token(Domain.ORGANISATION, organisation)} if organisation else None
    uid = vault.token(Domain.PERSON, actor_key(event))
    return {"user": {"uid": uid, "type": PartyKind(event.actor.kind).value, "org": org}}


def _resources(event: Event, vault: Sealer) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    if event.dataset is not None:
        found.append(
            {"type": ResourceKind.DATASET.value, "uid": event.dataset, "version": event.version}
        )
    if event.item is not None:
        found.append({"type": ResourceKind.ITEM.value, "uid": vault.token(Domain.ITEM, event.item)})
    return found


def _sealed(event: Event, vault: Sealer) -> dict[str, str | None]:
    boxes: dict[str, str | None] = {}
    for person_id, fields in sealed_parts(event).items():
        token = vault.token(Domain.PERSON, person_id)
        box = vault.seal(person_id, canonical.write(fields), seal_aad(event.event_id, token))
        boxes[token] = None if box is None else b64encode(box).decode()
    return boxes
