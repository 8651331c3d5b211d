"""De-identify DICOM files in the sandbox: identifying tags go, UIDs change consistently."""

from __future__ import annotations

from pathlib import Path

from gateway.scanning.service import Scanner


def redact_dicom(scanner: Scanner, path_in: Path, path_out: Path, key: bytes) -> None:
    """Write `path_in` without identifiers to `path_out`.

    Removes a subset of the PS3.15 annex E basic profile, sets PatientIdentityRemoved, and derives
    each new UID from the old one and `key`, so that one key keeps references between files.
    Raises `RedactError`, `ScanError`, `OSError`; see `Scanner.redact_dicom`.
    """
    scanner.redact_dicom(path_in, path_out, key)
