from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from audit.errors import LogUnavailable
from audit.search import Filters
from gateway.catalog.service_versions import find_version
from gateway.evidence.reading import snapshot
from gateway.identity.models import Role
from gateway.journal import Act
from gateway.runtime import Runtime
from policies.vocabulary import VersionState
from tests import deliveries, people

SLUG = "korean-letters"
REASON = "검출 항목은 모두 지어낸 값입니다."
VERSION = f"/datasets/{SLUG}/versions/v1"
PUBLIC = ["/", "/projects", "/datasets", f"/datasets/{SLUG}", VERSION]
ACTS = ["release", "reject", "withdraw", "scan"]

SignIn = Callable[..., FlaskClient]


@pytest.fixture
def root(runtime: Runtime, tmp_path: Path) -> Path:
    """An open version of an ordinary dataset."""
    deliveries.dataset(runtime, declared=["EMAIL_ADDRESS"])
    root = deliveries.folder(tmp_path, {f"편지/{n:03d}.txt": str(n) for n in range(30)})
    deliveries.opened(runtime, root)
    return root


@pytest.fixture
def held(runtime: Runtime, tmp_path: Path) -> None:
    """A version that its scan has held."""
    deliveries.dataset(runtime)
    deliveries.delivered(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))
    deliveries.scanned(runtime, {"a.txt": ("KR_RRN", "UNSCANNABLE")})


@pytest.fixture
def as_person(runtime: Runtime, client: FlaskClient) -> SignIn:
    """Signs a person in, with a role for this dataset if one is named."""

    def sign_in(role: Role | None = None, scope: str = SLUG) -> FlaskClient:
        one = people.person(runtime, "someone")
        if role:
            people.grant(runtime, one, role, scope)
        people.sign_in(client, one)
        return client

    return sign_in


def state(runtime: Runtime) -> str:
    with runtime.db.read() as session:
        return find_version(session, SLUG, "v1")[1].state


TERMS = [
    "DUO:0000007=DOID:162", "DUO:0000022=KR,DE", "DUO:0000025=12", "DUO:0000026=kim.the.user",
    "DUO:0000019", "DUO:0000024=2027-01-01",
]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Research on a named disease: DOID:162", "South Korea, Germany", "12 months",
                "Results must be published", "2027-01-01", "Faces", "PIPA art. 28-2",
                "regulatory sandbox", "Duties that come with the data")),
        ("ko", ("DOID:162", "대한민국, 독일", "12개월", "얼굴", "개인정보 보호법 제28조의2",
                "규제샌드박스", "데이터에 따르는 의무")),
    ],
)  # fmt: skip
def test_the_data_card_says_what_is_shown_and_on_which_terms(
    runtime: Runtime, client: FlaskClient, language: str, words: tuple[str, ...]
) -> None:
    deliveries.dataset(runtime, content="face", originals=True, pseudonymised=True, duo=TERMS)

    page = client.get(f"/datasets/{SLUG}?lang={language}").text

    assert [word for word in words if word not in page] == []
    assert "kim.the.user" not in page


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_everyone_reads_the_catalogue_in_both_languages(
    client: FlaskClient, path: str, language: str
) -> None:
    answer = client.get(f"{path}?lang={language}")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize("path", ["/", "/projects", "/datasets", "/datasets?q=nothing"])
def test_an_empty_catalogue_says_so(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert 'class="empty"' in answer.text


@pytest.mark.usefixtures("root")
def test_a_dataset_says_what_is_needed_who_decides_and_how_long(client: FlaskClient) -> None:
    text = client.get(f"/datasets/{SLUG}?lang=ko").text
    for words in ("이용협약 동의·서명", "담당자 검토", "근무일 기준 약 7일", "전자우편 주소"):
        assert words in text
    assert "편지/000.txt" in text


@pytest.mark.parametrize("path", ["/datasets/none", "/datasets/none/versions/v1", f"{VERSION}9"])
def test_what_does_not_exist_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["modality=smell", "unknown=1", "limit=0", "limit=201", "cursor=abc", "q=" + "x" * 101],
)
@pytest.mark.parametrize("path", ["/datasets", "/api/v1/datasets"])
def test_an_unknown_filter_is_refused(client: FlaskClient, path: str, query: str) -> None:
    assert client.get(f"{path}?{query}").status_code in {400, 422}


@pytest.mark.usefixtures("held")
def test_strangers_do_not_learn_of_a_version_that_is_not_open(client: FlaskClient) -> None:
    assert client.get(VERSION).status_code == 404
    assert "v1" not in client.get(f"/datasets/{SLUG}").text
    assert client.get(f"/api/v1{VERSION}/items").status_code == 404


@pytest.mark.usefixtures("held")
def test_a_steward_sees_masked_findings_and_what_could_not_be_scanned(as_person: SignIn) -> None:
    text = as_person(Role.STEWARD).get(f"{VERSION}?lang=ko").text
    assert "이름 ●●● 님" in text
    assert "주민등록번호" in text
    assert "이상 없음이 아닙니다" in text


@pytest.mark.usefixtures("held")
def test_the_queue_shows_held_versions_to_their_stewards_only(
    as_person: SignIn, client: FlaskClient
) -> None:
    assert client.get("/review/versions").status_code == 303
    assert "v1" in as_person(Role.STEWARD).get("/review/versions").text


@pytest.mark.usefixtures("held")
def test_a_steward_of_another_dataset_sees_nothing_of_this_one(as_person: SignIn) -> None:
    steward = as_person(Role.STEWARD, "another-set")
    assert "v1" not in steward.get("/review/versions").text
    assert steward.get(VERSION).status_code == 404
    assert people.post(steward, f"{VERSION}/release", reason=REASON).status_code == 403


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("act", ACTS)
def test_only_stewards_act_on_versions(
    as_person: SignIn, client: FlaskClient, runtime: Runtime, act: str
) -> None:
    assert people.post(client, f"{VERSION}/{act}", reason=REASON).status_code == 303
    assert people.post(as_person(), f"{VERSION}/{act}", reason=REASON).status_code == 403
    assert state(runtime) == VersionState.HELD


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("act", ACTS)
def test_no_act_without_the_forms_token(as_person: SignIn, runtime: Runtime, act: str) -> None:
    answer = as_person(Role.STEWARD).post(f"{VERSION}/{act}", data={"reason": REASON})
    assert answer.status_code in {400, 403}
    assert state(runtime) == VersionState.HELD


@pytest.mark.usefixtures("held")
def test_a_steward_releases_a_held_version_with_a_reason(
    as_person: SignIn, runtime: Runtime
) -> None:
    steward = as_person(Role.STEWARD)
    assert people.post(steward, f"{VERSION}/release").status_code == 422
    assert people.post(steward, f"{VERSION}/release", reason=REASON).status_code == 303
    assert state(runtime) == VersionState.RELEASED


@pytest.mark.usefixtures("root")
def test_a_steward_withdraws_a_version_and_a_dataset(as_person: SignIn, runtime: Runtime) -> None:
    steward = as_person(Role.STEWARD)
    assert people.post(steward, f"{VERSION}/withdraw", reason=REASON).status_code == 303
    assert state(runtime) == VersionState.WITHDRAWN
    assert people.post(steward, f"/datasets/{SLUG}/withdraw", reason="짧음").status_code == 422
    assert people.post(steward, f"/datasets/{SLUG}/withdraw", reason=REASON).status_code == 303
    assert "제공 중단" in steward.get(f"/datasets/{SLUG}?lang=ko").text


@pytest.mark.usefixtures("root")
def test_the_api_pages_through_every_item_once(client: FlaskClient) -> None:
    paths: list[str] = []
    cursor = ""
    while cursor is not None:
        query = {"prefix": "편지/", "limit": "7", "cursor": cursor}
        answer = client.get(f"/api/v1{VERSION}/items", query_string=query).json
        paths += [item["path"] for item in answer["items"]]
        cursor = answer["next"]
    assert paths == [f"편지/{n:03d}.txt" for n in range(30)]


@pytest.mark.usefixtures("root")
def test_digests_are_for_people_who_signed_in(as_person: SignIn, client: FlaskClient) -> None:
    path = f"/api/v1{VERSION}/items?limit=1"
    assert client.get(path).json["items"][0]["sha256"] is None
    assert len(as_person().get(path).json["items"][0]["sha256"]) == 64


@pytest.mark.usefixtures("root")
def test_a_cursor_of_one_list_is_refused_by_another(client: FlaskClient) -> None:
    cursor = client.get(f"/api/v1{VERSION}/items?limit=1").json["next"]
    answer = client.get(f"/api/v1{VERSION}/items?limit=1&prefix=x&cursor={cursor}")
    assert answer.status_code == 400


def test_file_names_of_a_sensitive_dataset_are_for_people_who_signed_in(
    runtime: Runtime, tmp_path: Path, as_person: SignIn, client: FlaskClient
) -> None:
    deliveries.dataset(runtime, sensitivity="sensitive")
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"홍길동.txt": "x"}))
    assert "홍길동" not in client.get(VERSION).text
    assert "홍길동" not in client.get(f"/datasets/{SLUG}").text
    assert client.get(f"/api/v1{VERSION}/items").status_code == 401
    assert "홍길동" in as_person().get(VERSION).text


@pytest.mark.parametrize("sensitivity", ["open", "restricted", "sensitive", "critical"])
def test_outside_the_safe_zone_files_are_listed_to_stewards_of_the_dataset_only(
    runtime: Runtime, tmp_path: Path, as_person: SignIn, client: FlaskClient, sensitivity: str
) -> None:
    deliveries.dataset(runtime, sensitivity=sensitivity, delivery="safe_zone")
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"홍길동.txt": "x"}))
    listed, pages = f"/api/v1{VERSION}/items", [VERSION, f"/datasets/{SLUG}"]

    unknown = client.get(listed)
    shown = [client.get(page).text for page in pages]
    stranger = as_person()
    refused = stranger.get(listed)
    shown += [stranger.get(page).text for page in pages]
    elsewhere = as_person(Role.STEWARD, "another-set").get(listed)
    steward = as_person(Role.STEWARD)

    assert (unknown.status_code, refused.status_code, elsewhere.status_code) == (401, 403, 403)
    assert [text for text in (unknown.text, refused.text, *shown) if "홍길동" in text] == []
    assert [item["path"] for item in steward.get(listed).json["items"]] == ["홍길동.txt"]
    assert "홍길동" in steward.get(VERSION).text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Listed inside the safe zone only"), ("ko", "안심존에서만")]
)
def test_the_page_of_a_safe_zone_version_says_where_its_files_are_listed(
    runtime: Runtime, tmp_path: Path, client: FlaskClient, language: str, words: str
) -> None:
    deliveries.dataset(runtime, delivery="safe_zone")
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))
    assert words in client.get(f"{VERSION}?lang={language}").text


def test_a_refused_list_of_a_safe_zone_version_is_recorded(
    runtime: Runtime, tmp_path: Path, as_person: SignIn
) -> None:
    deliveries.dataset(runtime, delivery="safe_zone")
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))

    as_person().get(f"/api/v1{VERSION}/items")

    with snapshot(runtime, main=True) as (_sql, reader):
        found = reader.search(Filters(action=str(Act.ACCESS_DECIDED)))
        said = [reader.leaf(each) for each in found]
    assert [(each.outcome, each.reason) for each in said] == [("deny", "SAFE_ZONE_NAMES")]


def test_without_the_log_no_name_of_a_sensitive_dataset_is_shown(
    runtime: Runtime, tmp_path: Path, as_person: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries.dataset(runtime, sensitivity="sensitive")
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"홍길동.txt": "x"}))
    reader = as_person()

    def broken(_event: object) -> int:
        raise LogUnavailable("the log is read-only")

    monkeypatch.setattr(runtime.journal.log, "append", broken)
    answer = reader.get(f"/api/v1{VERSION}/items")
    assert answer.status_code == 503
    assert "홍길동" not in answer.text


@pytest.mark.usefixtures("root")
def test_the_api_shows_one_dataset_with_its_versions(client: FlaskClient) -> None:
    shown = client.get(f"/api/v1/datasets/{SLUG}").json
    assert shown["requirements"] == ["agreement"]
    assert [version["label"] for version in shown["versions"]] == ["v1"]
    listed = client.get("/api/v1/datasets").json["datasets"]
    assert [each["slug"] for each in listed] == [SLUG]
