"""The leaf: canonical, private, and readable again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from audit import canonical
from audit.errors import EventInvalid, EventTooLarge, LeafMalformed
from audit.event import Domain, Event, Party, PartyKind, encode, sealed_parts
from audit.leaf import decode, open_personal
from audit.ocsf import Outcome, classify
from audit.stores import Prepared
from audit.vault import KeyRing
from tests.unit.audit.world import NOW_MS, event, vault

SALT = bytes(range(16))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=126)), inner, max_size=4)
    ),
    max_leaves=12,
)


def ring(one: Event) -> KeyRing:
    keys = vault()
    tokens = [keys.token(Domain.PERSON, person) for person in sealed_parts(one)]
    return KeyRing(keys, {token: AESGCM(b"k" * 32) for token in tokens})


def leaf_of(one: Event) -> bytes:
    return encode(one, ring(one), SALT)


class Opener:
    """Opens with the one key of these tests, or says that it is destroyed."""

    def __init__(self, key: bytes | None = b"k" * 32) -> None:
        self.key = key

    def unseal(self, person_token: str, box: bytes, aad: bytes) -> bytes | None:
        return None if self.key is None else AESGCM(self.key).decrypt(box[:12], box[12:], aad)


@given(VALUES)
def test_both_writers_give_the_same_canonical_bytes(value: object) -> None:
    canonical.check(value)
    written = canonical.write(value)
    assert written == canonical.write_stdlib(value)
    assert canonical.read(written) == canonical.read_stdlib(written) == value


@pytest.mark.parametrize("text", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b"[1,", b"\xff"])
def test_another_spelling_of_json_is_not_canonical(text: bytes) -> None:
    with pytest.raises(canonical.NotCanonical):
        canonical.read(text)


def test_a_leaf_reads_back_as_it_was_given() -> None:
    leaf = decode(leaf_of(event(subjects=("lee",), reason="irb_missing")))
    assert (leaf.action, leaf.outcome, leaf.time_ms) == (
        "download.authorized",
        Outcome.ALLOW,
        NOW_MS,
    )
    assert leaf.columns.person == vault().token(Domain.PERSON, "kim")
    assert leaf.columns.item == vault().token(Domain.ITEM, "patient/0001.dcm")
    assert leaf.subjects == (vault().token(Domain.PERSON, "lee"),)
    assert (leaf.task, leaf.reason) == ("download.authorized", "irb_missing")
    assert leaf.detail == {"bytes": 4096, "ranges": [[0, 4095]]}


@given(
    detail=st.dictionaries(st.text(st.characters(max_codepoint=126)), VALUES, max_size=4),
    texts=st.lists(st.none() | st.text(min_size=1), min_size=4, max_size=4),
    people=st.lists(st.text(), max_size=3),
)
def test_whatever_is_encoded_reads_back_with_the_columns_it_was_stored_under(
    detail: dict[str, object], texts: list[str | None], people: list[str]
) -> None:
    item, ref, reason, organisation = texts
    one = event(
        detail=detail,
        item=item,
        ref=ref,
        reason=reason,
        subjects=tuple(people),
        actor=Party("kim", organisation),
    )
    try:
        prepared = Prepared.encode(one, ring(one), SALT)
    except EventInvalid:
        return
    assert Prepared.of(prepared.leaf) == prepared


@pytest.mark.parametrize("text", ["a\x00b", "line\nline", "x" * 513], ids=["NUL", "break", "long"])
@pytest.mark.parametrize("name", ["ref", "dataset", "version"])
def test_what_a_database_could_not_index_is_no_event(name: str, text: str) -> None:
    with pytest.raises(EventInvalid, match=name):
        leaf_of(event(**{name: text}))


def test_a_leaf_with_what_no_database_could_index_is_not_read() -> None:
    document = canonical.read(leaf_of(event()))
    document["ref"] = "a\x00b"
    with pytest.raises(LeafMalformed, match="ref"):
        decode(canonical.write(document))


def test_nothing_personal_stands_in_a_leaf_in_plain() -> None:
    leaf = leaf_of(event(about={"lee": {"name": "이수문", "mail": "lee@example.org"}}))
    for secret in ("kim", "김수문", "이수문", "lee@", "192.0.2.7", "curl", "patient/", "seoul"):
        assert secret.encode() not in leaf


def test_sealed_fields_open_again_for_whoever_holds_the_keys() -> None:
    leaf = decode(leaf_of(event(about={"lee": {"name": "이수문"}})))
    opened = open_personal(leaf, Opener())
    kim, lee = (opened[vault().token(Domain.PERSON, who)] for who in ("kim", "lee"))
    assert kim is not None
    assert kim["personal"] == {"name": "김수문"}
    assert kim["src_endpoint"] == {"ip": "192.0.2.7", "user_agent": "curl/8.0", "channel": "api"}
    assert kim["item"] == "patient/0001.dcm"
    assert lee == {"about": {"name": "이수문"}}


def test_an_erased_person_opens_to_none() -> None:
    opened = open_personal(decode(leaf_of(event())), Opener(key=None))
    assert list(opened.values()) == [None]


def test_an_unknown_visitor_is_sealed_under_the_key_of_the_month() -> None:
    one = event(actor=Party(None, kind=PartyKind.ANONYMOUS), action="signin.failed")
    assert list(sealed_parts(one)) == ["anonymous:2026-11"]
    assert decode(leaf_of(one)).kind is PartyKind.ANONYMOUS


def test_a_leaf_is_the_same_for_the_same_event_and_salt() -> None:
    one = event(place=None, personal={}, item=None)
    assert leaf_of(one) == leaf_of(one)
    assert encode(one, ring(one), b"x" * 16) != leaf_of(one)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("action", "download"),
        ("action", "Download.Done"),
        ("event_id", "no-uuid"),
        ("time_ms", -1),
        ("time_ms", 1.5),
        ("dataset", ""),
        ("detail", {"score": 0.5}),
        ("detail", {"많이": 1}),
        ("detail", {"big": 2**53}),
        ("detail", {"text": "\ud800"}),
        ("actor", Party(None)),
        ("ref", 7),
    ],
)
def test_an_event_that_has_no_leaf_is_refused(field: str, value: object) -> None:
    with pytest.raises(EventInvalid):
        leaf_of(event(**{field: value}))


def test_a_version_needs_its_dataset() -> None:
    with pytest.raises(EventInvalid, match="version"):
        leaf_of(event(dataset=None))


def test_a_leaf_beyond_an_entry_bundle_is_refused() -> None:
    with pytest.raises(EventTooLarge):
        leaf_of(event(detail={"text": "x" * 65_535}))


def _without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize("key", sorted(json.loads(leaf_of(event()))))
def test_a_leaf_that_lacks_a_field_or_has_a_wrong_type_is_malformed(key: str) -> None:
    document = json.loads(leaf_of(event()))
    with pytest.raises(LeafMalformed):
        decode(canonical.write(_without(document, key)))
    with pytest.raises(LeafMalformed):
        decode(canonical.write({**document, key: [[1.5]]}))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_malformed(noise: bytes) -> None:
    with pytest.raises(LeafMalformed):
        decode(noise)


@pytest.mark.parametrize(
    ("action", "ocsf_class", "activity"),
    [
        ("download.authorized", 6006, 2),
        ("session.started", 3002, 1),
        ("role.granted", 3005, 1),
        ("application.decided", 3004, 3),
        ("something.new", 6003, 99),
    ],
)
def test_actions_map_to_ocsf(action: str, ocsf_class: int, activity: int) -> None:
    assert classify(action) == (ocsf_class, activity)


def test_a_box_moved_to_another_event_does_not_open() -> None:
    moved = json.loads(leaf_of(event()))
    moved["sealed"] = json.loads(leaf_of(event()))["sealed"]
    with pytest.raises(InvalidTag):
        open_personal(decode(canonical.write(moved)), Opener())
