"""The files the demonstration works on.

The DICOM files are the samples that the pydicom package carries; most name a patient. The Korean
dialogues were written for this purpose, and every person and number in them is made up.
"""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from gateway.scanning.service import Scanner

SAMPLES = files("gateway.demo") / "samples"
# Larger samples add time and show nothing new.
MAX_BYTES = 200_000
DICOM_IDENTIFIER = "DICOM_IDENTIFIER"


def dicom_samples() -> list[Path]:
    """pydicom's own sample files, found without importing it."""
    spec = find_spec("pydicom")
    assert spec is not None, "the demonstration needs: pip install 'sumun[scan]'"
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "data" / "test_files"
    return sorted(path for path in folder.glob("*.dcm") if path.stat().st_size <= MAX_BYTES)


def deliver_dicom(scanner: Scanner, folder: Path) -> int:
    """Copy the readable samples into `folder`; how many of them name a patient."""
    folder.mkdir(parents=True)
    naming = 0
    for path in dicom_samples():
        report = scanner.scan(path, path.name)
        if report.unscannable is None:
            shutil.copyfile(path, folder / path.name)
            naming += any(f.entity_type == DICOM_IDENTIFIER for f in report.findings)
    return naming


def deidentify(scanner: Scanner, source: Path, target: Path, key: bytes) -> int:
    """Write every file of `source` without identifiers into `target`; how many."""
    target.mkdir(parents=True)
    done = 0
    for path in sorted(source.iterdir()):
        scanner.redact_dicom(path, target / path.name, key)
        done += 1
    return done


def deliver_dialogues(folder: Path) -> None:
    """Copy the dialogues into `folder`."""
    with as_file(SAMPLES / "counselling") as source:
        shutil.copytree(source, folder)


def description(name: str) -> Path:
    """The catalogue file of a demonstration dataset."""
    with as_file(SAMPLES / name) as path:
        return Path(path)
