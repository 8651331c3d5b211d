"""What verification finds."""

from __future__ import annotations

from dataclasses import dataclass

from audit.restoration import Restoration

MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True, order=True)
class VerifyFinding:
    """One thing that is not as the log wrote it.

    `index` is the entry concerned: for tiles, edge and head the first one they cover, for a
    checkpoint the last, for what has no number yet the size of the log.
    """

    index: int
    table: str
    column: str
    what: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a recorded verification, entry `index`, tells of: so many rows of both."""

    index: int
    checkpoints: int
    cosignatures: int


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification.

    `size` and `root` are recomputed from the entries, `checkpoint` is the newest signed note in
    the log. `more` counts findings beyond the first thousand. `keys_checked` is False when no
    vault was given, so that outbox and key rows could not be authenticated. `pruned` entries
    below the signed `minimum` are not there any more; `archives` are the SHA-256 of the archives
    that hold them. `checkpoints` and `cosignatures` are stored, with the digest `signed_sha256`
    (hexadecimal); those that an earlier verification `told` of cannot be missing unnoticed.
    `restores` are the backups restored, as the log's key signed them, oldest first.
    """

    findings: tuple[VerifyFinding, ...]
    size: int
    root: bytes
    checkpoint: str | None
    more: int
    keys_checked: bool
    pruned: int = 0
    minimum: int = 0
    archives: tuple[str, ...] = ()
    checkpoints: int = 0
    cosignatures: int = 0
    signed_sha256: str = ""
    told: Told | None = None
    restores: tuple[Restoration, ...] = ()

    @property
    def clean(self) -> bool:
        """True if nothing was found."""
        return not self.findings


class Findings:
    """Collects findings, at most a thousand: a damaged log must not exhaust the memory."""

    def __init__(self) -> None:
        self.kept: list[VerifyFinding] = []
        self.more = 0

    def add(self, index: int, table: str, column: str, what: str) -> None:
        """Note one finding."""
        if len(self.kept) < MAX_FINDINGS:
            self.kept.append(VerifyFinding(index, table, column, what))
        else:
            self.more += 1
