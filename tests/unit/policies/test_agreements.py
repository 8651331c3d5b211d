"""Usage agreements: whole, in both languages, and bound by a hash over every byte."""

from __future__ import annotations

import hashlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from policies.agreements import AgreementError, Signature, load


@pytest.fixture
def copy(tmp_path) -> Path:
    with as_file(files("policies") / "agreements") as source:
        shutil.copytree(source / "health", tmp_path / "health")
    return tmp_path


def _edit(root: Path, name: str, old: str, new: str) -> None:
    file = root / "health" / "v1" / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_three_agreements_are_carried_in_order():
    texts = load()

    assert [(t.code, t.version) for t in texts] == [
        ("company", 1),
        ("health", 1),
        ("open-research", 1),
    ]
    assert all(text.title_ko and text.title_en for text in texts)
    assert not any(text.terms.reidentification for text in texts)


def test_only_the_company_agreement_needs_a_second_signature():
    signatures = {text.code: text.terms.signature for text in load()}

    assert signatures == {
        "company": Signature.PERSONAL_AND_ORGANISATION,
        "health": Signature.PERSONAL,
        "open-research": Signature.PERSONAL,
    }


@pytest.mark.parametrize("text", load(), ids=lambda text: text.code)
def test_the_texts_name_the_numbers_of_their_terms_in_both_languages(text):
    terms = text.terms

    for number in (terms.destruction_days, terms.acceptance_valid_days):
        assert f"{number}일" in text.ko
        assert f"{number} days" in text.en
    assert f"{terms.breach_report_hours}시간" in text.ko
    assert f"{terms.breach_report_hours} hours" in text.en


@pytest.mark.parametrize("text", load(), ids=lambda text: text.code)
def test_both_languages_have_the_same_articles(text):
    articles_ko = [line for line in text.ko.splitlines() if line.startswith("## 제")]
    articles_en = [line for line in text.en.splitlines() if line.startswith("## Article")]

    assert len(articles_ko) == len(articles_en) >= 10
    clauses = [sum(line[:1].isdigit() for line in t.splitlines()) for t in (text.ko, text.en)]
    assert clauses[0] == clauses[1]


@pytest.mark.parametrize("name", ["ko.md", "en.md", "terms.toml"])
def test_any_byte_of_any_file_changes_the_hash(copy, name):
    (before,) = load(copy)
    file = copy / "health" / "v1" / name
    original = file.read_bytes()
    hashes = set()

    for place in range(0, len(original), 97):
        # A line feed can stand after any whole character and leaves the file well-formed.
        try:
            original[:place].decode("utf-8")
            file.write_bytes(original[:place] + b"\n" + original[place:])
            hashes.add(load(copy)[0].sha256)
        except (UnicodeDecodeError, AgreementError):
            continue

    assert hashes
    assert before.sha256 not in hashes


def test_the_hash_is_what_the_documentation_says(copy):
    folder = copy / "health" / "v1"
    parts = [(b"sumun-agreement-v1", b"")]
    parts += [(name.encode(), (folder / name).read_bytes()) for name in ("ko.md", "en.md")]
    parts.append((b"terms.toml", (folder / "terms.toml").read_bytes()))
    message = b"".join(len(piece).to_bytes(8, "big") + piece for part in parts for piece in part)

    (text,) = load(copy)

    assert text.sha256 == hashlib.sha256(message).hexdigest()


def test_bytes_moved_from_one_text_to_the_other_change_the_hash(copy):
    folder = copy / "health" / "v1"
    (before,) = load(copy)
    korean = (folder / "ko.md").read_bytes()
    (folder / "ko.md").write_bytes(korean[:-1])
    (folder / "en.md").write_bytes(korean[-1:] + (folder / "en.md").read_bytes())

    (after,) = load(copy)

    assert after.sha256 != before.sha256


PURPOSES = (
    '["academic_research", "commercial_development", "statistics", "public_interest_archiving"]'
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", "version = 2", "code and version differ"),
        ('code = "health"', 'code = "open"', "code and version differ"),
        ("version = 1", 'version = "1"', "version has the wrong type"),
        ("attribution = true", "attribution = 1", "attribution has the wrong type"),
        ("destruction_days = 5", "destruction_days = true", "destruction_days has the wrong type"),
        ("destruction_days = 5", "destruction_days = 0", "destruction_days must be at least 1"),
        ("reidentification = false", "reidentification = true", "can never be allowed"),
        ('signature = "personal"', 'signature = "none"', "signature must be one of: personal"),
        ('redistribution = "forbidden"', 'redistribution = "yes"', "redistribution must be one"),
        ("attribution = true\n", "", "missing or not known: attribution"),
        ("attribution = true", "attribution = true\nmood = 1", "missing or not known: mood"),
        (PURPOSES, "[]", "purposes must be"),
        (PURPOSES, "[1]", "purposes must be"),
        ('title_en = "Usage agreement for health data"', 'title_en = " "', "a title is missing"),
        ("version = 1", "version = ", "is not TOML"),
    ],
)
def test_malformed_terms_are_named_with_their_file(copy, old, new, message):
    _edit(copy, "terms.toml", old, new)

    with pytest.raises(AgreementError, match=message) as raised:
        load(copy)

    assert raised.value.file == "health/v1/terms.toml"


@pytest.mark.parametrize("name", ["ko.md", "en.md", "terms.toml"])
def test_a_missing_empty_or_undecodable_file_is_named(copy, name):
    file = copy / "health" / "v1" / name

    for content, message in ((b" \n", "is empty"), (b"\xff", "is not UTF-8"), (None, "missing")):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(AgreementError, match=message) as raised:
            load(copy)
        assert raised.value.file == f"health/v1/{name}"


def test_texts_in_the_wrong_language_are_named(copy):
    folder = copy / "health" / "v1"
    korean, english = ((folder / n).read_text(encoding="utf-8") for n in ("ko.md", "en.md"))

    (folder / "en.md").write_text(korean, encoding="utf-8")
    with pytest.raises(AgreementError, match=r"health/v1/en\.md: is not English"):
        load(copy)
    (folder / "ko.md").write_text(english, encoding="utf-8")
    with pytest.raises(AgreementError, match=r"health/v1/ko\.md: is not Korean"):
        load(copy)


def test_a_version_folder_with_another_name_is_refused(copy):
    (copy / "health" / "v1").rename(copy / "health" / "draft")

    with pytest.raises(AgreementError, match="health/draft: a version folder is named v1"):
        load(copy)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(AgreementError, match="cannot be read"):
        load(tmp_path / "nowhere")
