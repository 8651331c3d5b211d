from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from gateway.catalog import descriptions, service, service_reading
from gateway.catalog.models import ConstructionProject, Dataset
from gateway.catalog.schemas import CatalogFile, DatasetQuery, ProjectSpec, Requirement
from gateway.errors import OperatorError, Problem, ProblemCode
from gateway.runtime import Runtime
from gateway.web.paging import Window
from tests import deliveries
from tests.deliveries import OPERATOR, spec

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "health-dataset.toml"


def project(number: str = "2026-A-1") -> ProjectSpec:
    return ProjectSpec(number=number, year=2026, call="free", title_ko="구축", title_en="Build")


def dataset(runtime: Runtime, slug: str = "korean-letters") -> Dataset:
    with runtime.db.read() as session:
        return session.scalars(select(Dataset).where(Dataset.slug == slug)).one()


def slugs(runtime: Runtime, **query: Any) -> list[str]:
    with runtime.db.read() as session:
        found = service_reading.list_datasets(
            session, DatasetQuery.model_validate(query), Window(50, "")
        )
    return [card.dataset.slug for card in found]


def test_the_documented_example_registers_a_project_and_its_dataset(runtime: Runtime) -> None:
    changed = service.apply_file(runtime, OPERATOR, descriptions.read(EXAMPLE))
    with runtime.db.read() as session:
        detail = service_reading.show(session, "brain-mri", everything=False)
    assert changed == ["registered"]
    assert detail.project is not None
    assert detail.project.number == "2026-H-017"
    assert service_reading.requirements(detail.dataset) == [
        Requirement.ORGANISATION,
        Requirement.IDENTITY,
        Requirement.TRAINING,
        Requirement.IRB,
        Requirement.AGREEMENT,
    ]


def test_the_same_file_again_changes_nothing(runtime: Runtime) -> None:
    file = descriptions.read(EXAMPLE)
    service.apply_file(runtime, OPERATOR, file)
    assert service.apply_file(runtime, OPERATOR, file) == []


def test_a_changed_file_changes_only_what_differs_and_names_it(runtime: Runtime) -> None:
    deliveries.dataset(runtime)
    changed = service.change_dataset(
        runtime, OPERATOR, spec(typical_days=3, declared=["PERSON", "KR_RRN"])
    )
    assert changed == ["declared", "typical_days"]
    assert dataset(runtime).declared == ["KR_RRN", "PERSON"]


def test_what_a_dataset_shows_and_its_data_use_terms_are_kept(runtime: Runtime) -> None:
    deliveries.dataset(runtime)
    terms = ["DUO:0000022=KR,JP", "DUO:0000007=DOID:162", "DUO:0000007=DOID:162"]
    changed = service.change_dataset(
        runtime, OPERATOR, spec(content="face", originals=True, pseudonymised=True, duo=terms)
    )
    assert changed == ["content", "duo", "originals", "pseudonymised"]
    assert dataset(runtime).duo == ["DUO:0000007=DOID:162", "DUO:0000022=KR,JP"]


def test_a_term_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dataset.toml"
    text = EXAMPLE.read_text("utf-8").replace('"DUO:0000006"', '"DUO:0000007"')
    file.write_text(text, "utf-8")
    with pytest.raises(OperatorError, match=r"dataset\.duo: .*'DUO:0000007': DS names a disease"):
        descriptions.read(file)


def test_a_file_that_differs_does_not_change_a_dataset_during_an_import(runtime: Runtime) -> None:
    deliveries.dataset(runtime)
    with pytest.raises(Problem, match="typical_days"):
        service.register_if_new(runtime, OPERATOR, CatalogFile(dataset=spec(typical_days=3)))
    assert dataset(runtime).typical_days == 7


def test_a_slug_is_registered_once(runtime: Runtime) -> None:
    deliveries.dataset(runtime)
    with pytest.raises(Problem) as refusal:
        deliveries.dataset(runtime)
    assert refusal.value.code is ProblemCode.CONFLICT


def test_a_project_number_is_registered_once(runtime: Runtime) -> None:
    service.register_project(runtime, OPERATOR, project())
    with pytest.raises(Problem) as refusal:
        service.register_project(runtime, OPERATOR, project())
    assert refusal.value.code is ProblemCode.CONFLICT
    with runtime.db.read() as session:
        assert len(session.scalars(select(ConstructionProject)).all()) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"agreement_code": "no-such"}, {"project": "no-such"}, {"contractor": "0000000000"}],
)
def test_a_dataset_that_names_what_does_not_exist_is_refused(
    runtime: Runtime, wrong: dict[str, str]
) -> None:
    with pytest.raises(Problem) as refusal:
        deliveries.dataset(runtime, **wrong)
    assert refusal.value.code is ProblemCode.VALIDATION_FAILED
    assert slugs(runtime) == []


def test_a_withdrawn_dataset_stays_visible_and_cannot_be_changed(runtime: Runtime) -> None:
    deliveries.dataset(runtime)
    service.withdraw_dataset(runtime, OPERATOR, "korean-letters", "수행기관의 요청입니다.")
    assert dataset(runtime).withdrawn_at is not None
    for again in (
        lambda: service.withdraw_dataset(runtime, OPERATOR, "korean-letters", "again and again"),
        lambda: service.change_dataset(runtime, OPERATOR, spec()),
    ):
        with pytest.raises(Problem) as refusal:
            again()
        assert refusal.value.code is ProblemCode.WRONG_STATE
    assert slugs(runtime) == ["korean-letters"]


def test_a_version_cannot_be_opened_in_a_withdrawn_dataset(
    runtime: Runtime, tmp_path: Path
) -> None:
    deliveries.dataset(runtime)
    service.withdraw_dataset(runtime, OPERATOR, "korean-letters", "수행기관의 요청입니다.")
    with pytest.raises(Problem):
        deliveries.delivered(runtime, deliveries.folder(tmp_path, {"a.txt": "x"}))


def test_lists_are_filtered_and_searched_in_both_languages(runtime: Runtime) -> None:
    deliveries.dataset(runtime, "letters")
    deliveries.dataset(
        runtime,
        "brain",
        modality="medical_image",
        sensitivity="sensitive",
        tier="committee",
        domain="health",
        title_ko="뇌 영상",
        title_en="Brain 100% images",
    )
    assert slugs(runtime) == ["brain", "letters"]
    assert slugs(runtime, modality="medical_image") == ["brain"]
    assert slugs(runtime, sensitivity="restricted") == ["letters"]
    assert slugs(runtime, tier="committee", domain="health") == ["brain"]
    assert slugs(runtime, q="뇌 brAIN") == ["brain"]
    assert slugs(runtime, q="뇌 한국어") == []
    assert slugs(runtime, q="0%") == ["brain"]
    assert slugs(runtime, q="_%_") == []


def test_the_list_is_paged_without_gaps_or_repeats(runtime: Runtime) -> None:
    for number in range(7):
        deliveries.dataset(runtime, f"set-{number}")
    with runtime.db.read() as session:
        query, window = DatasetQuery(), Window(3, "")
        first = service_reading.list_datasets(session, query, window)[:3]
        after = Window(50, "", position=(first[-1].dataset.id,))
        rest = service_reading.list_datasets(session, query, after)
    shown = sorted(card.dataset.slug for card in [*first, *rest])
    assert shown == [f"set-{number}" for number in range(7)]


def test_the_front_page_counts_what_is_open(runtime: Runtime, tmp_path: Path) -> None:
    deliveries.dataset(runtime)
    deliveries.opened(runtime, deliveries.folder(tmp_path, {"a": "12345", "b": "x"}))
    deliveries.delivered(runtime, deliveries.folder(tmp_path, {"c": "x"}), "v2")
    with runtime.db.read() as session:
        opening = service_reading.opening(session)
    assert (opening.datasets, opening.versions, opening.items, opening.bytes) == (1, 1, 2, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "UPPER"},
        {"slug": "a/b"},
        {"sensitivity": "secret"},
        {"declared": ["UNSCANNABLE"]},
        {"declared": ["lower"]},
        {"duo": ["DUO:1"]},
        {"duo": ["DUO:9999999"]},
        {"duo": ["DUO:0000007"]},
        {"duo": ["DUO:0000025=a year"]},
        {"duo": ["DUO:0000007=DOID:162\x07"]},
        {"content": "anything"},
        {"originals": "perhaps"},
        {"quota_bytes": 0},
        {"identity_level": 4},
        {"title_ko": ""},
        {"title_ko": "a\x00b"},
        {"unknown": 1},
    ],
)
def test_a_description_is_read_strictly(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**wrong)


@pytest.mark.parametrize(
    "text", ["", "not toml [", "[dataset]\nslug = 1", "[dataset]\n\xff", "[project]\nnumber = 1"]
)
def test_a_file_that_is_no_description_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "like.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(OperatorError) as refusal:
        descriptions.read(path)
    assert "\n" not in str(refusal.value)
    with pytest.raises(OperatorError, match="No such file"):
        descriptions.read(tmp_path / "absent.toml")
