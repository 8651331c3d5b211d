"""Make every lazy import happen now: once confined, a child can open no module's file."""

from __future__ import annotations

import codecs
import io
import zipfile

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from gateway.scanning.engines import dicom
from gateway.scanning.engines.inspect import inspect
from gateway.scanning.model import LANGUAGES

_TEXT = "이름: 홍길동, Name: Jane Roe, 010-1234-5678, fe80::1:2, GB82 WEST 1234 5698 7654 32\n"
_CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949", "latin-1",
           "euc_kr", "ascii", "cp437", "iso2022_kr", "iso2022_jp", "iso2022_jp_2", "gb18030",
           "shift_jis", "iso8859_5", "idna", "unicode_escape")  # fmt: skip


def up() -> None:
    """Run every reader and every recognizer once over made-up files, in every language."""
    for name in _CODECS:
        codecs.lookup(name)
    samples = _samples()
    samples["a.zip"] = _archive(samples)
    for name, data in samples.items():
        for languages in (frozenset(LANGUAGES), *(frozenset({one}) for one in LANGUAGES)):
            inspect(io.BytesIO(data), len(data), name, languages)
    dicom.redact(io.BytesIO(samples["a.dcm"]), io.BytesIO(), b"warm")


def _samples() -> dict[str, bytes]:
    return {
        "a.txt": _TEXT.encode(),
        "b.txt": _TEXT.encode("cp949"),
        "c.txt": b"\xff" + _TEXT.encode() + b"\xff",
        "a.csv": f'이름,"메모"\n홍길동,"{_TEXT}"\n'.encode(),
        "b.csv": b'"a"b",c\n',
        "a.jsonl": b'{"name": "\\ud64d\\uae38\\ub3d9", "n": [1, 2.5]}\nnot json\n',
        "a.dcm": _dicom(ExplicitVRLittleEndian),
        "b.dcm": _dicom(DeflatedExplicitVRLittleEndian),
        "c.dcm": b"\0" * 128 + b"DICM broken",
    }


def _archive(samples: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(target, "w") as archive:
        for place, (name, data) in enumerate(samples.items()):
            archive.writestr(name, data, kinds[place % len(kinds)])
    return target.getvalue()


def _dicom(syntax: UID) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    item = pydicom.Dataset()
    item.PatientAge = "030Y"
    dataset = pydicom.FileDataset("", pydicom.Dataset(), file_meta=meta, preamble=bytes(128))
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
    dataset.PatientName = "Hong^Gildong=洪^吉洞=홍^길동"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.StudyDate = "20200101"
    dataset.PatientWeight = "70"
    dataset.InstanceNumber = "1"
    dataset.Rows = 1
    dataset.ReferencedStudySequence = [item]
    dataset.add_new(0x00091001, "UN", b"private")
    dataset.PixelData = b"\0\0"
    dataset["PixelData"].VR = "OB"
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=False)
    return target.getvalue()
