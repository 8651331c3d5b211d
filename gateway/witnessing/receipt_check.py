"""Checks receipts: against the log of a home, or as a stranger against the public tiles."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.errors import (
    AuditError,
    LeafMalformed,
    NoteMalformed,
    ProofInvalid,
    ReceiptMalformed,
    SignatureInvalid,
)
from audit.leaf import decode
from audit.merkle import TileReader, inclusion_proof, leaf_hash, verify_inclusion
from audit.monitor import Source, read_tile
from audit.monitor_keys import KeyChain, Past
from audit.note import Verifier
from audit.proof import TlogProof
from audit.reader import LogReader
from audit.receipt import PUBLISHED_WITHIN_SECONDS, Receipt, find_leaf, open_receipt
from audit.restoration import RESTORED, Restoration, stored_restorations
from audit.search import Filters
from gateway.clock import from_ms
from gateway.runtime import Runtime
from gateway.witnessing.rotation import keys_of
from gateway.witnessing.service import log_read

# An outbox row is numbered within 50 ms; a stopped sequencer is given much longer.
WAIT_SECONDS = 5.0
PAUSE_SECONDS = 0.05
OLDER_KEY = (
    "if it was signed before a change of keys that the log does not tell of, give the older key"
)


class Standing(StrEnum):
    """What a receipt is worth against the log."""

    HELD = "held"
    PENDING = "not_yet_published"
    OMITTED = "omitted"
    ALTERED = "altered"
    LOST = "lost_by_restore"
    MALFORMED = "malformed"
    FOREIGN = "not_ours"


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome for one receipt. `proof` is the tlog-proof of an event that is held."""

    standing: Standing
    words: str
    receipt: Receipt | None = None
    index: int | None = None
    proof: str | None = None


def check(runtime: Runtime, text: str) -> Checked:
    """Check a receipt against the home's log. Raises LogUnavailable."""
    keys = keys_of(runtime).history.keys
    try:
        receipt = open_receipt(text, keys)
    except ReceiptMalformed as error:
        return Checked(Standing.MALFORMED, str(error))
    except SignatureInvalid as error:
        return Checked(Standing.FOREIGN, str(error))
    if not _numbered(runtime, receipt):
        words = "the event is in the log's queue and has no number yet; check again"
        return Checked(Standing.PENDING, words, receipt)
    with log_read(runtime) as (sql, reader):
        found = _find(sql, reader, receipt)
        if found is None:
            return _missing(stored_restorations(sql, keys), receipt)
    index, right = found
    if not right:
        return Checked(Standing.ALTERED, f"entry {index} is not what was promised", receipt, index)
    return _held(runtime, receipt, index)


def _numbered(runtime: Runtime, receipt: Receipt) -> bool:
    """Wait while the event is in the outbox: it is promised, and not numbered yet."""
    until = time.monotonic() + WAIT_SECONDS
    runtime.journal.log.kick()
    while time.monotonic() < until:
        with log_read(runtime) as (sql, _):
            query = "SELECT 1 FROM audit_outbox WHERE event_id = ?"
            if sql.one(query, (receipt.event_id,)) is None:
                return True
        time.sleep(PAUSE_SECONDS)
    return False


def _find(sql: Sql, reader: LogReader, receipt: Receipt) -> tuple[int, bool] | None:
    """The index, and whether the entry there is the promised one."""
    entries = reader.search(Filters(event_id=receipt.event_id), limit=1)
    if entries:
        return entries[0].index, leaf_hash(entries[0].leaf) == receipt.leaf_hash
    row = sql.one("SELECT MAX(minimum) FROM audit_minimum")
    below = int(row[0]) if row is not None and row[0] is not None else 0
    # Pruned entries are gone, but their hashes stay.
    index = find_leaf(receipt.leaf_hash, below, reader.tile)
    return None if index is None else (index, True)


def _missing(restores: Sequence[Restoration], receipt: Receipt) -> Checked:
    for restore in restores:
        if _explains(restore, receipt):
            when = from_ms(restore.time_ms).strftime("%Y-%m-%d %H:%M UTC")
            words = f"lost when a backup was restored on {when} (entry {restore.size})"
            return Checked(Standing.LOST, words, receipt)
    return Checked(Standing.OMITTED, "the log promised this event and does not hold it", receipt)


def _held(runtime: Runtime, receipt: Receipt, index: int) -> Checked:
    checkpoint = runtime.journal.log.checkpoint(covering=index + 1)
    with log_read(runtime) as (_, reader):
        try:
            proof = reader.prove(index, checkpoint)
            verify_inclusion(
                index, checkpoint.size, receipt.leaf_hash, proof.hashes, checkpoint.root
            )
        except (AuditError, ValueError) as error:
            words = f"entry {index} does not lead to the signed checkpoint: {error}"
            return Checked(Standing.ALTERED, words, receipt, index)
    words = f"entry {index} among {checkpoint.size}"
    return Checked(Standing.HELD, words, receipt, index, str(proof))


def check_from_outside(source: Source, vkey: str, text: str, now_ms: int) -> Checked:
    """Check a receipt against the public hash tiles, trusting nothing but a key of the log.

    From that key hand-overs lead to later ones and back to older ones, as `/log/history` has them.
    `now_ms` is the time of whoever asks (milliseconds since 1970). Raises SourceUnreachable, and
    NoteMalformed or SignatureInvalid for the log's own answers.
    """
    past = source.past()
    chain = KeyChain(Verifier.parse(vkey), past)
    try:
        receipt = open_receipt(text, chain.keys)
    except ReceiptMalformed as error:
        return Checked(Standing.MALFORMED, str(error))
    except SignatureInvalid as error:
        return Checked(Standing.FOREIGN, f"{error}; {OLDER_KEY}")
    note = source.checkpoint()
    opened = chain.open(note)
    signed = opened.checkpoint

    read = partial(read_tile, source)
    index = find_leaf(receipt.leaf_hash, signed.size, read)
    if index is None:
        restores = list(_restores(past, chain, signed, read))
        at_ms = opened.key.check_time(opened.note) * 1000
        return _absent(receipt, signed.size, restores, (at_ms, now_ms))
    path = inclusion_proof(index, signed.size, read)
    try:
        verify_inclusion(index, signed.size, receipt.leaf_hash, path, signed.root)
    except ProofInvalid as error:
        return Checked(Standing.ALTERED, f"the tiles are not those signed: {error}", receipt)
    words = f"entry {index} among {signed.size}"
    return Checked(Standing.HELD, words, receipt, index, str(TlogProof(index, path, note)))


def _restores(
    past: Past, chain: KeyChain, signed: Checkpoint, read: TileReader
) -> Iterator[Restoration]:
    """The restored backups that the tree holds and the log's key signed; no other excuses any."""
    for index, leaf in past.restores:
        if index >= signed.size:
            continue
        try:
            path = inclusion_proof(index, signed.size, read)
            verify_inclusion(index, signed.size, leaf_hash(leaf), path, signed.root)
            entry = decode(leaf)
            restored = chain.restoration(entry.detail, index, entry.time_ms)
        except (ProofInvalid, LeafMalformed, NoteMalformed, SignatureInvalid):
            continue
        if entry.action == RESTORED:
            yield restored


def _absent(
    receipt: Receipt, size: int, restores: Sequence[Restoration], times: tuple[int, int]
) -> Checked:
    """Why a promised event may not be there; `times` are the checkpoint's and the asker's."""
    words = f"it is not among the {size} entries that the log shows"
    for restore in restores:
        if _explains(restore, receipt):
            words = f"lost when a backup was restored (entry {restore.size}): {words}"
            return Checked(Standing.LOST, words, receipt)
    due = receipt.time_ms + PUBLISHED_WITHIN_SECONDS * 1000
    by, shown = (_moment(one) for one in (due, times[0]))
    if max(times) < due:
        words = f"{words}; not yet published, promised by {by}: check again then"
        return Checked(Standing.PENDING, words, receipt)
    words = f"{words}, in a checkpoint of {shown}; it was promised by {by}"
    return Checked(Standing.OMITTED, words, receipt)


def _explains(restore: Restoration, receipt: Receipt) -> bool:
    """Whether the restore ended the receipt's epoch, or came back from one that it had begun."""
    ended = restore.epoch - 1
    earlier = ended < receipt.epoch and receipt.time_ms <= restore.time_ms
    return ended == receipt.epoch or earlier


def _moment(time_ms: int) -> str:
    try:
        return f"{from_ms(time_ms):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"millisecond {time_ms} since 1970"
