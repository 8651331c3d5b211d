"""The client writes below the folder it was given, and nowhere else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from gateway.client import session
from gateway.client.errors import ClientError
from gateway.client.places import place, wanted


@pytest.mark.parametrize(
    "path",
    ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a/.", "a\\b", "a\x00b", "a\nb", "a/"],
)
def test_a_path_that_would_leave_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ClientError):
        place(tmp_path, path)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    folder, outside = tmp_path / "data", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "a").symlink_to(outside)
    (folder / "b").symlink_to(outside / "file")
    for path in ("a/file", "b"):
        with pytest.raises(ClientError):
            place(folder, path)


def test_korean_names_are_written_in_nfc(tmp_path: Path) -> None:
    assert (
        place(tmp_path, unicodedata.normalize("NFD", "음성/가.wav")) == tmp_path / "음성" / "가.wav"
    )


def test_patterns_choose_files_and_folders() -> None:
    assert wanted("a/b.txt", ())
    assert wanted("a/b.txt", ("*.txt",))
    assert wanted("a/b.txt", ("a",))
    assert wanted("a/b.txt", ("a/",))
    assert not wanted("ab/c.txt", ("a",))
    assert not wanted("a/B.txt", ("a/b.*",))


def test_a_session_file_that_others_can_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    session.store(session.Session("http://x", "a", "t", "soon"))
    assert session.file().stat().st_mode & 0o777 == 0o600
    assert session.load().token == "t"
    session.file().chmod(0o644)
    with pytest.raises(ClientError, match="chmod 600"):
        session.load()


def test_a_broken_session_file_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(ClientError, match="sumun login"):
        session.load()
    session.store(session.Session("http://x", "a", "t", "soon"))
    session.file().write_text("{", "utf-8")
    with pytest.raises(ClientError, match="sumun login"):
        session.load()
