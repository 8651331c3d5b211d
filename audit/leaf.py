"""Reads leaves back: strict parsing, the search columns, and the sealed fields."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from audit import canonical
from audit.errors import LeafMalformed, SealBroken
from audit.event import (
    ACTION,
    EVENT_ID,
    MAX_LEAF_BYTES,
    PRODUCT,
    VERSION,
    Opener,
    PartyKind,
    ResourceKind,
    is_column,
    seal_aad,
)
from audit.ocsf import Outcome

_TOKEN = re.compile(r"[0-9a-f]{32}")
_NUMBERS = (
    *("time", "class_uid", "category_uid", "activity_id", "type_uid", "severity_id"),
    "status_id",
)
_KEYS = frozenset(
    [
        *("v", "salt", "metadata", "api", "actor", "outcome", "task", "reason", "ref", "subjects"),
        *("resources", "detail", "sealed", *_NUMBERS),
    ]
)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_KINDS = frozenset(kind.value for kind in PartyKind)
_NOBODY: Mapping[str, Any] = {"uid": None, "org": None}


class Columns(NamedTuple):
    """The searchable projection of a leaf: one row of `audit_entries` without index and leaf."""

    event_id: str
    time_ms: int
    action: str
    outcome: str
    person: str | None
    organisation: str | None
    dataset: str | None
    version: str | None
    item: str | None
    ref: str | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A parsed leaf. People, organisation and item are keyed tokens, boxes are ciphertext."""

    columns: Columns
    kind: PartyKind | None
    subjects: tuple[str, ...]
    task: str
    reason: str | None
    detail: Mapping[str, Any]
    sealed: Mapping[str, bytes | None]
    class_uid: int
    type_uid: int

    @property
    def event_id(self) -> str:
        """The event's UUID."""
        return self.columns.event_id

    @property
    def time_ms(self) -> int:
        """Milliseconds since 1970 UTC, by the clock of the process that acted."""
        return self.columns.time_ms

    @property
    def action(self) -> str:
        """The dot-named action code."""
        return self.columns.action

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome(self.columns.outcome)


class Parsed(NamedTuple):
    """What sequencing and verifying need of a leaf, without building the whole value."""

    columns: Columns
    subjects: tuple[str, ...]
    sealed: dict[str, str | None]
    document: dict[str, Any]


def parse(leaf: bytes) -> Parsed:
    """Parse canonical version 1 bytes; raise LeafMalformed naming the first fault."""
    document = _document(leaf)
    try:
        return _parsed(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise LeafMalformed(f"the leaf lacks a field or has one of the wrong type: {error}") from (
            error
        )


def decode(leaf: bytes) -> Leaf:
    """Return the leaf as a value. Raises LeafMalformed."""
    columns, subjects, sealed, document = parse(leaf)
    actor = document["actor"]
    return Leaf(
        columns=columns,
        kind=None if actor is None else PartyKind(actor["user"]["type"]),
        subjects=subjects,
        task=document["task"],
        reason=document["reason"],
        detail=document["detail"],
        sealed={token: None if box is None else b64decode(box) for token, box in sealed.items()},
        class_uid=document["class_uid"],
        type_uid=document["type_uid"],
    )


def open_personal(leaf: Leaf, vault: Opener) -> dict[str, dict[str, Any] | None]:
    """Return the personal fields by person token; None for a person whose key is destroyed.

    Fields are `personal`, `src_endpoint`, `item` (of the actor) and `about` (of others).
    Raises SealBroken when a box or its key row was altered.
    """
    return {token: _open(leaf, token, box, vault) for token, box in leaf.sealed.items()}


def _open(leaf: Leaf, token: str, box: bytes | None, vault: Opener) -> dict[str, Any] | None:
    if box is None:
        return None
    plain = vault.unseal(token, box, seal_aad(leaf.event_id, token))
    if plain is None:
        return None
    try:
        fields: dict[str, Any] = canonical.read(plain)
    except canonical.NotCanonical as error:
        raise SealBroken("a sealed field opened to bytes that are not an object") from error
    return fields


def _document(leaf: bytes) -> dict[str, Any]:
    if len(leaf) > MAX_LEAF_BYTES:
        raise LeafMalformed(f"the leaf has {len(leaf)} bytes, at most {MAX_LEAF_BYTES} are allowed")
    try:
        document = canonical.read(leaf)
    except canonical.NotCanonical as error:
        raise LeafMalformed(f"the leaf is not canonical JSON: {error}") from error
    _require(type(document) is dict and document.keys() == _KEYS, "keys")
    _require(document["v"] == VERSION and type(document["v"]) is int, "v")
    return document  # type: ignore[no-any-return]


def _parsed(document: dict[str, Any]) -> Parsed:
    for name in _NUMBERS:
        number = document[name]
        _require(type(number) is int and 0 <= number < canonical.MAX_INTEGER, name)
    _require(_TOKEN.fullmatch(document["salt"]) is not None, "salt")
    _require(document["outcome"] in _OUTCOMES, "outcome")
    _require(type(document["task"]) is str, "task")
    _require(_optional_text(document["reason"]), "reason")
    _require(_optional_column(document["ref"]), "ref")
    _check_detail(document["detail"])
    subjects = document["subjects"]
    _require(type(subjects) is list and all(map(_is_token, subjects)), "subjects")
    _require(sorted(set(subjects)) == subjects, "subjects")
    _check_sealed(document["sealed"])
    _check_event_id(document["metadata"])
    _check_action(document["api"])
    _check_actor(document["actor"])
    _check_resources(document["resources"])
    return Parsed(columns(document), tuple(subjects), document["sealed"], document)


def columns(document: Mapping[str, Any]) -> Columns:
    """Pick what is searched for out of a document that is as version 1 demands."""
    return Columns(*searchable(document))


def searchable(document: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the search columns as a plain tuple. A foreign document raises KeyError or kin."""
    actor = document["actor"]
    user = _NOBODY if actor is None else actor["user"]
    dataset = version = item = None
    for resource in document["resources"]:
        if resource["type"] == "dataset":
            dataset, version = resource["uid"], resource["version"]
        else:
            item = resource["uid"]
    organisation = user["org"]
    return (
        document["metadata"]["uid"],
        document["time"],
        document["api"]["operation"],
        document["outcome"],
        user["uid"],
        None if organisation is None else organisation["uid"],
        dataset,
        version,
        item,
        document["ref"],
    )


def _check_event_id(metadata: dict[str, Any]) -> None:
    _require(metadata.keys() == {"product", "uid", "version"}, "metadata")
    _require(metadata["product"] == PRODUCT, "metadata.product")
    _require(type(metadata["version"]) is str, "metadata.version")
    _require(EVENT_ID.fullmatch(metadata["uid"]) is not None, "metadata.uid")


def _check_action(api: dict[str, Any]) -> None:
    _require(api.keys() == {"operation"}, "api")
    _require(ACTION.fullmatch(api["operation"]) is not None, "api.operation")
    _require(is_column(api["operation"]), "api.operation")


def _check_actor(actor: dict[str, Any] | None) -> None:
    if actor is None:
        return
    _require(actor.keys() == {"user"}, "actor")
    user = actor["user"]
    _require(user.keys() == {"uid", "type", "org"} and user["type"] in _KINDS, "actor.user")
    _require(_is_token(user["uid"]), "actor.user.uid")
    org = user["org"]
    _require(org is None or (org.keys() == {"uid"} and _is_token(org["uid"])), "actor.user.org")


def _check_resources(resources: list[dict[str, Any]]) -> None:
    """A dataset, then an item, each at most once."""
    _require(type(resources) is list, "resources")
    rest = list(resources)
    if rest and rest[0]["type"] == ResourceKind.DATASET:
        first = rest.pop(0)
        _require(first.keys() == {"type", "uid", "version"}, "resources")
        _require(type(first["uid"]) is str and is_column(first["uid"]), "resources")
        _require(_optional_column(first["version"]), "resources")
    if rest:
        last = rest.pop(0)
        _require(last.keys() == {"type", "uid"} and last["type"] == ResourceKind.ITEM, "resources")
        _require(_is_token(last["uid"]), "resources")
    _require(not rest, "resources")


def _check_detail(detail: object) -> None:
    _require(type(detail) is dict, "detail")
    try:
        canonical.check(detail)
    except canonical.NotCanonical as error:
        raise LeafMalformed(f"detail: {error}") from error


def _check_sealed(sealed: dict[str, str | None]) -> None:
    _require(type(sealed) is dict, "sealed")
    for token, box in sealed.items():
        _require(_is_token(token), "sealed")
        # Re-encoding refuses the other spellings that base64 decoders accept.
        _require(box is None or b64encode(b64decode(box)).decode() == box, "sealed")


def _is_token(value: object) -> bool:
    return type(value) is str and _TOKEN.fullmatch(value) is not None


def _optional_column(value: object) -> bool:
    return value is None or (type(value) is str and is_column(value))


def _optional_text(value: object) -> bool:
    return value is None or type(value) is str


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise LeafMalformed(f"{name}: not as version {VERSION} demands")
