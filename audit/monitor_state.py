"""What a monitor keeps on disk: the key it trusts, the last checkpoint, and evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from audit.errors import NoteMalformed, StateDamaged
from audit.monitor import Known
from audit.note import Verifier, parse_note
from audit.witness_state import EVIDENCE, write_durably

STATE = "state"
CHECKPOINT = "checkpoint"


class MonitorState:
    """One folder for one log. `checkpoint` in it is for other monitors to compare with."""

    def __init__(self, folder: Path) -> None:
        """Open or make the folder. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def read(self) -> Known | None:
        """Return what is remembered, None before the first look. Raises StateDamaged, OSError."""
        path = self._folder / STATE
        if not path.exists():
            return None
        try:
            vkey, _, note = path.read_bytes().decode("utf-8").partition("\n")
            parse_note(note)
            return Known(Verifier.parse(vkey), note)
        except (UnicodeDecodeError, NoteMalformed) as error:
            raise StateDamaged(f"{path} is damaged: {error}") from error

    def write(self, known: Known) -> None:
        """Remember an accepted checkpoint, key and note at once. Raises OSError."""
        write_durably(self._folder / STATE, f"{known.key}\n{known.note or ''}")
        write_durably(self._folder / CHECKPOINT, known.note or "")

    def keep(self, evidence: Sequence[str]) -> Path | None:
        """Keep signed checkpoints that contradict each other; return the file. Raises OSError."""
        if not evidence:
            return None
        folder = self._folder / EVIDENCE
        folder.mkdir(exist_ok=True, mode=0o700)
        text = "\n".join(evidence)
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
        write_durably(path, text)
        return path
