"""Delivered, scanned, held, de-identified, delivered again, released."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from gateway.catalog import descriptions, service, service_versions
from gateway.catalog.importer import import_folder
from gateway.catalog.models import DatasetVersion
from gateway.catalog.service_reading import last_scan
from gateway.demo import material
from gateway.demo.cast import Cast
from gateway.demo.stage import Stage, StepFailed
from gateway.errors import Problem
from gateway.runtime import Runtime
from gateway.scanning.models import Scan
from gateway.scanning.service import Scanner
from policies.vocabulary import VersionState

IMAGES, DIALOGUES = "medical-images", "counselling-dialogues"
WAIT_SECONDS = 180.0


def medical_images(stage: Stage, runtime: Runtime, cast: Cast, folder: Path) -> None:
    """Version v1 is held for its patient identifiers; v2, without them, is released."""
    with Scanner() as scanner:
        with stage.step("The contractor delivers medical images, and the scan holds them"):
            naming = material.deliver_dicom(scanner, folder / "v1")
            state, scan = _deliver(runtime, cast, IMAGES, "v1", folder / "v1")
            stage.say(f"{scan.files} DICOM files, {naming} of them name a patient")
            stage.say(f"found: {_counts(scan)}")
            stage.check(state is VersionState.HELD, "the version is held for the steward")
            stage.check(_refused(runtime, cast, IMAGES, "v1"), "it cannot be released unreviewed")
        with stage.step("De-identified, delivered again as v2, scanned clean, released"):
            key = secrets.token_bytes(32)
            material.deidentify(scanner, folder / "v1", folder / "v2", key)
            _state, scan = _deliver(runtime, cast, IMAGES, "v2", folder / "v2")
            stage.check(not scan.counts, f"{scan.files} files scanned, nothing found")
            service_versions.release(runtime, cast["steward"].actor, IMAGES, "v2")
            stage.check(_state_of(runtime, IMAGES, "v2") is VersionState.RELEASED, "v2 is open")


def dialogues(stage: Stage, runtime: Runtime, cast: Cast, folder: Path) -> None:
    """The dialogues hold made-up personal data; the steward looks, and releases with a reason."""
    with stage.step("Korean dialogues are delivered, held, reviewed and released with a reason"):
        material.deliver_dialogues(folder)
        state, scan = _deliver(runtime, cast, DIALOGUES, "v1", folder)
        stage.say(f"found: {_counts(scan)}")
        stage.check(state is VersionState.HELD, "made-up personal data is found and held")
        reason = "지어낸 인물과 번호임을 구축 기관의 확인서로 확인함"
        service_versions.release(runtime, cast["steward"].actor, DIALOGUES, "v1", reason)
        stage.check(_state_of(runtime, DIALOGUES, "v1") is VersionState.RELEASED, "v1 is open")


def _deliver(
    runtime: Runtime, cast: Cast, slug: str, label: str, folder: Path
) -> tuple[VersionState, Scan]:
    """Import a folder as the contractor, and wait for the worker's scan."""
    actor = cast["contractor"].actor
    file = descriptions.read(material.description(f"{slug}.toml"))
    service.register_if_new(runtime, actor, file)
    import_folder(runtime, actor, folder, slug, label)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with runtime.db.read() as session:
            _dataset, version = service_versions.find_version(session, slug, label)
            scan = last_scan(session, version)
            if scan is not None and version.state != VersionState.SCANNING:
                return VersionState(version.state), scan
        time.sleep(0.2)
    raise StepFailed(f"{slug} {label} is scanned within {WAIT_SECONDS:.0f} s")


def _state_of(runtime: Runtime, slug: str, label: str) -> VersionState:
    with runtime.db.read() as session:
        version: DatasetVersion = service_versions.find_version(session, slug, label)[1]
        return VersionState(version.state)


def _refused(runtime: Runtime, cast: Cast, slug: str, label: str) -> bool:
    try:
        service_versions.release(runtime, cast["steward"].actor, slug, label)
    except Problem:
        return True
    return False


def _counts(scan: Scan) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(scan.counts.items()))
