"""Documents of an organisation: who uploads, who reads, and what is taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from gateway.errors import Problem, ProblemCode
from gateway.identity import service_documents as documents
from gateway.identity import service_organisations as organisations
from gateway.identity.models import OrganisationStatus, Person
from gateway.runtime import Runtime
from tests.integration.identity.company import Company
from tests.integration.identity.conftest import Seen
from tests.people import acting_as, bearer, csrf, sign_in
from tests.world import change

Browser = Callable[..., FlaskClient]
PDF = b"%PDF-1.7 certificate"


def send(client: FlaskClient, address: str, data: bytes = PDF, **fields: str) -> Any:
    """Upload as the browser would."""
    file = FileStorage(io.BytesIO(data), "증명원.pdf")
    form = {"csrf_token": csrf(client), "title": "사업자등록증명원", "file": file, **fields}
    boundary, body = encode_multipart(form)
    return client.post(address, data=body, content_type=f"multipart/form-data; boundary={boundary}")


def test_a_manager_uploads_and_a_steward_reads_and_decides(
    runtime: Runtime, company: Company, browser: Browser, events: list[Seen]
) -> None:
    manager, steward = browser("10.0.0.1"), browser("10.0.0.2")
    sign_in(manager, company.manager)
    sign_in(steward, company.steward)
    address = f"/orgs/{company.org.id}/documents"

    sent = send(manager, address, PDF + b"x" * (2 << 20))
    with runtime.db.read() as session:
        (row,) = documents.documents_of(session, company.org.id)
    page = steward.get(f"/orgs/{company.org.id}").text
    read = steward.get(f"/organisation-documents/{row.id}")

    assert sent.status_code == 303
    assert f"/organisation-documents/{row.id}" in page
    assert (read.status_code, read.content_type) == (200, "application/pdf")
    assert read.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in read.headers["Content-Security-Policy"]
    acts = [seen.action for seen in events if "document" in seen.action]
    assert acts == ["organisation.document_added", "organisation.document_read"]


def test_nobody_else_uploads_or_reads(runtime: Runtime, company: Company, browser: Browser) -> None:
    manager = acting_as(company.manager)
    row = documents.add(runtime, manager, company.org.id, "증명원", PDF)
    address = f"/orgs/{company.org.id}/documents"
    for number, person in enumerate((company.stranger, company.member, company.others_manager)):
        client = browser(f"10.0.1.{number}")
        sign_in(client, person)
        assert client.get(address).status_code == 403
        assert send(client, address).status_code == 403
        assert client.get(f"/organisation-documents/{row.id}").status_code == 404
        assert "/organisation-documents/" not in client.get(f"/orgs/{company.org.id}").text
    steward = browser("10.0.1.9")
    sign_in(steward, company.steward)
    assert send(steward, address).status_code == 403


def test_a_visitor_uploads_nothing_and_no_large_body_is_read(
    company: Company, browser: Browser
) -> None:
    address = f"/orgs/{company.org.id}/documents"

    assert send(browser(), address).status_code == 303
    assert browser().get(address).status_code == 303


def test_a_program_uploads_lists_and_reads(
    company: Company, browser: Browser, events: list[Seen]
) -> None:
    client, paper = browser(), PDF + b"x" * (2 << 20)
    address = f"/api/v1/organisations/{company.org.id}/documents"
    manager, steward = bearer(client, company.manager), bearer(client, company.steward)
    query = {"title": "사업자등록증명원"}

    sent = client.post(address, query_string=query, data=paper, headers=manager)
    read = client.get(f"/api/v1/organisation-documents/{sent.json['id']}", headers=steward)

    assert (sent.status_code, sent.json["size"]) == (201, len(paper))
    assert client.get(address, headers=steward).json["items"] == [sent.json]
    assert (read.data, read.content_type) == (paper, "application/pdf")
    acts = [seen.action for seen in events if "document" in seen.action]
    assert acts == ["organisation.document_added", "organisation.document_read"]


@pytest.mark.parametrize(
    ("query", "paper", "status"),
    [
        ({}, PDF, 422),
        ({"title": "증명원"}, b"<html>", 422),
        ({"title": "증명원"}, b"", 422),
        ({"title": "증명원", "extra": "1"}, PDF, 422),
        ({"title": "증명원"}, PDF + b"x" * (6 << 20), 413),
    ],
)
def test_a_program_is_told_what_is_wrong_with_a_document(
    company: Company, browser: Browser, query: dict[str, str], paper: bytes, status: int
) -> None:
    client = browser()
    address, headers = (
        f"/api/v1/organisations/{company.org.id}/documents",
        bearer(client, company.manager),
    )

    answer = client.post(address, query_string=query, data=paper, headers=headers)

    assert answer.status_code == status, answer.text
    assert client.get(address, headers=headers).json["items"] == []


@pytest.mark.parametrize(
    ("paper", "code"),
    [
        (b"", ProblemCode.VALIDATION_FAILED),
        (b"<html>", ProblemCode.VALIDATION_FAILED),
        (b"MZ\x90", ProblemCode.VALIDATION_FAILED),
        (PDF + b"x" * (5 << 20), ProblemCode.TOO_LARGE),
    ],
)
def test_only_documents_of_a_bounded_size_are_taken(
    runtime: Runtime, company: Company, paper: bytes, code: ProblemCode
) -> None:
    with pytest.raises(Problem) as refused:
        documents.add(runtime, acting_as(company.manager), company.org.id, "증명원", paper)

    assert refused.value.code is code


def test_the_same_document_twice_and_too_many_are_refused(
    runtime: Runtime, company: Company
) -> None:
    manager = acting_as(company.manager)

    def add(number: int) -> None:
        documents.add(runtime, manager, company.org.id, "증명원", PDF + str(number).encode())

    for number in range(documents.MOST - 1):
        add(number)
    with pytest.raises(Problem) as twice:
        add(0)
    add(documents.MOST)
    with pytest.raises(Problem) as many:
        add(documents.MOST + 1)

    assert twice.value.code is many.value.code is ProblemCode.CONFLICT


def test_a_refusal_tells_the_manager_why(
    runtime: Runtime, company: Company, browser: Browser
) -> None:
    change(runtime, type(company.org), company.org.id, status=OrganisationStatus.PENDING)
    why = "서류의 상호가 등록한 이름과 다릅니다"
    organisations.reject(runtime, acting_as(company.steward), company.org.id, why)
    client = browser()
    sign_in(client, company.manager)

    assert why in client.get(f"/orgs/{company.org.id}").text
    assert reasonless(runtime, company.steward, company) is ProblemCode.VALIDATION_FAILED


def reasonless(runtime: Runtime, steward: Person, company: Company) -> ProblemCode:
    with pytest.raises(Problem) as refused:
        organisations.reject(runtime, acting_as(steward), company.org.id, "  ")
    return refused.value.code
