"""Places and offsets in every format, encodings, and what cannot be inspected."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable

import pytest

from gateway.scanning.engines.analyzer import analyze
from gateway.scanning.engines.inspect import inspect
from gateway.scanning.extract import lines as lines_reader
from gateway.scanning.extract import text as text_reader
from gateway.scanning.model import FileReport

Scan = Callable[..., FileReport]
BOTH = frozenset({"ko", "en"})
CARD = "4111-1111-1111-1111"


def look(data: bytes, name: str) -> FileReport:
    """Inspect in this process: the readers alone, without the sandbox."""
    return inspect(io.BytesIO(data), len(data), name, BOTH)


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp949", "euc-kr"]
)
def test_every_usual_korean_encoding_is_found_out(encoding: str) -> None:
    text = f"ascii head\n성명: 홍길동, 카드 {CARD}로\n"

    report = look(text.encode(encoding), "a.txt")

    assert report.unscannable is None
    assert [(f.entity_type, f.start) for f in report.findings] == [
        ("PERSON", text.index("홍")),
        ("CREDIT_CARD", text.index("4111")),
    ]


def test_full_width_digits_and_dashes_count_as_what_they_look_like() -> None:
    text = "번호 ９００１０１－１２３４５６８ 끝"

    (finding,) = look(text.encode(), "a.txt").findings

    assert finding.entity_type == "KR_RRN"
    assert text[finding.start : finding.end] == "９００１０１－１２３４５６８"


def test_a_broken_encoding_is_reported_and_still_searched() -> None:
    report = look(b"\xff\xff\xfe " + CARD.encode(), "a.txt")

    assert report.unscannable == "broken_encoding"
    assert {f.entity_type for f in report.findings} == {"UNSCANNABLE", "CREDIT_CARD"}


def test_scanning_in_blocks_equals_scanning_the_whole_text() -> None:
    lines = [f"{i} 줄 성명: 홍길동 전화 010-{i:04d}-5678, 카드 {CARD}로 끝" for i in range(1500)]
    text = "\n".join(lines) + " 같은 줄 " + " ".join(lines[:400])

    whole = {(h.start, h.end, h.entity_type) for h in analyze(text, BOTH)}
    report = look(text.encode(), "a.txt")

    assert len(text) > 4 * text_reader.CORE
    assert {(f.start, f.end, f.entity_type) for f in report.findings} == whole


def test_a_value_across_any_block_edge_is_found_once() -> None:
    for shift in range(-24, 4):
        text = "가" * (text_reader.CORE + shift) + " " + CARD + "로 " + "나" * text_reader.CORE
        found = [(f.start, f.end) for f in look(text.encode(), "a.txt").findings]
        assert found == [(text.index("4"), text.index("4") + len(CARD))]


def test_csv_cells_keep_row_column_and_offset_through_quotes_and_newlines() -> None:
    memo = f'따옴표 "안"\n둘째 줄 {CARD}로'
    quoted = memo.replace('"', '""')
    data = f'이름,memo\r\n홍길동,"{quoted}"\r\n없음,x\r\n'.encode("cp949")

    report = look(data, "a.csv")

    assert [(dict(f.location), f.entity_type, f.start) for f in report.findings] == [
        ({"row": 0, "column": "이름"}, "PERSON", 0),
        ({"row": 0, "column": "memo"}, "CREDIT_CARD", memo.index("4")),
    ]


def test_a_table_without_a_header_does_not_print_its_first_row() -> None:
    data = f"010-1234-5678,{CARD}\n010-1111-2222,x\n".encode()

    report = look(data, "a.csv")

    assert [f.location["row"] for f in report.findings] == [-1, -1, 0]
    assert "1234" not in str(report)


def test_json_lines_keep_line_field_and_offset() -> None:
    rows = [{"a": {"b": ["x", f"카드 {CARD}로"]}}, {"name": "Jane Roe"}, {"n": 9001011234568}]
    data = "\n".join(json.dumps(row) for row in rows).encode()

    report = look(data, "a.jsonl")

    assert [(dict(f.location), f.entity_type, f.start) for f in report.findings] == [
        ({"line": 1, "field": "a.b[1]"}, "CREDIT_CARD", 3),
        ({"line": 2, "field": "name"}, "PERSON", 0),
        ({"line": 3, "field": "n"}, "KR_RRN", 0),
    ]


def test_a_broken_json_line_is_reported_at_its_line_and_the_rest_goes_on() -> None:
    report = look(b'{"a": 1}\n{"a": \n' + json.dumps({"t": CARD}).encode() + b"\n", "a.jsonl")

    assert report.unscannable == "malformed_json"
    assert [dict(f.location) for f in report.findings if f.start is not None] == [
        {"line": 3, "field": "t"}
    ]


def test_json_escapes_are_read_through_and_offsets_point_at_the_file() -> None:
    data = json.dumps({"k": f"성명: 홍길동\n{CARD}"})

    person, card = look(data.encode(), "a.json").findings

    assert data[person.start : person.end] == "\\ud64d\\uae38\\ub3d9"
    assert data[card.start : card.end] == CARD


def test_members_of_nested_archives_are_scanned_at_their_place() -> None:
    inner = zipped({"y.txt": CARD.encode()})
    data = zipped({"a/b.txt": b"clean", "x.zip": inner, "c.png": b"\x89PNG"})

    report = look(data, "p.zip")

    assert sorted((f.entity_type, f.location["member"]) for f in report.findings) == [
        ("CREDIT_CARD", "x.zip!/y.txt"),
        ("UNSCANNABLE", "c.png"),
    ]


def test_a_members_name_may_be_what_must_not_leave() -> None:
    report = look(zipped({"900101-1234568.txt": b"x"}), "p.zip")

    assert [f.entity_type for f in report.findings] == ["KR_RRN"]
    assert "1234568" not in str(report)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped({"zeros.txt": b"0" * (64 << 20)}), "archive_ratio"),
        (zipped({"a": zipped({"b": zipped({"c": zipped({"d": b"x"})})})}), "archive_depth"),
        (zipped({"a.txt": b"x" * 999})[:-30], "corrupt_archive"),
        (zipped({"a.txt": bytes(range(32, 126)) * 20}, 0).replace(b"ABC", b"ABD", 1),
         "corrupt_archive"),
    ],
    ids=["ratio", "depth", "cut", "altered"],
)  # fmt: skip
def test_bombs_and_broken_archives_are_never_clean(data: bytes, reason: str) -> None:
    assert look(data, "p.zip").unscannable == reason


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"\0" * 128 + b"DICM" + b"\xff" * 99, "a.dcm", "corrupt_dicom"),
        (b"not dicom", "a.dcm", "corrupt_dicom"),
        (b"\x89PNG\r\n", "a.txt", "unsupported_type"),
        (b"%PDF-1.7", "a.txt", "unsupported_type"),
        (b"hello", "a.xyz", "unsupported_type"),
        (b"a\x00\x01\x02b", "a.txt", "binary_content"),
        (b'a,b\n"x"y,z\n', "a.csv", "malformed_csv"),
        (b"a,b\n" + b"x" * (3 << 20) + b",y\n", "a.csv", "field_too_large"),
    ],
)
def test_what_cannot_be_inspected_is_unscannable(data: bytes, name: str, reason: str) -> None:
    report = look(data, name)

    assert report.unscannable == reason
    assert "UNSCANNABLE" in {f.entity_type for f in report.findings}


def test_a_field_of_200_megabytes_is_read_in_pieces_of_bounded_size() -> None:
    size, largest, total = 200 << 20, 0, 0
    line = itertools.chain(["{"], itertools.repeat("x" * (1 << 16), size >> 16))

    for segment in text_reader.blocks(line, {"line": 1}, escaped=True):
        largest = max(largest, len(segment.text))
        total += len(segment.text) - segment.lead - segment.tail

    assert total == size + 1
    assert largest <= text_reader.CORE + 2 * text_reader.MARGIN


def test_a_json_line_over_the_limit_is_searched_through_its_escapes() -> None:
    filler = " \\u00e1" * (lines_reader.MAX_LINE // 6)
    data = '{"t": "' + filler + CARD + '"}\n{"t": "' + CARD + '"}\n'

    first, second = look(data.encode(), "a.jsonl").findings

    assert (first.location, first.start) == ({"line": 1}, data.index(CARD))
    assert second.location == {"line": 2, "field": "t"}


def test_an_empty_file_is_clean(scan: Scan) -> None:
    assert scan(b"").findings == ()
