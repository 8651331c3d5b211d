from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from gateway.catalog import importer, manifest_index, service_versions
from gateway.catalog.folder import Refused
from gateway.catalog.importer import Watch, import_folder
from gateway.catalog.models import DatasetVersion
from gateway.catalog.service_versions import find_version
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.runtime import Runtime
from gateway.web.paging import Direction, Window
from policies.vocabulary import VersionState
from tests import deliveries
from tests.deliveries import OPERATOR


def version(runtime: Runtime, label: str = "v1") -> DatasetVersion:
    with runtime.db.read() as session:
        return find_version(session, "korean-letters", label)[1]


def test_a_folder_becomes_a_version_that_waits_for_its_scan(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"편지/가.txt": "안녕", "b.csv": "a,b\n"})
    outcome = deliveries.delivered(runtime, root)
    made = version(runtime)
    assert (made.state, made.items, made.bytes) == (VersionState.SCANNING, 2, 10)
    assert made.manifest_sha256 == outcome.imported.manifest_sha256
    item = manifest_index.lookup(runtime, made, "편지/가.txt")
    assert item is not None
    assert runtime.store.read(item.sha256, 0, item.size) == "안녕".encode()
    assert manifest_index.lookup(runtime, made, "nowhere") is None


def test_items_are_listed_by_prefix_and_page_in_both_directions(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {f"a/{n}": str(n) for n in range(5)} | {"b/0": "x"})
    deliveries.delivered(runtime, root)
    made = version(runtime)

    def paths(window: Window) -> list[str]:
        return [item.path for item in manifest_index.listing(runtime, made, "a/", window)]

    assert paths(Window(10, "")) == ["a/0", "a/1", "a/2", "a/3", "a/4"]
    assert paths(Window(1, "", Direction.NEXT, ("a/1",))) == ["a/2", "a/3"]
    assert paths(Window(1, "", Direction.PREVIOUS, ("a/3",))) == ["a/2", "a/1"]


def test_a_decomposed_name_from_a_mac_is_stored_composed(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {unicodedata.normalize("NFD", "편지.txt"): "x"})
    deliveries.delivered(runtime, root)
    assert manifest_index.lookup(runtime, version(runtime), "편지.txt")


def test_two_names_that_become_the_same_are_both_refused(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    names = {unicodedata.normalize(form, "편지.txt"): form for form in ("NFC", "NFD")}
    root = deliveries.folder(tmp_path, names | {"other.txt": "x"})
    refused: list[Refused] = []
    outcome = import_folder(
        runtime, OPERATOR, root, "korean-letters", "v1", watch=Watch(refused=refused.append)
    )
    assert [each.fault for each in refused] == ["duplicate_name", "duplicate_name"]
    assert outcome.imported.items == 1


def test_a_bad_file_is_reported_and_the_rest_is_imported(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"good.txt": "x"})
    (tmp_path / "outside.txt").write_text("secret")
    (root / "escape.txt").symlink_to(tmp_path / "outside.txt")
    os.mkfifo(root / "pipe")
    outcome = deliveries.delivered(runtime, root)
    assert (outcome.imported.items, outcome.progress.refused) == (1, 2)


def test_strict_imports_nothing_and_goes_on_once_the_bad_file_is_gone(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"good.txt": "x"})
    os.mkfifo(root / "pipe")
    with pytest.raises(OperatorError, match="nothing was imported"):
        import_folder(runtime, OPERATOR, root, "korean-letters", "v1", strict=True)
    with pytest.raises(Problem):
        version(runtime)
    (root / "pipe").unlink()
    outcome = import_folder(runtime, OPERATOR, root, "korean-letters", "v1", strict=True)
    assert (outcome.progress.copied, outcome.progress.kept) == (0, 1)


def test_a_file_that_cannot_be_read_is_reported(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"good.txt": "x", "torn.txt": "torn"})
    broken = (root / "torn.txt").stat().st_ino
    real = os.read

    def read(descriptor: int, length: int) -> bytes:
        if os.fstat(descriptor).st_ino == broken:
            raise OSError(5, "Input/output error")
        return real(descriptor, length)

    monkeypatch.setattr(importer.os, "read", read)
    outcome = deliveries.delivered(runtime, root)
    assert (outcome.imported.items, outcome.progress.refused) == (1, 1)


def test_a_file_that_changes_while_it_is_read_is_reported(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"good.txt": "x", "growing.txt": "begin"})
    growing, real = root / "growing.txt", os.read

    def read(descriptor: int, length: int) -> bytes:
        block = real(descriptor, length)
        if block == b"begin":
            with growing.open("ab") as file:
                file.write(b" and more")
        return block

    monkeypatch.setattr(importer.os, "read", read)
    refused: list[Refused] = []
    import_folder(
        runtime, OPERATOR, root, "korean-letters", "v1", watch=Watch(refused=refused.append)
    )
    assert refused == [Refused("growing.txt", "changed_while_read")]


def test_a_folder_without_one_good_file_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperatorError, match="holds no file"):
        deliveries.delivered(runtime, tmp_path / "empty")


def test_a_version_that_was_delivered_is_never_changed(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"a.txt": "first"})
    deliveries.opened(runtime, root)
    before = version(runtime)
    (root / "a.txt").write_text("second")
    with pytest.raises(Problem) as refusal:
        deliveries.delivered(runtime, root)
    assert refusal.value.code is ProblemCode.WRONG_STATE
    assert version(runtime).manifest_sha256 == before.manifest_sha256


def test_a_draft_whose_scan_passed_may_be_delivered_again(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"a.txt": "first"})
    deliveries.delivered(runtime, root)
    deliveries.scanned(runtime)
    (root / "a.txt").write_text("second")
    deliveries.delivered(runtime, root)
    assert version(runtime).state == VersionState.SCANNING
    with pytest.raises(Problem):
        service_versions.release(runtime, OPERATOR, "korean-letters", "v1")


def test_a_command_killed_after_its_last_step_ends_well_when_repeated(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"a.txt": "x"})
    imports = runtime.settings.home / "imports"
    imports.mkdir()
    first = deliveries.delivered(runtime, root)
    (imports / "korean-letters@v1.jsonl").touch()
    again = deliveries.delivered(runtime, root)
    assert again.imported.manifest_sha256 == first.imported.manifest_sha256
    assert not (imports / "korean-letters@v1.jsonl").exists()


@pytest.mark.parametrize("label", ["", "../v1", "v 1", "a/b", "x" * 41, "-v"])
def test_a_version_with_an_unfit_name_is_refused(
    runtime: Runtime, tmp_path: Path, label: str
) -> None:
    deliveries.dataset(runtime)
    root = deliveries.folder(tmp_path, {"a.txt": "x"})
    with pytest.raises(Problem) as refusal:
        deliveries.delivered(runtime, root, label)
    assert refusal.value.code is ProblemCode.BAD_REQUEST


def test_an_unknown_dataset_is_refused_before_anything_is_copied(
    runtime: Runtime, tmp_path: Path
) -> None:
    root = deliveries.folder(tmp_path, {"a.txt": "x"})
    with pytest.raises(Problem) as refusal:
        deliveries.delivered(runtime, root)
    assert refusal.value.code is ProblemCode.NOT_FOUND
    assert not (runtime.settings.home / "imports").exists()


def test_a_lost_index_is_answered_with_unavailable_and_built_anew_by_a_scan(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))
    lost = version(runtime)
    path = runtime.store.local_path(lost.index_sha256 or "")
    assert path is not None
    path.unlink()
    with pytest.raises(Problem) as refusal:
        manifest_index.lookup(runtime, lost, "a.txt")
    assert refusal.value.code is ProblemCode.STORAGE_UNAVAILABLE
    service_versions.request_scan(runtime, OPERATOR, "korean-letters", "v1")
    deliveries.scanned(runtime)
    assert manifest_index.lookup(runtime, version(runtime), "a.txt")
    assert version(runtime).state == VersionState.RELEASED
