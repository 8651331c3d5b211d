"""`sumun scan`: formats, exit statuses, and no value anywhere in what it prints."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.scan import scan
from gateway.scanning.engines import analyzer
from gateway.scanning.model import ENTITY_TYPES, LANGUAGES

RUN = "from gateway.cli.scan import scan; scan()"
SECRETS = ["4111-1111-1111-1111", "900101-1234567", "홍길동", "hong@example.com", "192.168.0.10"]
TEXT = (
    "홍길동이 왔다. 성명: 홍길동, 주민번호 900101-1234567, 카드 4111-1111-1111-1111로 결제,\n"
    "메일은hong@example.com으로, 192.168.0.10에서. 홍길동 010-1234-5678\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "안"
    inner.mkdir()
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (inner / "b.csv").write_text("이름,메모\n홍길동,홍길동 4111-1111-1111-1111로\n", "utf-8")
    (inner / "c.jsonl").write_text(json.dumps({"900101-1234567": TEXT}), "utf-8")
    (inner / "d.dcm").write_bytes(b"broken")
    (inner / "up").symlink_to(tmp_path)
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(scan, [str(a) for a in arguments])


@pytest.mark.parametrize("output", ["table", "json", "sarif"])
def test_no_value_found_is_ever_printed(folder: Path, output: str) -> None:
    result = run(folder, "--format", output)

    assert result.exit_code == 1
    assert "CREDIT_CARD" in result.stdout
    for value in SECRETS:
        assert value not in result.output


def test_json_has_one_documented_object_a_line(folder: Path) -> None:
    result = run(folder, "--format", "json", "--jobs", 2)

    findings = [json.loads(line) for line in result.stdout.splitlines()]

    assert all(
        list(f) == ["path", "location", "entity_type", "start", "end", "score", "recognizer",
                    "context"] for f in findings
    )  # fmt: skip
    card = next(f for f in findings if f["entity_type"] == "CREDIT_CARD")
    assert (card["path"], card["start"], card["score"]) == (
        str(folder / "a.txt"), TEXT.index("4111"), 1.0)  # fmt: skip
    assert [f["path"] for f in findings if f["entity_type"] == "UNSCANNABLE"] == [
        str(folder / "안" / "d.dcm")
    ]


def test_sarif_is_one_whole_document(folder: Path) -> None:
    document = json.loads(run(folder, "--format", "sarif").stdout)

    assert document["version"] == "2.1.0"
    assert {r["ruleId"] for r in document["runs"][0]["results"]} >= {"KR_RRN", "UNSCANNABLE"}


def test_sarif_of_nothing_found_is_a_whole_document_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("clean")

    result = run(tmp_path, "--format", "sarif")

    assert json.loads(result.stdout)["runs"][0]["results"] == []
    assert result.exit_code == 0


def test_the_last_line_on_stderr_sums_up(folder: Path) -> None:
    last = run(folder).stderr.splitlines()[-1]

    assert last.startswith("4 files, ")
    assert "1 unreadable files" in last


def test_exit_statuses_tell_clean_found_and_impossible(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("010-1234-5678")
    path = tmp_path / "a.txt"

    codes = [
        run(path).exit_code,
        run(path, "--fail-on", "KR_RRN").exit_code,
        run(tmp_path / "absent").exit_code,
        run(path, "--lang", "fr").exit_code,
        run(path, "--jobs", "0").exit_code,
    ]

    assert codes == [1, 0, 2, 2, 2]


def test_what_was_not_inspected_fails_whatever_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"?")

    assert run(tmp_path, "--fail-on", "KR_RRN").exit_code == 1


def test_a_file_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J.txt").write_text("010-1234-5678")

    assert "\x1b" not in run(tmp_path).output


def test_a_scan_works_where_there_is_no_network(folder: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.fail("util-linux is missing: unshare(1) is needed to take the network away")
    command = [unshare, "-rn", sys.executable, "-c", RUN, str(folder), "--json"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 1
    assert "KR_RRN" in result.stdout


def test_the_command_needs_no_package_of_the_server(folder: Path) -> None:
    blocked = "flask", "sqlalchemy", "pydantic", "alembic", "obstore", "cedarpy", "pyarrow"
    block = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); "
    command = [sys.executable, "-c", block + RUN, str(folder / "a.txt"), "--json"]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "CREDIT_CARD" in result.stdout
    assert result.returncode == 1


def test_a_type_that_does_not_exist_is_refused_before_it_opens_a_gate(folder: Path) -> None:
    done = CliRunner().invoke(scan, [str(folder), "--fail-on", "KR_RNN"])

    assert done.exit_code == 2
    assert "KR_RNN" in done.stderr
    assert "KR_RRN" in done.stderr


def test_every_recognizer_names_a_known_type() -> None:
    found = {
        entity
        for one in analyzer.recognizers(frozenset(LANGUAGES))
        for entity in one.supported_entities
    }

    assert found <= ENTITY_TYPES
