"""Everything that can go wrong in the log, each with a name a caller can act on."""

from __future__ import annotations


class AuditError(Exception):
    """Base of every error this library raises on purpose."""


class EventInvalid(AuditError):
    """The caller built an event that the envelope cannot carry; correct the named field."""


class EventTooLarge(EventInvalid):
    """The encoded leaf exceeds 65,535 bytes, the limit of a C2SP entry bundle."""


class EventReplayed(AuditError):
    """An event with this id is in the log already; it is not recorded a second time."""


class LeafMalformed(AuditError):
    """Stored bytes are not a canonical version 1 leaf."""


class SealBroken(AuditError):
    """A sealed field does not open: its key row is missing or damaged, or the box was altered."""


class NoteMalformed(AuditError):
    """Text is not a signed note, a verifier key or a checkpoint as C2SP defines them."""


class SignatureInvalid(AuditError):
    """A note carries no valid signature of the expected key."""


class PolicyMalformed(AuditError):
    """Bytes are not a C2SP tlog-policy file."""


class RequestMalformed(AuditError):
    """Bytes are not a request of C2SP tlog-witness."""


class StateDamaged(AuditError):
    """What a witness or a monitor remembers cannot be read; restore it, do not begin afresh."""


class SourceUnreachable(AuditError):
    """A log that is watched from outside could not be asked."""


class ReceiptMalformed(AuditError):
    """Text is not a receipt of a log."""


class ProofMalformed(AuditError):
    """Text is not a C2SP tlog-proof."""


class ProofInvalid(AuditError):
    """A proof is well formed but does not lead to the stated root."""


class TilePathMalformed(AuditError):
    """A path does not name a tile or an entry bundle."""


class TileMissing(AuditError):
    """A tile that the stated tree size requires is not stored, or is too short."""


class LogUnavailable(AuditError):
    """The event was not made durable: refuse whatever depended on it and try again later."""


class LogFenced(LogUnavailable):
    """The log moved to a new epoch (a backup was restored); restart this process."""


class HeadMoved(LogFenced):
    """Another sequencer numbered events in the meantime; begin again with the head locked."""
