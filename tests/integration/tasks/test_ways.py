"""What a crowd worker finds: the sign-up, the way on from a refusal, and no link that is closed."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Flask

from gateway.tasks.models import ItemOutcome
from gateway.tasks.service import finish_item
from tests import people
from tests.integration.tasks.conftest import Stage

CONTENT = re.compile(r"<main.*</main>", re.DOTALL)
HREF = re.compile(r'href="(/[^"#]*)')


def links(page: str) -> set[str]:
    """The addresses of this site in the content of a page."""
    (content,) = CONTENT.findall(page)
    return set(HREF.findall(content))


@pytest.mark.parametrize("page", ["/sign-in", "/sign-up"])
def test_the_sign_up_for_crowd_work_is_found_beside_the_others(app: Flask, page: str) -> None:
    browser = app.test_client()

    assert "/crowd/sign-up" in links(browser.get(page).text)
    assert "항목별로" in browser.get(f"{page}?lang=ko").text
    assert "Sign up for crowd work" in browser.get(f"{page}?lang=en").text


def test_a_page_that_is_closed_leads_to_what_is_open(stage: Stage) -> None:
    refusal = stage.browser.get("/datasets")

    assert refusal.status_code == 403
    assert {"/tasks", "/account"} <= links(refusal.text)


def test_the_own_account_offers_nothing_that_is_closed(stage: Stage) -> None:
    offered = links(stage.browser.get("/account").text)

    statuses = {each: stage.browser.get(each).status_code for each in offered}

    assert "/account/identity-check" in offered
    assert {each: status for each, status in statuses.items() if status >= 400} == {}


def test_an_ordinary_account_still_offers_organisations_and_passports(stage: Stage) -> None:
    page = stage.sit(people.make_person(stage.runtime, "ordinary")).get("/account").text

    assert "/orgs" in links(page)
    assert 'id="passports"' in page


def test_a_finished_item_promises_no_way_to_a_yes(stage: Stage) -> None:
    task_id = stage.assign()
    item_id = uuid.UUID(stage.browser.get("/api/v1/tasks/current").json["next_item"])
    worker = people.acting_as(stage.worker)
    finish_item(stage.runtime, worker, task_id, item_id, ItemOutcome.DONE)

    page = stage.browser.get(f"/tasks/{task_id}/items/{item_id}?lang=en")

    assert page.status_code == 403
    assert "TASK_SCOPE" in page.text
    assert "steps lead to a yes" not in page.text
