"""The key that signs the log, among those that are kept.

Which one signs stands in the log itself: a new key file counts only once its rotation is an entry,
so a rotation that was cut off in the middle changes nothing.
"""

from __future__ import annotations

from audit.errors import LogUnavailable
from audit.note import Signer
from gateway.keys import KeyStore, Purpose

EVERY = 1_000_000


def log_signer(keys: KeyStore, origin: str, vkey: str | None) -> Signer:
    """The signer of `vkey`, or of the first key when the log was never handed over.

    Raises LogUnavailable when that key is not kept, OperatorError when there is none at all.
    """
    kept = log_signers(keys, origin)
    if vkey is None:
        return kept[-1]
    for signer in kept:
        if str(signer.verifier) == vkey:
            return signer
    raise LogUnavailable(f"the key {vkey} that signs the log is not among those kept")


def log_signers(keys: KeyStore, origin: str) -> list[Signer]:
    """Every key kept for the log, newest first. Raises OperatorError when there is none."""
    return [Signer(origin, key.material) for key in keys.live(Purpose.LOG, EVERY)]
