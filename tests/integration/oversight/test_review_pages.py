"""The auditor's pages as a browser uses them: views, judgements, a review from end to end."""

from __future__ import annotations

import html
import io
import re
import subprocess
import sys
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from audit.event import Domain
from audit.standalone.verify_bundle import verify
from gateway.app import create_app
from gateway.clock import FixedClock
from gateway.identity.models import Role
from gateway.journal import Act
from gateway.oversight.models import Anomaly, LogReview
from gateway.oversight.reading import reading, verifier_key
from gateway.oversight.watch import look_and_open
from gateway.runtime import Runtime
from tests import people
from tests.integration.oversight.conftest import Browser
from tests.integration.oversight.damage import run
from tests.integration.oversight.reviewing import at, download, refusal
from tests.world import World, build

WHY = "연구책임자에게 사유를 확인했습니다."
BEGINNINGS = {
    "report.csv": b"\xef\xbb\xbf",
    "report.pdf": b"%PDF-",
    "report.note": b"sumun-report/v1 review\n",
    "report.jsonl": b"{",
}
REVISION = re.compile(r'name="revision" value="(\d+)"')


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    """The whole application: a row of the log links to agreements and datasets."""
    app = create_app(runtime)
    app.testing = True
    return app


@pytest.fixture
def world(runtime: Runtime, clock: FixedClock) -> World:
    """October with downloads, one of them without a purpose, and a refusal; November has begun."""
    at(clock, "2026-10-05T10:00")
    made = build(runtime)
    download(runtime, made, 3)
    download(runtime, made, ref=None)
    refusal(runtime, made, "b.wav")
    at(clock, "2026-11-02T10:00")
    look_and_open(runtime)
    return made


@pytest.fixture
def desk(app: Flask, runtime: Runtime, world: World) -> Browser:
    """An auditor at the browser."""
    person = people.person(runtime, "the.auditor")
    people.grant(runtime, person, Role.AUDITOR)
    client = app.test_client()
    people.sign_in(client, person)
    return Browser(client, person)


def get(desk: Browser, path: str, status: int = 200, **query: str) -> str:
    answer = desk.client.get(path, query_string={"lang": "en", **query})
    assert answer.status_code == status, answer.text
    return str(answer.text)


def review_of(runtime: Runtime) -> LogReview:
    with runtime.db.read() as session:
        return session.scalars(select(LogReview)).one()


def anomaly_of(runtime: Runtime) -> Anomaly:
    with runtime.db.read() as session:
        return session.scalars(select(Anomaly)).one()


def post(desk: Browser, path: str, **fields: Any) -> Any:
    return people.post(desk.client, path, **fields)


def test_who_touched_an_item_is_told_with_purpose_and_project(desk: Browser) -> None:
    page = get(desk, "/audit/item", dataset="voices", item="0.wav")

    assert "Everybody who ever touched it" in page
    assert '<a href="/audit/person?person=holder">holder</a>' in page
    assert "Academic research" in page
    assert "연구과제" in page


def test_what_a_person_did_is_told_by_dataset_within_the_days_chosen(desk: Browser) -> None:
    october = get(desk, "/audit/person", person="holder", since="2026-10-01", until="2026-10-31")
    september = get(desk, "/audit/person", person="holder", since="2026-09-01", until="2026-09-30")

    assert "By dataset" in october
    assert "Nothing recorded in this period" in september


@pytest.mark.parametrize(
    "query",
    [{"person": "nobody.here"}, {"person": "holder", "since": "x"}, {},
     {"person": "holder", "since": "2020-01-01", "until": "2026-01-01"}],
)  # fmt: skip
def test_a_view_that_cannot_be_is_refused(desk: Browser, query: dict[str, str]) -> None:
    get(desk, "/audit/person", 422, **query)


def test_the_overview_shows_every_chart_with_its_figures(desk: Browser) -> None:
    page = get(desk, "/audit/overview", since="2026-10-01", until="2026-10-31")

    assert page.count("<svg viewBox") >= 3
    assert "<title>Mon 10: 5</title>" in page
    assert "voices" in page
    assert 'style="' not in page


def test_looking_at_what_names_people_is_an_entry(desk: Browser, runtime: Runtime) -> None:
    before = _looks(runtime)
    get(desk, "/audit/anomalies")
    get(desk, f"/audit/reviews/{review_of(runtime).id}")
    get(desk, "/audit/reports/rights")
    get(desk, "/audit/item", dataset="voices", item="0.wav")

    assert _looks(runtime) == before + 4


def _looks(runtime: Runtime) -> int:
    sql = "SELECT COUNT(*) FROM audit_entries WHERE action = ?"
    return int(run(runtime.db, sql, str(Act.LOG_SEARCHED))[0][0])


def test_an_anomaly_explains_itself_and_is_judged(desk: Browser, runtime: Runtime) -> None:
    row = anomaly_of(runtime)
    page = get(desk, f"/audit/anomalies/{row.id}")
    assert "Downloads for which no purpose of use is on record: 1." in page
    assert f'href="/audit/{row.evidence["events"][0]}"' in page

    short = post(desk, f"/audit/anomalies/{row.id}", state="dismissed", note="short")
    assert short.status_code == 422
    assert ">short</textarea>" in short.text.replace("\n", "")
    assert post(desk, f"/audit/anomalies/{row.id}", state="dismissed", note=WHY).status_code == 303

    assert WHY in get(desk, f"/audit/anomalies/{row.id}")
    assert "No anomaly matches" in get(desk, "/audit/anomalies", state="open")


def test_a_review_goes_from_the_first_page_to_its_signed_report(
    desk: Browser, runtime: Runtime
) -> None:
    review, row = review_of(runtime), anomaly_of(runtime)
    address = f"/audit/reviews/{review.id}"
    assert f'href="{address}"' in get(desk, "/")
    early = post(desk, f"{address}/sign", statement=WHY, revision="0")
    assert early.status_code == 409

    assert post(desk, f"{address}/confirm", all="true").status_code == 303
    key = re.search(r'exception\?key=(-[^"]+)', get(desk, address))
    assert key is not None
    marked = post(desk, f"{address}/exception", key=_plain(key.group(1)), note=WHY)
    assert marked.status_code == 303
    post(desk, f"/audit/anomalies/{row.id}", state="confirmed", note=WHY)
    revision = REVISION.search(get(desk, address))
    assert revision is not None
    signed = post(desk, f"{address}/sign", statement=WHY, revision=revision.group(1))
    assert signed.status_code == 303

    page = get(desk, address)
    assert "The report can be made again to the byte" in page
    assert "Review signed" in get(desk, "/audit/reports")
    assert f'href="{address}"' not in get(desk, "/")
    for name, begin in BEGINNINGS.items():
        answer = desk.client.get(f"{address}/files/{name}")
        assert answer.data.startswith(begin)
        assert "attachment" in answer.headers["Content-Disposition"]
    assert desk.client.get(f"{address}/files/other.txt").status_code == 404


def _plain(quoted: str) -> str:
    from urllib.parse import unquote

    return unquote(quoted.replace("&amp;", "&"))


def test_the_downloads_of_a_group_are_looked_up_within_the_days_of_the_review(
    desk: Browser, runtime: Runtime, world: World, clock: FixedClock
) -> None:
    download(runtime, world)

    page = get(desk, f"/audit/reviews/{review_of(runtime).id}")
    (link,) = re.findall(r'href="(/audit\?ref=grant[^"]+)"', page)
    found = desk.client.get(html.unescape(link)).text

    assert "since=2026-10-01" in link
    assert "until=2026-10-31" in link
    assert found.count("download.authorized</code>") == 3


def test_a_single_download_is_marked_from_its_entry_listed_and_withdrawn(
    desk: Browser, runtime: Runtime, world: World
) -> None:
    address = f"/audit/reviews/{review_of(runtime).id}"
    index = anomaly_of(runtime).evidence["events"][0]
    key = f"entry:{index}"
    assert f'href="{address}/exception?key={key}"' in get(desk, f"/audit/{index}")

    assert post(desk, f"{address}/exception", key=key, note=WHY).status_code == 303
    listed = get(desk, address)
    form = get(desk, f"{address}/exception", key=key)
    assert post(desk, f"{address}/withdraw", key=key).status_code == 303

    assert "Single downloads that are exceptions" in listed
    assert f'href="/audit/{index}"' in listed
    assert WHY in listed
    assert "Withdraw the exception" in form
    assert "Single downloads that are exceptions" not in get(desk, address)


def test_a_statement_too_short_comes_back_as_it_was_typed(desk: Browser, runtime: Runtime) -> None:
    address = f"/audit/reviews/{review_of(runtime).id}"
    post(desk, f"{address}/confirm", all="true")
    answer = post(desk, f"{address}/sign", statement="fine", revision="1")

    assert answer.status_code == 422
    assert "fine</textarea>" in answer.text


def test_nothing_chosen_is_nothing_confirmed(desk: Browser, runtime: Runtime) -> None:
    answer = post(desk, f"/audit/reviews/{review_of(runtime).id}/confirm")
    assert answer.status_code == 422


def test_an_overdue_review_alarms_on_the_first_page(desk: Browser, clock: FixedClock) -> None:
    assert "is overdue" not in get(desk, "/")
    at(clock, "2026-11-16T10:00")
    people.sign_in(desk.client, desk.person)
    assert "A review of the access log is overdue" in get(desk, "/")


def test_others_see_nothing_of_it_on_the_first_page(app: Flask, world: World) -> None:
    assert "For the auditor" not in app.test_client().get("/?lang=en").text


def test_the_api_lists_and_decides(app: Flask, desk: Browser, runtime: Runtime) -> None:
    headers = people.bearer(app.test_client(), desk.person)
    client = app.test_client(use_cookies=False)

    (item,) = client.get("/api/v1/audit/anomalies?state=open", headers=headers).json["items"]
    body = {"state": "dismissed", "note": WHY}
    path = f"/api/v1/audit/anomalies/{item['id']}/decision"
    decided = client.post(path, json=body, headers=headers)

    assert (item["rule"], item["account"], item["entries"]) == ("no_reason", "holder", 1)
    assert decided.json["state"] == "dismissed"
    assert client.post(path, json=body, headers=headers).status_code == 409
    unknown = f"/api/v1/audit/anomalies/{uuid.uuid4()}/decision"
    assert client.post(unknown, json=body, headers=headers).status_code == 404
    (review,) = client.get("/api/v1/audit/reviews", headers=headers).json["items"]
    assert review["state"] == "open"


def test_rights_that_changed_are_shown_and_downloaded(desk: Browser) -> None:
    days = {"since": "2026-11-01", "until": "2026-11-30"}
    page = get(desk, "/audit/reports/rights", **days)
    assert "the.auditor" in page
    csv = desk.client.get("/audit/reports/rights/report.csv", query_string=days)
    assert "역할" not in csv.text.split("\n")[0]
    assert "auditor (*)" in csv.text
    get(desk, "/audit/reports/rights", 200, since="nonsense")
    assert desk.client.get("/audit/reports/rights/report.csv?since=x").status_code == 422


def test_a_bundle_from_the_page_verifies_with_its_own_verifier(
    desk: Browser, runtime: Runtime, tmp_path: Path
) -> None:
    fields = {"dataset": "voices", "action": "download.authorized"}
    answer = post(desk, "/audit/reports/bundle", **fields)
    assert answer.status_code == 200, answer.text
    bundle = tmp_path / "sumun-evidence.zip"
    bundle.write_bytes(answer.data)
    answer.close()
    zipfile.ZipFile(io.BytesIO(bundle.read_bytes())).extract("verify_bundle.py", tmp_path)

    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "verify_bundle.py", bundle, "--key",
         verifier_key(runtime)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bundle_about_an_erased_person_is_asked_for_by_the_token_that_is_left(
    desk: Browser, runtime: Runtime, world: World, tmp_path: Path
) -> None:
    token = runtime.vault.token(Domain.PERSON, str(world.person))
    run(runtime.db, "UPDATE people SET account = ? WHERE account = ?", "erased-one", "holder")

    answer = post(desk, "/audit/reports/bundle", person=token, action="download.authorized")

    (tmp_path / "b.zip").write_bytes(answer.data)
    answer.close()
    manifest, *_rest = verify(tmp_path / "b.zip", verifier_key(runtime))
    assert manifest["query"]["person"] == token
    assert len(manifest["selected"]) == 4


def test_a_bundle_from_the_page_proves_growth_from_a_checkpoint_that_was_kept(
    desk: Browser, runtime: Runtime, tmp_path: Path
) -> None:
    kept = runtime.journal.log.checkpoint().note
    get(desk, "/audit/overview")

    answer = post(desk, "/audit/reports/bundle", dataset="voices", trusted=kept)
    bad = post(desk, "/audit/reports/bundle", trusted="another.example/log\n3\nx\n\n— a b")

    (tmp_path / "b.zip").write_bytes(answer.data)
    answer.close()
    manifest, _ = verify(tmp_path / "b.zip", since=kept)
    assert manifest["trusted"]["size"] == int(kept.split("\n")[1])
    assert bad.status_code == 422
    assert "another.example/log" in bad.text


@pytest.mark.parametrize("fields", [{"person": "nobody.here"}, {"since": "x"}, {"dataset": "A B"}])
def test_a_bundle_that_cannot_be_made_is_explained_and_nothing_typed_is_lost(
    desk: Browser, fields: dict[str, str]
) -> None:
    answer = post(desk, "/audit/reports/bundle", **fields)
    assert answer.status_code == 422
    (typed,) = fields.values()
    assert f'value="{typed}"' in answer.text


def test_the_auditors_session_cannot_write(runtime: Runtime, world: World) -> None:
    for statement in (
        "DELETE FROM log_reviews", "UPDATE people SET name = 'x'",
        "INSERT INTO audit_promises (event_id, mac) VALUES ('x', 'x')",
    ):  # fmt: skip
        with reading(runtime) as opened, pytest.raises(Exception, match=r"(?i)read.?only"):
            opened.sql.run(statement)


def test_the_report_of_a_person_is_not_a_page_for_others(app: Flask, runtime: Runtime) -> None:
    member = people.person(runtime, "a.member")
    client = app.test_client()
    people.sign_in(client, member)
    for path in ("/audit/overview", "/audit/anomalies", "/audit/reports", "/audit/item"):
        assert client.get(path).status_code == 403
