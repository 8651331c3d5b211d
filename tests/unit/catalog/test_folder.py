from __future__ import annotations

import os
import socket
import unicodedata
from pathlib import Path

import pytest

from gateway.catalog.folder import Fault, Found, Refusal, Refused, open_inside, walk


def found(root: Path) -> dict[str, str]:
    return {each.source: each.path for each in walk(root) if isinstance(each, Found)}


def refused(root: Path) -> dict[str, str]:
    return {each.source: each.fault for each in walk(root) if isinstance(each, Refused)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "one.txt").write_text("one")
    return root


def test_files_of_every_depth_are_found(root: Path) -> None:
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "c" / "two.txt").write_text("two")
    assert found(root) == {"a/one.txt": "a/one.txt", "a/b/c/two.txt": "a/b/c/two.txt"}


def test_a_decomposed_korean_name_is_found_under_its_composed_path(root: Path) -> None:
    name = unicodedata.normalize("NFD", "편지.txt")
    (root / name).write_text("x")
    assert found(root)[name] == "편지.txt"


def test_a_link_that_leaves_the_folder_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(Refusal) as refusal:
        open_inside(root, "link.txt")
    assert refusal.value.fault is Fault.SYMLINK_OUTSIDE


def test_a_link_to_a_sibling_folder_with_the_same_beginning_is_refused(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "root-other").mkdir()
    (tmp_path / "root-other" / "x").write_text("x")
    (root / "link").symlink_to("../root-other/x")
    with pytest.raises(Refusal) as refusal:
        open_inside(root, "link")
    assert refusal.value.fault is Fault.SYMLINK_OUTSIDE


def test_a_link_inside_the_folder_is_followed(root: Path) -> None:
    (root / "link.txt").symlink_to("a/one.txt")
    descriptor = open_inside(root, "link.txt")
    assert os.read(descriptor, 10) == b"one"
    os.close(descriptor)


def test_a_loop_of_links_is_refused(root: Path) -> None:
    (root / "x").symlink_to("y")
    (root / "y").symlink_to("x")
    with pytest.raises(Refusal) as refusal:
        open_inside(root, "x")
    assert refusal.value.fault is Fault.SYMLINK_BROKEN


def test_a_link_to_a_folder_is_not_entered(root: Path) -> None:
    (root / "again").symlink_to(root)
    assert refused(root) == {"again": Fault.SYMLINK_TO_FOLDER}
    assert list(found(root)) == ["a/one.txt"]


def test_pipes_sockets_and_devices_are_refused_without_being_opened(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "null").symlink_to("/dev/null")
    assert refused(root) == {"pipe": Fault.NOT_A_FILE, "socket": Fault.NOT_A_FILE}
    with pytest.raises(Refusal) as refusal:
        open_inside(root, "null")
    assert refusal.value.fault is Fault.SYMLINK_OUTSIDE


def test_names_that_cannot_be_written_down_are_refused(root: Path) -> None:
    for name in (b"bad\xff.txt", b"line\nbreak.txt", b"back\\slash.txt"):
        (root / os.fsdecode(name)).write_text("x")
    assert refused(root) == {
        "bad\\xff.txt": "forbidden_character",
        "line\\u000abreak.txt": "forbidden_character",
        "back\\slash.txt": "backslash",
    }


def test_a_folder_that_vanishes_is_reported(root: Path) -> None:
    entries = walk(root)
    first = next(entries)
    assert isinstance(first, Found)
    assert refused(root / "gone") == {".": Fault.UNREADABLE}
