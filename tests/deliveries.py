"""Datasets and deliveries for tests: descriptions, folders, a scanner that does as told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.catalog import scan_job, service, service_versions
from gateway.catalog.importer import Outcome, import_folder
from gateway.catalog.schemas import DatasetSpec
from gateway.jobs.worker import Worker
from gateway.journal import Actor
from gateway.scanning.model import FileReport, Finding

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.catalog.models import Dataset
    from gateway.runtime import Runtime

OPERATOR = Actor.operator()


def spec(slug: str = "korean-letters", **changes: Any) -> DatasetSpec:
    """The description of an ordinary dataset."""
    values: dict[str, Any] = {
        "slug": slug,
        "title_ko": "한국어 편지",
        "title_en": "Korean letters",
        "summary_ko": "시험용으로 지은 편지입니다.",
        "summary_en": "Letters made up for tests.",
        "modality": "text",
        "domain": "language",
        "sensitivity": "restricted",
        "delivery": "download",
        "tier": "steward",
        "agreement_code": "open-research",
    }
    return DatasetSpec.model_validate(values | changes)


def dataset(runtime: Runtime, slug: str = "korean-letters", **changes: Any) -> Dataset:
    """A registered dataset."""
    return service.register_dataset(runtime, OPERATOR, spec(slug, **changes))


def folder(base: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with `files`."""
    root = base / "delivery"
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def delivered(
    runtime: Runtime, root: Path, label: str = "v1", slug: str = "korean-letters"
) -> Outcome:
    """`root` imported as a version."""
    return import_folder(runtime, OPERATOR, root, slug, label)


def scanned(runtime: Runtime, found: Mapping[str, tuple[str, ...]] | None = None) -> None:
    """Run every due job; the scan finds the types that `found` names for a path."""
    handlers = {
        service_versions.SCAN_JOB: lambda leased: scan_job.scan_version(
            runtime, leased, lambda: FakeScanner(found or {})
        )
    }
    Worker(runtime.db, runtime.clock, handlers).drain()


def opened(runtime: Runtime, root: Path, label: str = "v1", slug: str = "korean-letters") -> None:
    """`root` imported, scanned clean and released."""
    delivered(runtime, root, label, slug)
    scanned(runtime)
    service_versions.release(runtime, OPERATOR, slug, label)


class FakeScanner:
    """Finds the entity types it was told to find, and remembers what it was given."""

    confined = True

    def __init__(self, found: Mapping[str, tuple[str, ...]], *, confined: bool = True) -> None:
        self._found = found
        self.confined = confined
        self.seen: list[str] = []

    def __enter__(self) -> FakeScanner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def scan(self, source: Path, name: str) -> FileReport:
        self.seen.append(name)
        found = tuple(
            Finding(name, {}, kind, 0, 3, 900, "FakeRecognizer", "이름 ●●● 님")
            for kind in self._found.get(name, ())
        )
        return FileReport(name, source.stat().st_size, found, None)
