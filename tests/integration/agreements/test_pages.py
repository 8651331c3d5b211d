"""The pages and machine forms of agreements: read, compare, announce; on both databases."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.access.models import Grant
from gateway.agreements import service, service_schedule
from gateway.agreements.models import Acceptance
from gateway.clock import FixedClock
from gateway.identity.models import Person
from gateway.runtime import Runtime
from policies import agreements as files
from policies.terms import Change
from tests import world as made
from tests.integration.agreements.conftest import Town
from tests.integration.agreements.publishing import (
    DAY,
    SYSTEM,
    bring,
    publish,
    states,
    version,
)
from tests.people import bearer, post

Enter = Callable[[Person], FlaskClient]
PAGE = "/policies/open-test"
ABOUT_ACCESS = ("/policies", "/datasets/voices", "/access")


@pytest.fixture
def signer(runtime: Runtime, town: Town, enter: Enter) -> FlaskClient:
    """A browser of somebody who has signed the first version."""
    made.change(runtime, Acceptance, town.world.acceptance, person_id=town.outsider.id)
    return enter(town.outsider)


def changed(runtime: Runtime, number: int, change: Change) -> uuid.UUID:
    """A draft whose texts differ from the first version's in a word, a clause and a term."""
    made_id = publish(runtime, number, change, destruction_days=3)
    with runtime.db.write() as session:
        row = service.locked(session, made_id)
        row.text_ko, row.text_en = "본문 둘째", "text anew"
    return made_id


def test_the_page_tells_a_signer_how_long_the_old_signature_holds(
    runtime: Runtime, town: Town, signer: FlaskClient, enter: Enter, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL)

    within = signer.get(f"{PAGE}?lang=en").text
    clock.advance(7 * DAY)
    after = enter(town.outsider).get(f"{PAGE}?lang=en").text

    assert "It still holds until <time" in within
    assert "2026-11-09 10:00" in within
    assert "It no longer holds" in after
    assert f"{PAGE}/diff?to=2" in after


@pytest.mark.parametrize(
    ("language", "sentence"), [("ko", "새 버전: <time"), ("en", "New version: sign by <time")]
)
def test_each_page_about_access_says_by_when_to_sign_a_new_version(
    runtime: Runtime, town: Town, signer: FlaskClient, language: str, sentence: str
) -> None:
    made.change(runtime, Grant, town.world.grant, person_id=town.outsider.id)
    before = [signer.get(f"{page}?lang={language}").text for page in ABOUT_ACCESS]
    bring(runtime, 2, Change.MATERIAL)

    now = [signer.get(f"{page}?lang={language}").text for page in ABOUT_ACCESS]

    assert not any("2026-11-09" in page or "/diff" in page for page in before)
    assert all("2026-11-09 10:00</time>" in page and f"{PAGE}/diff" in page for page in now)
    assert sentence in now[0]
    assert sentence in now[2]


def test_once_the_notice_is_over_nobody_is_told_to_sign_in_time(
    runtime: Runtime, town: Town, signer: FlaskClient, enter: Enter, clock: FixedClock
) -> None:
    bring(runtime, 2, Change.MATERIAL)
    clock.advance(7 * DAY)

    page = enter(town.outsider).get("/policies?lang=en").text

    assert "sign by" not in page
    assert "Not signed yet" in page


def test_a_signature_that_ends_within_the_notice_is_to_be_renewed_by_its_own_end(
    runtime: Runtime, town: Town, signer: FlaskClient, clock: FixedClock
) -> None:
    ends = clock.now() + 2 * DAY
    made.change(runtime, Acceptance, town.world.acceptance, expires_at=ends)
    bring(runtime, 2, Change.MATERIAL)

    pages = [signer.get(f"{page}?lang=en").text for page in ("/policies", PAGE)]

    assert all("2026-11-04 10:00</time>" in page for page in pages)
    assert not any("2026-11-09" in page for page in pages)


def test_a_minor_change_leaves_its_signers_signed(
    runtime: Runtime, town: Town, signer: FlaskClient, app: Flask
) -> None:
    bring(runtime, 2, Change.MINOR)

    assert "holds for this one" in signer.get(f"{PAGE}?lang=en").text
    api = app.test_client(use_cookies=False)
    headers = bearer(api, town.outsider)
    assert api.get("/api/v1/agreements/open-test", headers=headers).json["signed_until"]


def test_a_visitor_reads_of_an_announcement(
    runtime: Runtime, town: Town, app: Flask, clock: FixedClock
) -> None:
    service_schedule.announce(
        runtime, SYSTEM, changed(runtime, 2, Change.ADVERSE), clock.now() + DAY
    )

    page = app.test_client().get(f"{PAGE}?lang=ko").text

    assert "버전 2의 시행이 예고되었습니다" in page
    assert "2026-11-03 10:00" in page


def test_the_comparison_shows_terms_first_and_words_in_both_languages(
    runtime: Runtime, town: Town, signer: FlaskClient
) -> None:
    changed(runtime, 2, Change.MATERIAL)

    page = signer.get(f"{PAGE}/diff?to=2&lang=en").text

    assert "<ins>둘째</ins>" in page.replace("<ins> ", "<ins>")
    assert "<ins>anew</ins>" in page.replace("<ins> ", "<ins>")
    assert "Destroy it within 14 days" in page
    assert "Destroy it within 3 days" in page
    assert "You signed version 1" in page


def test_the_comparison_starts_from_the_version_signed_last(
    runtime: Runtime, town: Town, signer: FlaskClient, app: Flask
) -> None:
    bring(runtime, 2, Change.MINOR)
    bring(runtime, 3, Change.MATERIAL)

    own = signer.get(f"{PAGE}/diff?lang=en").text
    other = app.test_client().get(f"{PAGE}/diff?lang=en").text

    assert "Version 1 and version 3" in own
    assert "Version 2 and version 3" in other
    backwards = app.test_client().get(f"{PAGE}/diff?from=3&to=1&lang=en").text
    assert "Version 1 and version 3" in backwards


@pytest.mark.parametrize("query", ["", "?from=1&to=1", "?to=9", "?from=9&to=1", "?from=x&to=1"])
def test_what_cannot_be_compared_is_not_found(town: Town, app: Flask, query: str) -> None:
    assert app.test_client().get(f"{PAGE}/diff{query}").status_code == 404


def test_a_steward_announces_moves_and_calls_off(
    runtime: Runtime, town: Town, enter: Enter
) -> None:
    made_id, steward = changed(runtime, 2, Change.MATERIAL), enter(town.steward)
    below = f"/policies/versions/{made_id}"

    answers = [
        post(steward, f"{below}/announce", moment="2026-11-05T09:00").status_code,
        post(steward, f"{below}/announce", moment="2025-01-01T09:00").status_code,
        post(steward, f"{below}/announce", moment="soon").status_code,
    ]
    planned = version(runtime, 2).planned_at
    called_off = post(steward, f"{below}/call-off").status_code

    assert [*answers, called_off] == [303, 422, 422, 303]
    assert planned is not None
    assert planned.isoformat() == "2026-11-05T00:00:00+00:00"
    assert states(runtime) == ["in_force", "draft"]


def test_a_steward_plans_an_end_and_takes_it_back(
    runtime: Runtime, town: Town, enter: Enter
) -> None:
    steward, below = enter(town.steward), f"/policies/versions/{town.world.agreement}"

    assert post(steward, f"{below}/end", moment="2026-12-01T00:00").status_code == 303
    planned = version(runtime, 1).ends_at
    assert "This agreement ends" in steward.get(f"{PAGE}?lang=en").text
    assert post(steward, f"{below}/end", moment="").status_code == 303

    assert planned is not None
    assert version(runtime, 1).ends_at is None


@pytest.mark.parametrize("verb", ["announce", "call-off", "end", "in-force", "withdraw"])
def test_nobody_but_a_steward_changes_a_version(
    runtime: Runtime, town: Town, enter: Enter, verb: str
) -> None:
    address = f"/policies/versions/{town.world.agreement}/{verb}"

    assert post(enter(town.manager), address, moment="2030-01-01T00:00").status_code == 403
    assert states(runtime) == ["in_force"]


def test_every_agreement_is_an_offer_whose_words_are_defined(
    runtime: Runtime, app: Flask, town: Town
) -> None:
    service.register(runtime, files.load())
    client = app.test_client()
    profile: dict[str, Any] = client.get("/agreements/profile.jsonld").json
    defined = {concept["@id"] for concept in profile["@graph"]}

    for code in ("company", "crowd-work", "faces", "health", "open-research", "safe-zone"):
        answer = client.get(f"/agreements/{code}/v1.jsonld")
        assert answer.mimetype == "application/ld+json"
        assert answer.json["uid"].endswith(f"/agreements/{code}/v1.jsonld")
        assert {word for word in words(answer.json) if word.startswith("sumun:")} <= defined | {
            "sumun:sha256"
        }
    assert client.get("/agreements/health/v9.jsonld").status_code == 404
    assert client.get("/agreements/nothing/v1.jsonld").status_code == 404


def words(document: Any) -> set[str]:
    """Every string in a document, keys included."""
    if isinstance(document, dict):
        return set(document).union(*map(words, document.values()))
    if isinstance(document, list):
        return set().union(*map(words, document))
    return {document} if isinstance(document, str) else set()
