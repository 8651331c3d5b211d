"""Usage agreements: whole, in both languages, and bound by a hash over every byte."""

from __future__ import annotations

import hashlib
import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from policies.agreements import load
from policies.terms import AgreementError
from policies.vocabulary import Condition, Purpose


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


CODES = (
    "company", "crowd-work", "faces", "health", "open-research", "restricted-research", "safe-zone",
)  # fmt: skip
TEXTS = pytest.mark.parametrize("text", load(), ids=lambda text: f"{text.code}-v{text.version}")
# How the second clause of Article 1 names each purpose.
PURPOSE_WORDS = {
    Purpose.ACADEMIC_RESEARCH: ("학술 연구", "academic research"),
    Purpose.COMMERCIAL_DEVELOPMENT: (
        "제품과 서비스의 개발",
        "development of products and services",
    ),
    Purpose.STATISTICS: ("통계 작성", "statistics"),
    Purpose.PUBLIC_INTEREST_ARCHIVING: ("공익적 기록 보존", "archiving in the public interest"),
    Purpose.EDUCATION: ("교육", "education"),
    Purpose.PUBLIC_SERVICE: ("공공 서비스", "public service"),
    Purpose.DEEPFAKE_DETECTION: ("딥페이크 탐지", "detection of deepfakes"),
}
# What a text says for each condition: about processing by others, about transfer abroad.
PROCESSING = {
    Condition.WITH_CONSENT: (r"대규모 언어 모델 서비스[^\n]*서면 동의를 먼저", r"written consent"),
    Condition.FORBIDDEN: (r"외부 서비스에 (데이터|항목)[을를] 입력하지", r"not enter|not entered"),
}
TRANSFER = {
    Condition.WITH_CONSENT: (
        r"국외에 있는 사람[^\n]*서면 동의를 먼저",
        r"outside Korea[^\n]*consent",
    ),
    Condition.FORBIDDEN: (
        r"데이터를 국외로 이전하지 않습니다",
        r"data is not transferred overseas",
    ),
}
AVOIDED = re.compile("반려|거절|거부|폐기|비식별|증인|임대|배송|신고|귀하|당신|(?<!이용)약관")


def _article(text: str, number: int) -> str:
    """One article, from its heading to the next."""
    return re.split(r"(?m)^## ", text)[number]


def test_seven_agreements_are_carried_in_order():
    texts = load()

    assert [(t.code, t.version) for t in texts] == [(code, 1) for code in CODES]
    assert all(text.title_ko and text.title_en for text in texts)
    assert not any(text.terms.reidentification for text in texts)


def test_organisations_sign_as_well_where_they_answer_for_their_people():
    signing = {text.code for text in load() if text.terms.facts().organisation_signs}

    assert signing == {"company", "faces"}


def test_faces_serve_the_detection_of_deepfakes_and_the_training_of_models_alone():
    (faces,) = (text.terms for text in load() if text.code == "faces")

    assert faces.purposes == (Purpose.DEEPFAKE_DETECTION,)
    assert [text.code for text in load() if text.terms.training_only] == ["faces"]


@TEXTS
def test_the_texts_name_the_numbers_of_their_terms_in_both_languages(text):
    terms = text.terms

    for number in (terms.destruction_days, terms.acceptance_valid_days):
        assert f"{number}일" in text.ko
        assert f"{number} day" in text.en
    assert f"{terms.breach_report_hours}시간" in text.ko
    assert f"{terms.breach_report_hours} hours" in text.en


@TEXTS
def test_the_texts_name_the_purposes_of_their_terms_and_no_other(text):
    clauses = [_article(body, 1).split("\n2. ")[1].split("\n")[0] for body in (text.ko, text.en)]
    named = {
        purpose
        for purpose, words in PURPOSE_WORDS.items()
        if all(word in clause for word, clause in zip(words, clauses, strict=True))
    }

    assert named == set(text.terms.purposes)


@TEXTS
def test_the_texts_say_what_their_terms_say_about_others_and_abroad(text):
    terms = text.terms

    for words, condition in (
        (PROCESSING, terms.third_party_processing),
        (TRANSFER, terms.overseas_transfer),
    ):
        korean, english = words[condition]
        assert re.search(korean, text.ko)
        assert re.search(english, text.en)
        others = [pair for found, pair in words.items() if found is not condition]
        assert not any(re.search(pair[0], text.ko) for pair in others)
    assert "국외 클라우드" in text.ko
    assert "cloud abroad" in text.en


@TEXTS
def test_every_text_forbids_showing_the_data_and_asks_to_report_personal_data(text):
    assert text.terms.redistribution is Condition.FORBIDDEN
    assert re.search("보여 주[거지]", text.ko)
    assert "show" in text.en
    assert "회수·파기" in text.ko or "파기합니다" in text.ko
    assert re.search(r"(?i)on finding .*(personal data|identifies a person)", text.en)


@TEXTS
def test_only_texts_that_ask_for_it_speak_of_attribution_and_of_a_term_in_the_zone(text):
    terms = text.terms

    assert ("2차 결과물" in text.ko) is terms.attribution
    assert ("works derived from" in text.en) is terms.attribution
    assert bool(re.search(r"연장되지 않습니다", text.ko)) is (terms.zone_term_days > 0)
    if terms.zone_term_days:
        assert f"{terms.zone_term_days}일" in text.ko
        assert f"{terms.zone_term_days} days" in text.en


@TEXTS
def test_every_text_gives_seven_days_of_notice_and_thirty_for_adverse_changes(text):
    korean, english = text.ko.split("## ")[-1], text.en.split("## ")[-1]

    assert all(words in korean for words in ("7일 전", "30일 전"))
    assert all(words in english for words in ("7 days' notice", "30 days' notice"))


@TEXTS
def test_no_text_uses_an_avoided_word(text):
    assert not AVOIDED.search(text.ko)


@TEXTS
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


def _second(copy: Path, change: str, notice: int) -> None:
    folder = copy / "health" / "v2"
    shutil.copytree(copy / "health" / "v1", folder)
    terms = (folder / "terms.toml").read_text(encoding="utf-8")
    terms = terms.replace("version = 1", "version = 2").replace('"first"', f'"{change}"')
    terms = terms.replace("notice_days = 0", f"notice_days = {notice}")
    (folder / "terms.toml").write_text(terms, encoding="utf-8")


@pytest.mark.parametrize(("change", "least"), [("minor", 0), ("material", 7), ("adverse", 30)])
def test_a_later_version_gives_the_notice_that_its_change_asks_for(copy, change, least):
    _second(copy, change, least)

    assert [text.terms.notice_days for text in load(copy)] == [0, least]


@pytest.mark.parametrize(("change", "least"), [("material", 7), ("adverse", 30)])
def test_too_little_notice_is_refused(copy, change, least):
    _second(copy, change, least - 1)

    with pytest.raises(AgreementError, match=f"at least {least} notice_days"):
        load(copy)


def _says(copy: Path, old: str, new: str) -> None:
    file = copy / "health" / "v2" / "terms.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "term"),
    [
        (PURPOSES, '["statistics"]', "purposes"),
        ("training_only = false", "training_only = true", "training_only"),
        ("destruction_days = 5", "destruction_days = 4", "destruction_days"),
        ("zone_term_days = 0", "zone_term_days = 5", "zone_term_days"),
        ('signature = "personal"', 'signature = "personal+organisation"', "signature"),
        ("acceptance_valid_days = 365", "acceptance_valid_days = 366", "acceptance_valid_days"),
    ],
)
def test_a_minor_version_that_changes_a_term_is_named_with_file_and_term(copy, old, new, term):
    _second(copy, "minor", 0)
    _says(copy, old, new)

    with pytest.raises(AgreementError, match=rf"health/v2/terms\.toml: .* v1 .*: {term}$"):
        load(copy)


def test_a_minor_version_names_every_term_it_changes(copy):
    _second(copy, "minor", 0)
    _says(copy, "training_only = false", "training_only = true")
    _says(copy, PURPOSES, '["statistics"]')

    with pytest.raises(AgreementError, match=r"differ: purposes, training_only$"):
        load(copy)


def test_a_minor_version_may_have_another_title_and_notice_and_list_purposes_in_another_order(copy):
    _second(copy, "minor", 3)
    _says(copy, "Usage agreement for health data", "Agreement on the use of health data")
    _says(copy, '"academic_research", "commercial_development"',
          '"commercial_development", "academic_research"')  # fmt: skip

    assert [text.version for text in load(copy)] == [1, 2]


def test_only_the_first_version_is_a_first_one(copy):
    _second(copy, "first", 0)

    with pytest.raises(AgreementError, match="version 1, and no other"):
        load(copy)


def test_a_gap_between_versions_is_refused(copy):
    _second(copy, "material", 7)
    shutil.rmtree(copy / "health" / "v1")

    with pytest.raises(AgreementError, match="health/v1: is missing"):
        load(copy)
