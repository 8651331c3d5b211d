"""DICOM headers from pydicom's own sample files: identifiers found, removed, and gone."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from gateway.scanning.model import Reason, RedactError
from gateway.scanning.service import Scanner


def sample(name: str) -> Path:
    return Path(str(get_testdata_file(name, download=False)))


def made(**elements: str) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = pydicom.FileDataset("", elements and pydicom.Dataset(), file_meta=meta)
    dataset.preamble = bytes(128)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=False)
    return target.getvalue()


def test_patient_identifiers_are_found_by_their_tag_and_not_printed(scanner: Scanner) -> None:
    report = scanner.scan(sample("CT_small.dcm"))

    tags = {f.location["tag"] for f in report.findings if f.entity_type == "DICOM_IDENTIFIER"}

    assert {"(0010,0010)", "(0010,0020)"} <= tags
    assert "CompressedSamples" not in str(report)


def test_free_text_of_a_header_is_searched_too(scanner: Scanner) -> None:
    data = made(StudyDescription="call 010-1234-5678", PatientIdentityRemoved="YES")

    (finding,) = scanner.scan(io.BytesIO(data), "a.dcm").findings

    assert (finding.entity_type, finding.location) == (
        "KR_PHONE_NUMBER", {"tag": "(0008,1030)"})  # fmt: skip


@pytest.mark.parametrize("name", ["", "ANONYMOUS", "000"])
def test_dummies_in_a_file_that_says_it_was_cleaned_are_clean(scanner: Scanner, name: str) -> None:
    data = made(PatientName=name, PatientIdentityRemoved="YES")

    assert scanner.scan(io.BytesIO(data), "a.dcm").findings == ()


def test_a_claim_of_being_cleaned_does_not_hide_a_name(scanner: Scanner) -> None:
    data = made(PatientName="Hong^Gildong", PatientIdentityRemoved="YES")

    assert len(scanner.scan(io.BytesIO(data), "a.dcm").findings) == 1


@pytest.mark.parametrize("keep", [200, 1000, 30_000])
def test_a_cut_off_file_is_unscannable(scanner: Scanner, keep: int) -> None:
    data = sample("CT_small.dcm").read_bytes()[:keep]

    report = scanner.scan(io.BytesIO(data), "a.dcm")

    assert report.unscannable == Reason.CORRUPT_DICOM


def test_a_deflated_bomb_ends_its_child_and_is_never_clean(scanner: Scanner) -> None:
    dataset = pydicom.dcmread(io.BytesIO(made(PatientID="")))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.add_new(0x00091001, "OB", bytes(700 << 20))
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=False)

    report = scanner.scan(target, "bomb.dcm")

    assert report.unscannable in (Reason.MEMORY_LIMIT, Reason.PARSER_DIED)
    assert scanner.scan(io.BytesIO(b"fine"), "a.txt").findings == ()


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "rtplan.dcm"])
def test_a_de_identified_file_is_clean_and_keeps_its_pixels(
    scanner: Scanner, tmp_path: Path, name: str
) -> None:
    target = tmp_path / "out.dcm"

    scanner.redact_dicom(sample(name), target, b"key")

    before, after = pydicom.dcmread(sample(name)), pydicom.dcmread(target)
    assert scanner.scan(target).findings == ()
    assert after.PatientIdentityRemoved == "YES"
    assert after.get("PixelData") == before.get("PixelData")
    assert after.SOPInstanceUID != before.SOPInstanceUID


def test_one_key_keeps_references_and_another_breaks_them(scanner: Scanner, tmp_path: Path) -> None:
    uids = []
    for place, key in enumerate([b"one", b"one", b"two"]):
        target = tmp_path / f"{place}.dcm"
        scanner.redact_dicom(sample("CT_small.dcm"), target, key)
        uids.append(pydicom.dcmread(target).StudyInstanceUID)

    assert uids[0] == uids[1] != uids[2]


def test_a_file_that_is_no_dicom_leaves_nothing_behind(scanner: Scanner, tmp_path: Path) -> None:
    source, target = tmp_path / "a.dcm", tmp_path / "out.dcm"
    source.write_bytes(b"not dicom")

    with pytest.raises(RedactError):
        scanner.redact_dicom(source, target, b"key")

    assert sorted(tmp_path.iterdir()) == [source]
