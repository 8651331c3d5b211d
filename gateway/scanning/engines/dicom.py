"""DICOM headers: identifiers by tag, text by the recognizers, and de-identification.

The tags follow the Basic Application Level Confidentiality Profile (PS3.15 annex E, table E.1-1);
a subset: what names a person, a place of care or an occasion. Pixels are not looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

import pydicom
from pydicom import Dataset, config, uid
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from gateway.scanning.engines.dicom_tags import EMPTY, IDENTIFYING, REMOVE
from gateway.scanning.extract.segment import Pieces, Problem, Segment, Unscannable
from gateway.scanning.model import Reason

IDENTIFIER = "DICOM_IDENTIFIER"
METHOD = "Sumun: subset of the PS3.15 annex E basic profile"
_DEFER_BYTES = 1 << 20
_SHORTEST_ELEMENT = 8
_UNDEFINED = 0xFFFFFFFF
_PIXELS = 0x7FE0
_EMBEDDED = BaseTag(0x00420011)
_BURNED_IN = BaseTag(0x00280301)
_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT", "PN", "UR", "AE", "AS"})
_BULK = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
_DUMMIES = frozenset(
    {"anonymous", "anonymized", "anonymised", "anon", "removed", "unknown", "none", "n/a",
     "deidentified", "de-identified", "dummy", "x", "xxx", "na"}
)  # fmt: skip
_REGISTERED_ROOT = "1.2.840.10008."

config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE


class Identifier(Segment):
    """A header element that is an identifier by its tag, whatever its text looks like."""

    __slots__ = ()


def read(file: BinaryIO, size: int) -> Pieces:
    """Yield identifiers and text at `{"tag": "(gggg,eeee)"}`. Raises `Unscannable`.

    Values over 1 MiB are passed over unread: pixels and other binary bulk; long text among them
    is a `Problem`. A header that ends early, or a length beyond the file, is CORRUPT_DICOM.
    """
    dataset = _open(file, defer_size=_DEFER_BYTES)
    if not len(dataset) or not _ended_whole(file, size):
        raise Unscannable(Reason.CORRUPT_DICOM)
    released = str(dataset.get("PatientIdentityRemoved", "")).strip().upper() == "YES"
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # Offsets then count inflated bytes; zlib itself has noticed a file that was cut off.
        size = sys.maxsize
    yield from _walk(dataset.file_meta, released, size)
    yield from _walk(dataset, released, size)


def _open(file: BinaryIO, defer_size: int | None = None) -> pydicom.FileDataset:
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _early_ends_refused():
                return pydicom.dcmread(file, defer_size=defer_size)
    except MemoryError:
        raise
    except Exception as error:
        raise Unscannable(Reason.CORRUPT_DICOM) from error


def _ended_whole(file: BinaryIO, size: int) -> bool:
    """Tell whether the last element ended at the end of the file, padding apart."""
    return size - _SHORTEST_ELEMENT < file.tell() <= size


@contextmanager
def _early_ends_refused() -> Iterator[None]:
    """Otherwise pydicom logs the end of the file inside an element, and goes on as if it fitted.

    Only while elements are split, not while values are read: real files break value rules a lot.
    """
    config.settings.reading_validation_mode = config.RAISE
    try:
        yield
    finally:
        config.settings.reading_validation_mode = config.IGNORE


def _walk(dataset: Dataset, released: bool, size: int) -> Pieces:
    for tag in sorted(dataset.keys()):
        place = {"tag": f"({tag.group:04X},{tag.element:04X})"}
        raw = dataset.get_item(tag)
        if isinstance(raw, RawDataElement) and _cut_off(raw, size):
            raise Unscannable(Reason.CORRUPT_DICOM)
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length:
            if tag.group != _PIXELS and raw.VR not in _BULK:
                yield Problem(Reason.FIELD_TOO_LARGE, place)
            continue
        if tag.group != _PIXELS:
            yield from _element(_decoded(dataset, tag), place, released, size)


def _cut_off(raw: RawDataElement, size: int) -> bool:
    if raw.length == _UNDEFINED:
        return False
    if raw.value is None:
        return bool(raw.length) and raw.value_tell + raw.length > size
    return len(raw.value) != raw.length


def _decoded(dataset: Dataset, tag: BaseTag) -> DataElement:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Splitting a sequence into items is still reading the file's structure.
            sequence = dataset.get_item(tag).VR == "SQ"
            with _early_ends_refused() if sequence else nullcontext():
                return dataset[tag]
    except MemoryError:
        raise
    except Exception as error:
        raise Unscannable(Reason.CORRUPT_DICOM) from error


def _element(element: DataElement, place: dict[str, str], released: bool, size: int) -> Pieces:
    if element.VR == "SQ":
        for item in element.value:
            yield from _walk(item, released, size)
    elif element.tag == _EMBEDDED:
        yield Problem(Reason.EMBEDDED_DOCUMENT, place)
    elif element.tag == _BURNED_IN:
        if str(element.value).strip().upper() == "YES":
            yield Identifier(place, "YES")
    else:
        yield from _value(element, place, released)


def _value(element: DataElement, place: dict[str, str], released: bool) -> Pieces:
    text = "\n".join(_texts(element))
    if not text.strip(" \0^\n"):
        return
    if element.tag in IDENTIFYING or element.VR == "PN":
        if not (released and _is_dummy(text)):
            yield Identifier(place, text)
    elif element.VR in _TEXT or element.VR == "UN":
        yield Segment(place, text, cue=element.keyword)


def _texts(element: DataElement) -> Iterator[str]:
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        if isinstance(value, bytes):
            yield value.decode("utf-8", "replace")
        elif value is not None:
            yield str(value)


def _is_dummy(text: str) -> bool:
    plain = text.strip(" \0^\n").lower()
    return plain in _DUMMIES or not plain.strip("0x-* ")


def redact(source: BinaryIO, target: BinaryIO, key: bytes) -> None:
    """Write `source` without identifiers to `target`. Raises `Unscannable`: CORRUPT_DICOM.

    Removes or empties the tags of the profile's subset, private elements and every name, empties
    dates and times, and replaces each instance UID by one derived from it and `key`: the same key
    keeps the references between files of one delivery. The preamble is blanked.
    """
    dataset = _open(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _clean(dataset, key)
            _mark(dataset, key)
            dataset.save_as(target, enforce_file_format=False)
    except MemoryError:
        raise
    except Exception as error:
        raise Unscannable(Reason.CORRUPT_DICOM) from error


def _clean(dataset: Dataset, key: bytes) -> None:
    for tag in list(dataset.keys()):
        if tag.is_private or tag in REMOVE:
            del dataset[tag]
            continue
        element = dataset[tag]
        if element.VR == "SQ":
            for item in element.value:
                _clean(item, key)
        elif tag in EMPTY or element.VR in ("PN", "DA", "DT", "TM"):
            element.clear()
        elif element.VR == "UI":
            element.value = _new_uids(element, key)


def _new_uids(element: DataElement, key: bytes) -> list[str] | str:
    if element.VM > 1:
        return [_new_uid(str(value), key) for value in element.value]
    return _new_uid(str(element.value), key) if element.value else ""


def _new_uid(old: str, key: bytes) -> str:
    """Derive a UID under the UUID root (PS3.5 annex B.2); registered UIDs name no patient."""
    if old.startswith(_REGISTERED_ROOT):
        return old
    digest = hmac.new(key, old.encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def _mark(dataset: pydicom.FileDataset, key: bytes) -> None:
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.preamble = bytes(128)
    meta = dataset.file_meta
    for tag in list(meta.keys()):
        if tag.element >= 0x0013:
            del meta[tag]
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID") or uid.UID(
        _new_uid(str(meta.get("MediaStorageSOPInstanceUID", "")), key)
    )
