"""Verifies evidence of a Sumun audit log. Needs only Python and `cryptography`.

    python verify_bundle.py BUNDLE.zip --key VKEY [--since CHECKPOINT] [--open KEYS.json]
    python verify_bundle.py --proof FILE.tlog-proof --key VKEY [--entry LEAF] [--receipt RECEIPT]

The first verifies an evidence bundle, the second the inclusion proof of one entry.

`--key` is a verifier key of the log (`/log/key`), from a source you trust. Without it the key in
a bundle is used, which proves only that the bundle holds together; a proof needs one, that with
which the log signed its checkpoint. `--since` is a checkpoint you kept: the bundle must prove
that the log extends it. `--open` holds keys of redacted entries, which the operator hands out on
order. A proof from the entry's page holds the exact entry; for another, `--entry` is the entry's
exact bytes, or `--receipt` the receipt that names its hash.

Exit status 0: verified. 1: not verified, with the reason. 2: it could not be done.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = "sumun-evidence-bundle-v1"
PROOF = "c2sp.org/tlog-proof@v1"
MINIMUM = "sumun-log-minimum-v1"
RECEIPT = "sumun-receipt/v1"
HEADER = "sumun-receipt:"
ARCHIVED = "log.archived"
NOTE_ED25519 = 1
OWN = ("manifest.json", "manifest.sig")
LARGER = ("keys.json", "verify_bundle.py")
DECIMAL = re.compile("0|[1-9][0-9]{0,18}")
DIGEST = re.compile("[0-9a-f]{64}")
BUNDLE_ID = re.compile("[0-9a-f]{32}")
MEMBER = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
# What a member may have when it is unpacked, in bytes. A small file must not fill the memory.
MAX_SMALL, MAX_LARGER = 1 << 16, 1 << 20
MAX_MANIFEST, PER_MEMBER = 1 << 24, 512
MAX_BOX = MAX_SMALL + 16
MAX_UNPACKED = 1 << 32
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BLOCK = 1 << 20
MAX_INDEX = 1 << 63
MAX_HASHES = 64
SHOWN = 4000
COMPLETENESS = (
    "Every entry of the range{} is in this bundle, open or redacted; that is proved. That no "
    "redacted entry matches the query is the operator's statement: to check it, have redacted "
    "entries opened."
)
NONE_SELECTED = (
    "no entry was selected. The operator states that no entry of the range{} answers the query. "
    "What is proved is that the range is whole; not that nothing in it answers: redacted entries "
    "must be opened to see that."
)
GONE = (
    "Entries below {} were pruned: the bundle holds their hashes, and shows neither what they say "
    "nor whether they answer the query. That takes the archives which the log tells of."
)
ALL_GONE = "no entry was selected: every entry of the range was pruned."
NO_RANGE = (
    "the range is empty: by the times that the log keeps, no entry lies in the period asked for. "
    "That is the operator's statement, and nothing but the checkpoint is proved."
)
NOT_TRUSTED = (
    "the bundle is not of the log whose key you trust, or is older than that key: after a change "
    "of keys give the older one, which leads to the later"
)
OPENED = (
    "the personal fields in opened/ are the operator's statement: nothing here binds them to the "
    "entries, which hold them sealed"
)


class NotVerified(Exception):
    """The bundle is not what it claims to be."""


class Unreadable(Exception):
    """The verification could not be done."""


def need(holds: object, why: str) -> None:
    """Raise NotVerified unless something holds."""
    if not holds:
        raise NotVerified(why)


def plain(text: str, most: int = SHOWN) -> str:
    """One line that a terminal obeys in nothing: whatever is not printable is spelled out."""
    safe = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text[:most]
    )
    return safe + ("…" if len(text) > most else "")


def unb64(text: object) -> bytes:
    """Decode base64 in its one standard spelling."""
    need(isinstance(text, str), "base64 is expected")
    try:
        data = b64decode(str(text), validate=True)
    except ValueError as error:
        raise NotVerified("base64 is expected") from error
    need(b64encode(data).decode() == text, "base64 in a non-standard spelling")
    return data


def unhash(text: object) -> bytes:
    """Decode the base64 of a SHA-256."""
    data = unb64(text)
    need(len(data) == 32, "a hash has not 32 bytes")
    return data


def number(text: str) -> int:
    """Parse a decimal without leading zeros."""
    need(DECIMAL.fullmatch(text), "a number is malformed")
    return int(text)


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf), RFC 6962."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 6962."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class Key:
    """A verifier key of C2SP signed-note: name, 4-byte id and Ed25519 key."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Key:
        name, _, rest = text.partition("+")
        digest, _, encoded = rest.partition("+")
        data = unb64(encoded)
        need(name and name.isprintable() and " " not in name, "the key's name is malformed")
        need(len(data) == 33 and data[0] == NOTE_ED25519, "the key is no Ed25519 verifier key")
        right = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        need(digest == right.hex(), "the hash in the verifier key is not that of the key")
        return cls(name, right, data[1:])

    def open(self, note: str) -> list[str]:
        """Verify a signed note; return the lines of its text."""
        body, gap, tail = note.rpartition("\n\n")
        need(gap and tail.endswith("\n"), "a signed note is malformed")
        for line in tail[:-1].split("\n"):
            dash, name, value = (*line.split(" "), "", "")[:3]
            data = unb64(value)
            if (dash, name, data[:4]) == ("\u2014", self.name, self.id):
                self._verify(data[4:], (body + "\n").encode())
                return body.split("\n")
        raise NotVerified(f"a note is not signed by {self.name}")

    def checkpoint(self, note: str) -> tuple[int, bytes]:
        """Verify a checkpoint; return its size and root."""
        lines = self.open(note)
        need(len(lines) >= 3 and lines[0] == self.name, "the checkpoint is of another log")
        return number(lines[1]), unhash(lines[2])

    def _verify(self, signature: bytes, message: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise NotVerified(f"a signature of {self.name} does not verify") from error


@dataclass(frozen=True)
class Proof:
    """A C2SP tlog-proof, parsed; `extra` is the exact entry in proofs from an entry's page."""

    index: int
    extra: bytes | None
    hashes: list[bytes]
    note: str

    @classmethod
    def parse(cls, text: str) -> Proof:
        head, gap, note = text.partition("\n\n")
        lines = head.split("\n")
        need(gap and lines.pop(0) == PROOF, f"a proof begins with {PROOF} and holds a checkpoint")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = unb64(lines.pop(0)[len("extra ") :])
        need(lines and lines[0].startswith("index "), "the proof names no index")
        index = number(lines.pop(0)[len("index ") :])
        need(len(lines) <= MAX_HASHES, "the proof has too many hashes")
        return cls(index, extra, [unhash(line) for line in lines], note)


@dataclass
class Bundle:
    """An opened bundle, member by member."""

    zip: zipfile.ZipFile
    manifest: dict[str, Any] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=list)
    vkeys: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def read(self, name: str) -> bytes:
        # Never more than stated, whatever the packed bytes unpack to.
        with self.zip.open(name) as file:
            return file.read(self.zip.getinfo(name).file_size)

    def digest(self, name: str) -> bytes:
        """The SHA-256 of a member of any size."""
        digest = hashlib.sha256()
        with self.zip.open(name) as file:
            while block := file.read(BLOCK):
                digest.update(block)
        return digest.digest()

    def text(self, name: str) -> str:
        return self.read(name).decode()

    def key_of(self, note: str) -> Key:
        """Whichever of the log's keys signed a note."""
        for key in reversed(self.keys):
            try:
                key.open(note)
            except NotVerified:
                continue
            return key
        raise NotVerified("a note is signed by none of the log's keys")

    def checkpoint(self, text: str) -> tuple[int, bytes]:
        """Verify a checkpoint; return its size and root.

        A key that was handed over signs nothing larger: somebody else may hold it by now.
        """
        key = self.key_of(text)
        size, root = key.checkpoint(text)
        ends = dict(zip(self.keys, self.ends, strict=False))
        need(size <= ends.get(key, size), "a checkpoint is signed with a key that was handed over")
        return size, root


def is_index(value: object) -> bool:
    """Whether a value of the manifest is an index or size."""
    return type(value) is int and 0 <= value < MAX_INDEX


def rising(values: object) -> bool:
    """Whether a value is a list of indexes, each larger than the one before."""
    if not isinstance(values, list) or not all(map(is_index, values)):
        return False
    return all(one < other for one, other in pairwise(values))


def texts(values: object) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(values, list) and all(isinstance(one, str) for one in values)


def most(name: str, members: int) -> int:
    """How many bytes a member may have, by what it is, in a bundle of so many members."""
    if name == "manifest.json":
        return min(MAX_MANIFEST, MAX_LARGER + PER_MEMBER * members)
    larger = name in LARGER or name.startswith(("policies/", "opened/"))
    return MAX_LARGER if larger else MAX_SMALL


def check_sizes(opened: zipfile.ZipFile) -> None:
    """No member is larger than it may be, so that reading it is safe; nothing is read yet.

    The range's two are as large as the range, but not packed: no larger than the file itself.
    """
    members, total = opened.infolist(), 0
    for info in members:
        name = info.filename
        if name.startswith("range/"):
            need(info.compress_type == zipfile.ZIP_STORED, f"{name}: packed")
            continue
        need(info.compress_type in PACKED, f"{name}: packed in an unknown way")
        need(info.file_size <= most(name, len(members)), f"{name}: too large")
        total += info.file_size
    need(total <= MAX_UNPACKED, "the members are too large together")


def read_manifest(bundle: Bundle) -> dict[str, Any]:
    """The manifest, every field of the type that is used below; of the log that signed it."""
    manifest: Any = json.loads(bundle.read("manifest.json"))
    if not isinstance(manifest, dict):
        raise NotVerified("the manifest is no object")
    need(manifest.get("format") == FORMAT, f"the format is not {FORMAT}")
    for name, fits in SHAPE.items():
        need(name in manifest and fits(manifest[name]), f"the manifest's {name} is malformed")
    said, selected = manifest["range"], manifest["selected"]
    need(said["first"] <= said["end"] <= manifest["size"], "the manifest's range is malformed")
    inside = not selected or said["first"] <= selected[0] <= selected[-1] < said["end"]
    need(inside, "a selected entry lies outside the range")
    need(manifest["key"] == bundle.vkeys[-1], "the manifest names another key")
    need(manifest["origin"] == bundle.keys[-1].name, "the manifest names another log")
    return manifest


def is_trusted(value: object) -> bool:
    """Whether this says from which checkpoint the log has grown, or that nothing was asked."""
    if value is None:
        return True
    return isinstance(value, dict) and is_index(value.get("size")) and texts(value.get("proof"))


def is_range(value: object) -> bool:
    """Whether this describes a range of entries."""
    return (
        isinstance(value, dict)
        and is_index(value.get("first"))
        and is_index(value.get("end"))
        and rising(value.get("pruned"))
        and texts(value.get("around"))
    )


def is_members(value: object) -> bool:
    """Whether this lists members by name, with digest and size."""
    return isinstance(value, dict) and all(
        MEMBER.fullmatch(name)
        and isinstance(said, dict)
        and isinstance(said.get("sha256"), str)
        and is_index(said.get("bytes"))
        for name, said in value.items()
    )


SHAPE: dict[str, Any] = {
    "bundle": lambda value: isinstance(value, str) and BUNDLE_ID.fullmatch(value),
    "made": lambda value: isinstance(value, str),
    "origin": lambda value: isinstance(value, str),
    "key": lambda value: isinstance(value, str),
    "size": is_index,
    "trusted": is_trusted,
    "query": lambda value: isinstance(value, dict),
    "selected": rising,
    "range": is_range,
    "members": is_members,
}


def check_members(bundle: Bundle) -> None:
    """Every member is listed with its digest, and nothing else is there."""
    members = bundle.manifest["members"]
    names = [info.filename for info in bundle.zip.infolist()]
    need(len(set(names)) == len(names), "two members have the same name")
    need(set(names) == {*members, *OWN}, "members are missing, or not listed in the manifest")
    for name, said in members.items():
        size = bundle.zip.getinfo(name).file_size
        need(size == said["bytes"], f"{name}: not of the size stated")
        need(bundle.digest(name).hex() == said["sha256"], f"{name}: altered")


def check_keys(bundle: Bundle, trusted: str | None) -> None:
    """The log's keys, oldest first: each hands over to the next; one of them is trusted.

    The first of the bundle that is read: whose word the rest is depends on it.
    """
    history = json.loads(bundle.text("keys.json"))
    need(isinstance(history, dict), "the key history is malformed")
    known, handovers = history.get("keys"), history.get("handovers")
    need(texts(known) and texts(handovers), "the key history is malformed")
    bundle.keys = [Key.parse(text) for text in known]
    need(bundle.keys and len(handovers) == len(known) - 1, "the key history has gaps")
    for at, note in enumerate(handovers):
        old, new, said = bundle.keys[at], bundle.keys[at + 1], known[at + 1]
        lines = old.open(note)
        need(lines == new.open(note), "a hand-over is not signed by both keys")
        need(lines[0] == old.name == new.name, "a hand-over is of another log")
        need(lines[3:] == [f"next-key {said}"], "a hand-over names another key")
        bundle.ends.append(number(lines[1]))
    bundle.vkeys = known
    need(trusted in (None, *known), NOT_TRUSTED)


def check_manifest(bundle: Bundle) -> None:
    """The manifest is signed by the log's present key; it is not even parsed before."""
    digest = b64encode(bundle.digest("manifest.json")).decode()
    key = bundle.keys[-1]
    right = [FORMAT, key.name, digest]
    need(key.open(bundle.text("manifest.sig")) == right, "the manifest is not the one signed")


def check_consistency(old: int, new: int, proof: list[bytes], roots: tuple[bytes, bytes]) -> None:
    """RFC 9162, section 2.1.4.2."""
    need(0 < old <= new, "the log is shorter than the checkpoint trusted before")
    if old == new:
        need(not proof and roots[0] == roots[1], "the log differs from the checkpoint trusted")
        return
    path = proof if old & (old - 1) else [roots[0], *proof]
    need(path, "the consistency proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for one in path[1:]:
        need(last, "the consistency proof is too long")
        if node & 1 or node == last:
            first, second = node_hash(one, first), node_hash(one, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, one)
        node, last = node >> 1, last >> 1
    need(last == 0 and (first, second) == roots, "the log does not extend the checkpoint trusted")


def check_inclusion(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> None:
    """RFC 9162, section 2.1.3.2."""
    node, last, result = index, size - 1, leaf
    for one in proof:
        need(last, f"entry {index}: the proof is too long")
        if node & 1 or node == last:
            result = node_hash(one, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, one)
        node, last = node >> 1, last >> 1
    need(last == 0 and result == root, f"entry {index}: the proof does not lead to the root")


def check_proof(bundle: Bundle, name: str, leaf: bytes, head: tuple[int, bytes]) -> int:
    """An entry is in the log, by a proof under the bundle's checkpoint; return its index."""
    proof = Proof.parse(bundle.text(name))
    need(proof.note == bundle.text("checkpoint"), f"{name}: the proof is under another checkpoint")
    check_inclusion(proof.index, head[0], leaf_hash(leaf), proof.hashes, head[1])
    return proof.index


def check_entries(bundle: Bundle, head: tuple[int, bytes], hashes: dict[int, bytes]) -> None:
    """Each selected entry is in the log, by a proof of its own, and in the range."""
    for index in bundle.manifest["selected"]:
        leaf = bundle.read(f"entries/{index}.json")
        proved = check_proof(bundle, f"proofs/{index}.tlog-proof", leaf, head)
        need(proved == index, f"entry {index}: the proof is of another entry")
        need(hashes[index] == leaf_hash(leaf), f"entry {index}: not the one in the range")


def check_pruned(bundle: Bundle, head: tuple[int, bytes]) -> int:
    """Return the index below which entries may be missing: as far as was signed, and no further.

    Each step down there is a minimum signed with a key of the log, and the log's own entry,
    proved like any other, that tells of the archive which the minimum names.
    """
    below = 0
    for lowest in bundle.manifest["range"]["pruned"]:
        what = f"entries below {lowest} are said to be pruned"
        note = bundle.text(f"pruned/{lowest}.minimum")
        lines = bundle.key_of(note).open(note)
        right = len(lines) == 4 and lines[:3] == [MINIMUM, bundle.keys[-1].name, str(lowest)]
        need(right and DIGEST.fullmatch(lines[3]), f"{what}, and no signed minimum says so")
        leaf = bundle.read(f"pruned/{lowest}.json")
        check_proof(bundle, f"pruned/{lowest}.tlog-proof", leaf, head)
        entry = json.loads(leaf)
        detail = entry["detail"]
        tells = entry["api"]["operation"] == ARCHIVED and detail["first"] <= below
        tells = tells and (detail["end"], detail["sha256"]) == (lowest, lines[3])
        need(tells, f"{what}, and the log does not tell of their archive")
        below = lowest
    return below


def check_range(bundle: Bundle, size: int, root: bytes, wanted: set[int]) -> dict[int, bytes]:
    """The hashes of the range, with what lies around it, make up the whole tree.

    Return the `wanted` ones by index.
    """
    said, stated = bundle.manifest["range"], bundle.zip.getinfo("range/hashes").file_size
    first, end = said["first"], said["end"]
    need(0 <= first <= end <= size and stated == 32 * (end - first), "the range has gaps")
    with bundle.zip.open("range/hashes") as file:
        whole, found = _whole(file, said, size, wanted)
    need(whole == root, "the range is not that of the log")
    return found


def _whole(
    file: IO[bytes], said: dict[str, Any], size: int, wanted: set[int]
) -> tuple[bytes, dict[int, bytes]]:
    """The root over the range's hashes, read one after the other, and the `wanted` ones."""
    first, end, found = said["first"], said["end"], {}
    around = iter([unhash(one) for one in said["around"]])

    def subtree(low: int, high: int) -> bytes:
        if high <= first or low >= end:
            other = next(around, None)
            need(other, "the range is not that of the log")
            return other or b""
        if high - low == 1:
            one = file.read(32)
            if low in wanted:
                found[low] = one
            return one
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        return node_hash(subtree(low, middle), subtree(middle, high))

    whole = subtree(0, size) if size else hashlib.sha256(b"").digest()
    need(next(around, None) is None, "the range is not that of the log")
    return whole, found


def redacted(bundle: Bundle) -> Iterator[tuple[int, bytes]]:
    """Each entry of the range with its ciphertext; empty for selected and pruned ones."""
    said = bundle.manifest["range"]
    with bundle.zip.open("range/redacted") as file:
        for index in range(said["first"], said["end"]):
            length = file.read(4)
            need(len(length) == 4, f"entry {index}: the redacted entry is missing")
            size = int.from_bytes(length, "big")
            need(size <= MAX_BOX, f"entry {index}: too large")
            box = file.read(size)
            need(len(box) == size, f"entry {index}: cut short")
            yield index, box
        need(not file.read(1), "there is more than the range holds")


def check_redacted(
    bundle: Bundle, below: int, keys: dict[int, str], hashes: dict[int, bytes]
) -> dict[int, bytes]:
    """Every entry is here, open or as ciphertext, or pruned `below` that index.

    Opens those whose keys are given.
    """
    opened, selected = {}, set(bundle.manifest["selected"])
    for index, box in redacted(bundle):
        need(not box or index not in selected, f"entry {index}: both open and redacted")
        here = box or index in selected or index < below
        need(here, f"entry {index}: neither open nor redacted")
        if index in keys and box:
            leaf = open_box(bundle.manifest["bundle"], index, keys[index], box)
            need(leaf_hash(leaf) == hashes[index], f"entry {index}: another entry")
            opened[index] = leaf
    return opened


def open_box(bundle: str, index: int, key: str, box: bytes) -> bytes:
    """Decrypt a redacted entry with the hexadecimal key that was handed out for it."""
    aad = f"sumun-redacted-v1|{bundle}|{index}".encode()
    try:
        return AESGCM(bytes.fromhex(key)).decrypt(b"\0" * 12, box, aad)
    except (InvalidTag, ValueError) as error:
        raise NotVerified(f"entry {index}: the key given does not open it") from error


def check_trusted(bundle: Bundle, size: int, root: bytes, since: str | None) -> None:
    """The log extends the checkpoint that the auditor trusted before."""
    said = bundle.manifest["trusted"]
    need(since is None or said, "the bundle has no proof from the checkpoint you keep")
    if said is None:
        return
    old, old_root = bundle.checkpoint(bundle.text("trusted-checkpoint"))
    need(said["size"] == old, "the manifest names another checkpoint to start from")
    proof = [unhash(one) for one in said["proof"]]
    check_consistency(old, size, proof, (old_root, root))
    if since is not None:
        need(bundle.checkpoint(since) == (old, old_root), "the proof is from another checkpoint")


def verify(
    path: Path, key: str | None = None, since: str | None = None, keys: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[int, bytes]]:
    """Verify a bundle; return its manifest and the redacted entries opened with `keys`.

    `key` is a verifier key, `since` the text of a checkpoint, `keys` hexadecimal keys by index.
    Raises NotVerified, or Unreadable for a key that is none, or no ZIP file to read.
    """
    if key is not None:
        given_key(key)
    try:
        with _opened(path) as opened:
            return _verify(opened, key, since, keys or {})
    except Unreadable:
        raise
    except OSError as error:
        raise Unreadable(plain(f"{path}: {error.strerror or error}")) from error
    except NotVerified as error:
        raise NotVerified(plain(str(error))) from error
    # Whatever a damaged file makes the parsers say, the bundle is not verified.
    except Exception as error:
        what = plain(f"{type(error).__name__}: {error}")
        raise NotVerified(f"the bundle is damaged ({what})") from error


def given_key(text: str) -> Key:
    """A key as it was typed. Raises Unreadable for one that is none: nothing was looked at then."""
    try:
        return Key.parse(text)
    except (NotVerified, ValueError) as error:
        raise Unreadable(f"what was given as the key is no verifier key: {error}") from error


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise Unreadable(plain(f"{path}: not a ZIP file, or not whole: {error}")) from error


def _verify(
    opened: zipfile.ZipFile, key: str | None, since: str | None, keys: dict[str, str]
) -> tuple[dict[str, Any], dict[int, bytes]]:
    check_sizes(opened)
    bundle = Bundle(opened)
    check_keys(bundle, key)
    check_manifest(bundle)
    bundle.manifest = read_manifest(bundle)
    check_members(bundle)
    head = bundle.checkpoint(bundle.text("checkpoint"))
    need(bundle.manifest["size"] == head[0], "the manifest names another checkpoint")
    check_trusted(bundle, *head, since)
    given = {int(index): key for index, key in keys.items() if DECIMAL.fullmatch(index)}
    hashes = check_range(bundle, *head, {*bundle.manifest["selected"], *given})
    check_entries(bundle, head, hashes)
    below = check_pruned(bundle, head)
    return bundle.manifest, check_redacted(bundle, below, given, hashes)


def verify_proof(
    text: str, keys: Sequence[str], entry: bytes | None = None, receipt: str | None = None
) -> tuple[Proof, int, bytes | None]:
    """Verify the proof of one entry under one of `keys`; return it, the size signed for, the entry.

    The entry is the `extra` of the proof, or given by its exact bytes; a receipt names its hash.
    Raises NotVerified, or Unreadable for a key that is none.
    """
    proof, known = Proof.parse(text), [given_key(key) for key in keys]
    size, root = _signed(known, proof.note).checkpoint(proof.note)
    leaves = [one for one in (proof.extra, entry) if one is not None]
    hashes = [leaf_hash(one) for one in leaves]
    if receipt is not None:
        hashes.append(promised(receipt, known))
    need(hashes, "the proof does not hold its entry: give --entry or --receipt")
    need(len(set(hashes)) == 1, "entry, proof and receipt are not of the same entry")
    check_inclusion(proof.index, size, hashes[0], proof.hashes, root)
    return proof, size, leaves[0] if leaves else None


def promised(text: str, keys: Sequence[Key]) -> bytes:
    """The leaf hash that a receipt names: a note, the value of the header, or its whole line."""
    if not text.startswith(RECEIPT):
        value = text.strip()
        named = value.lower().startswith(HEADER)
        text = unb64(value[len(HEADER) :].strip() if named else value).decode()
    key = _signed(keys, text)
    lines = key.open(text)
    right = len(lines) == 6 and lines[:2] == [RECEIPT, key.name] and lines[3][:5] == "leaf "
    need(right, "the receipt is malformed")
    return unhash(lines[3][5:])


def _signed(keys: Sequence[Key], note: str) -> Key:
    for key in keys:
        try:
            key.open(note)
        except NotVerified:
            continue
        return key
    raise NotVerified("no key that was given signed it; after a change of keys give both")


def pruned_below(said: dict[str, Any]) -> int:
    """The index below which the range's entries may be missing; 0 when none were pruned."""
    return int(max([0, *said["pruned"]]))


def completeness(said: dict[str, Any]) -> str:
    """What is proved of the whole range, and what is the operator's word, by what was pruned."""
    below = pruned_below(said)
    if not below:
        return COMPLETENESS.format("")
    kept = COMPLETENESS.format(f" from {below} on") if below < said["end"] else ""
    return f"{GONE.format(below)} {kept}".rstrip()


def none_selected(said: dict[str, Any]) -> str:
    """What a bundle without any selected entry shows of its range, and what it does not."""
    below = pruned_below(said)
    if said["first"] >= said["end"]:
        return NO_RANGE
    if said["end"] <= below:
        return ALL_GONE
    return NONE_SELECTED.format(f" from {below} on" if below else "")


def summary(manifest: dict[str, Any], key_given: bool) -> str:
    """What was verified, and what was not, in words; each line is printable."""
    said, chosen = manifest["range"], len(manifest["selected"])
    lines = [f"verified: {chosen} entries are in the log, each by its own proof"]
    if not chosen:
        lines = [f"verified: {none_selected(said)}"]
    if said["first"] < said["end"]:
        lines.append(
            f"whole range: entries {said['first']} to {said['end'] - 1}, "
            f"{said['end'] - said['first'] - chosen} of them redacted or pruned"
        )
    if said["pruned"]:
        lines.append(f"pruned: below {said['pruned'][-1]}, as a minimum signed by the log says")
    query = json.dumps(manifest["query"], ensure_ascii=False, sort_keys=True)
    lines += [f"query: {plain(query)}", f"completeness: {completeness(said)}"]
    if any(name.startswith("opened/") for name in manifest["members"]):
        lines.append(f"opened: {OPENED}")
    if manifest["trusted"]:
        lines.append(f"the log extends the checkpoint of {manifest['trusted']['size']} entries")
    if not key_given:
        lines.append(f"the key was taken from the bundle; compare it yourself: {manifest['key']}")
    return "\n".join(lines)


def read_keys(path: Path) -> dict[str, str]:
    """The keys of redacted entries in a file. Raises Unreadable."""
    try:
        keys = json.loads(path.read_text("utf-8"))["keys"]
        return {str(index): bytes.fromhex(key).hex() for index, key in keys.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{path} holds no keys of redacted entries") from error


def read_text(path: Path | None) -> str | None:
    """The text of a file that was named. Raises Unreadable."""
    try:
        return None if path is None else path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path} cannot be read as text") from error


def _bundle(given: argparse.Namespace) -> Iterator[str]:
    keys = read_keys(given.open) if given.open else {}
    key = given.key[0] if given.key else None
    manifest, opened = verify(given.bundle, key, read_text(given.since), keys)
    yield summary(manifest, key is not None)
    for index, leaf in opened.items():
        yield f"{index} {plain(leaf.decode('utf-8', 'backslashreplace'), len(leaf))}"


def _proof(given: argparse.Namespace) -> Iterator[str]:
    entry = None
    if given.entry is not None:
        try:
            entry = given.entry.read_bytes()
        except OSError as error:
            raise Unreadable(f"{given.entry} cannot be read") from error
    text = read_text(given.proof) or ""
    proof, size, leaf = verify_proof(text, given.key, entry, read_text(given.receipt))
    name = proof.note.partition("\n")[0]
    yield f"verified: entry {proof.index} is in the log {plain(name)}, among the {size} signed for"
    if leaf is None:
        yield "the entry itself was not given: its hash, as the receipt names it, was proved"
    else:
        yield f"entry: {plain(leaf.decode('utf-8', 'backslashreplace'), len(leaf))}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify an evidence bundle or a proof.")
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--key", action="append", help="a verifier key of the log")
    parser.add_argument("--since", type=Path, help="a checkpoint you kept")
    parser.add_argument("--open", type=Path, help="keys of redacted entries")
    parser.add_argument("--proof", type=Path, help="the proof of one entry, instead of a bundle")
    parser.add_argument("--entry", type=Path, help="its exact bytes, if the proof lacks them")
    parser.add_argument("--receipt", type=Path, help="or the receipt that names its hash")
    given = parser.parse_args()
    if (given.bundle is None) == (given.proof is None):
        parser.error("name a bundle, or a proof with --proof")
    if given.proof is not None and not given.key:
        parser.error("--proof needs --key: a log's own word is no proof against it")
    if given.bundle is not None and len(given.key or ()) > 1:
        parser.error("one key leads to the others of a bundle; name one")
    return given


def main() -> int:
    """Run from the command line."""
    given = _arguments()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        lines = list(_bundle(given) if given.proof is None else _proof(given))
    except (NotVerified, UnicodeDecodeError) as error:
        sys.stdout.write(f"NOT VERIFIED: {plain(str(error))}\n")
        return 1
    except Unreadable as error:
        sys.stderr.write(f"verify_bundle: {plain(str(error))}\n")
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
