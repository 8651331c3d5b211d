from __future__ import annotations

from pathlib import Path

import pytest

from gateway.catalog.import_journal import Done, ImportJournal, Stamp
from gateway.errors import OperatorError

STAMP = Stamp(3, 10, 20, 30)


def done(source: str, path: str | None = None) -> Done:
    return Done(source, path or source, "ab" * 32, STAMP)


def test_what_was_noted_is_known_to_the_next_run(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.add(done("가/나.txt"))
    with ImportJournal(tmp_path, "set@v1") as journal:
        assert journal.known("가/나.txt", STAMP) == "ab" * 32


def test_a_file_that_has_changed_since_is_not_known(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.add(done("a"))
        assert journal.known("a", Stamp(3, 10, 21, 30)) is None


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_torn_last_line_is_cut_off_and_written_again(tmp_path: Path, cut: int) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.add(done("a"))
        journal.add(done("b"))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-cut])
    with ImportJournal(tmp_path, "set@v1") as journal:
        assert journal.known("a", STAMP)
        assert journal.known("b", STAMP) is None
        journal.add(done("b"))
    assert journal.path.read_bytes() == whole


def test_only_files_of_this_run_become_items(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.add(done("kept"))
        journal.add(done("deleted since"))
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.keep("kept")
        assert [item.path for item in journal.items()] == ["kept"]
        assert journal.totals() == (1, 3)


def test_items_come_in_order_of_their_bytes(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        for source in ("b", "가", "a/z", "a", "Z"):
            journal.add(done(source))
        assert [item.path for item in journal.items()] == ["Z", "a", "a/z", "b", "가"]


def test_every_file_of_a_shared_path_is_refused(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1") as journal:
        journal.add(done("one", "same"))
        journal.add(done("two", "same"))
        journal.add(done("three"))
        assert sorted(journal.refuse_same_paths()) == ["one", "two"]
        assert [item.path for item in journal.items()] == ["three"]


def test_two_imports_of_one_version_do_not_run_at_once(tmp_path: Path) -> None:
    with ImportJournal(tmp_path, "set@v1"), pytest.raises(OperatorError, match="is running"):
        ImportJournal(tmp_path, "set@v1").__enter__()
