"""One file of a version, and the media types of file names."""

from __future__ import annotations

from dataclasses import dataclass

OCTETS = "application/octet-stream"
# Our own table: the host's mime.types differs from machine to machine, manifests must not.
MEDIA_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
    "html": "text/html",
    "pdf": "application/pdf",
    "parquet": "application/vnd.apache.parquet",
    "dcm": "application/dicom",
    "zip": "application/zip",
    "gz": "application/gzip",
    "tar": "application/x-tar",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "hwp": "application/x-hwp",
    "hwpx": "application/hwp+zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A file: its canonical path, hex sha256, size in bytes and media type."""

    path: str
    sha256: str
    size: int
    media_type: str


def media_type(path: str) -> str:
    """The media type that the suffix of `path` names, else `application/octet-stream`."""
    _stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return MEDIA_TYPES.get(suffix.lower(), OCTETS) if dot else OCTETS
