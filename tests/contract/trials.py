"""What is sent to each route: the object it names, made anew where it is changed, and a body."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.identity.service_invitations import token_of
from tests.contract import house as made
from tests.contract.house import REASON, House
from tests.people import PASSWORD

Params = Callable[[House], dict[str, Any]]
Body = Callable[[House, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One route: `params` for its address, `body` for what is posted, `raw` for other bodies."""

    params: Params = lambda _house: {}
    body: Body = lambda _house, _params: {}
    query: Body = lambda _house, _params: {}
    raw: bytes | None = None


def naming(**makers: Callable[[House], Any]) -> Params:
    """Parameters made one by one for each request."""
    return lambda house: {name: make(house) for name, make in makers.items()}


def fixed(**fields: Any) -> Body:
    """The same body for everybody."""
    return lambda _house, _params: fields


def zipped() -> bytes:
    """A small result."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("table.csv", "a,b\n1,2\n")
    return buffer.getvalue()


def _with_evidence(house: House) -> dict[str, Any]:
    item_id = made.item(house)
    return {"item_id": item_id, "attestation_id": made.review_evidence(house, item_id)}


def _invited(house: House) -> str:
    return token_of(house.runtime, made.invitation(house).id)


def _slug(_house: House) -> str:
    return "voices"


def _csv(_house: House) -> str:
    return "report.csv"


def _stop(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"stop": "revoke_grant", "target": str(made.grant(house)), "reason": REASON}


def _work(_house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {
        "dataset": "voices", "version": "1.0", "account": "mate", "paths": ["a.txt"],
        "instructions": REASON, "hours": 0,
    }  # fmt: skip


def _unknown_account(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"account": f"nobody.{house.number()}", "password": "wrong"}


def _result(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"grant_id": str(house.world.grant), "files": (io.BytesIO(zipped()), "result.zip")}


def _decision(house: House, params: dict[str, Any]) -> dict[str, Any]:
    with house.runtime.db.read() as session:
        digest = session.get_one(made.Export, params["export_id"]).content_sha256
    return {"decision": "release", "reason": REASON, "content_sha256": digest}


def _under_own_grant(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"grant_id": str(house.world.grant), "patterns": "a.txt"}


def _own_grant(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"grant_id": str(house.world.grant)}


def _group(house: House, params: dict[str, Any]) -> dict[str, Any]:
    return {"key": made.download_key(house, params["review_id"])}


def _exception(house: House, params: dict[str, Any]) -> dict[str, Any]:
    return _group(house, params) | {"note": REASON}


def _package(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"grant_id": str(house.world.grant), "patterns": ["a.txt"]}


def _address(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"dataset": "voices", "path": "a.txt", "grant": str(house.world.grant)}


def _signature(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    with house.runtime.db.read() as session:
        digest = session.get_one(made.AgreementVersion, house.world.agreement).sha256
    return {"sha256": digest, "typed_name": "somebody else", "language": "ko", "read": True}


def _page_signature(house: House, params: dict[str, Any]) -> dict[str, Any]:
    return _signature(house, params) | {"read": "true"}


def _official(house: House, params: dict[str, Any]) -> dict[str, Any]:
    digest = _signature(house, params)["sha256"]
    return {
        "sha256": digest, "typed_name": made.OFFICIAL, "title": "대표", "read": "true",
        "capacity": "representative", "language": "ko",
        "letter": (io.BytesIO(b"%PDF-1.7 proof"), "proof.pdf"),
    }  # fmt: skip


# The owner's account, as the decision point names people.
OWNERS = {"type": "person", "id": "holder"}
VOICES = {"type": "dataset", "id": "voices"}
DOWNLOAD = {"name": "download"}
QUESTION = {"subject": OWNERS, "resource": VOICES, "action": DOWNLOAD}


def _parcel_form(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    return {"grant_id": str(house.world.grant), "name": "model.bin", "bytes": 12,
            "sha256": "ab" * 32, "reason": REASON}  # fmt: skip


def _parcel(house: House, params: dict[str, Any]) -> dict[str, Any]:
    return {"zone": made.zone(house)} | _parcel_form(house, params)


def _seat_form(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    hour = made.free_hour(house)
    return {"grant_id": str(house.world.grant), "day": f"{hour:%Y-%m-%d}", "start": f"{hour:%H:%M}",
            "hours": "1"}  # fmt: skip


def _seat(house: House, _params: dict[str, Any]) -> dict[str, Any]:
    starts = made.free_hour(house)
    ends = starts + made.timedelta(hours=1)
    return {"zone": made.zone(house), "grant_id": str(house.world.grant),
            "starts_at": starts.isoformat(), "ends_at": ends.isoformat()}  # fmt: skip


GRANT = naming(grant_id=made.grant)
SUSPENDED = naming(grant_id=made.suspended_grant)
DRAFT = naming(application_id=made.draft)
APPLICATION = naming(application_id=made.application)
ITEM = naming(item_id=made.item)
EXPORT = naming(export_id=made.export)
RELEASED = naming(export_id=made.released_export)
INDEX = naming(index=made.event)
ANOMALY = naming(anomaly_id=made.anomaly)
REVIEW = naming(review_id=made.review_open)
RIGHTS = fixed(since="2026-11-01", until="2026-11-30")
ORGANISATION = naming(organisation_id=made.organisation)
SLUG = naming(slug=_slug)
BOOKED, SEATED = naming(session_id=made.booking), naming(session_id=made.zone_session)
PARCEL, CARRIED = naming(import_id=made.zone_import), fixed(decision="approve", note=REASON)
EMERGENCY = naming(emergency_id=made.emergency)
EMERGENCY_OVER = naming(emergency_id=made.emergency_over)
AFTERWARDS = fixed(verdict="justified", note=REASON * 2)
TASK = naming(task_id=made.task)
ZONE = naming(slug=made.zone)
ZONE_VERSION = naming(slug=made.zone, dataset=_slug, label=lambda _house: "1.0")
ZONE_FILE = naming(
    slug=made.zone, dataset=_slug, label=lambda _house: "1.0", path=lambda _house: "a.txt"
)
VERSION = naming(slug=_slug, label=lambda _house: "1.0")
HELD = naming(slug=made.held_dataset, label=lambda _house: "1.0")
SENSITIVE = naming(slug=made.sensitive_dataset, label=lambda _house: "1.0")
CODE = naming(code=lambda _house: "open-test")
JUDGED = fixed(state="dismissed", note=REASON)
WHY = fixed(reason=REASON)
REVISION = fixed(revision="1")
SAVED = fixed(revision="1", title="새 제목")
BALLOT = fixed(choice="approve", reason=REASON, revision="2")
IRB = fixed(
    form="approval", issuer="기관위원회", reference="P-1", valid_from="2026-01-01",
    valid_until="2027-01-01",
)  # fmt: skip
APPROVAL = fixed(
    kind="overseas_transfer", account="the.applicant", issuer="기관", reference="A-1",
    first_day="2026-01-01", last_day="2027-01-01", reason=REASON,
)  # fmt: skip
LINK = naming(token=made.signature_link)
PROGRAM = fixed(
    name="포털",
    kind="web",
    auth_method="client_secret_basic",
    scopes="openid",
    redirect_uris="https://rp.example.org/cb",
)
MANAGED = naming(organisation_id=made.verified_organisation)
INVITED = naming(token=_invited)
UNCONFIRMED = naming(signature_id=made.unconfirmed_signature)
ASKED = fixed(code="open-test", official_name=made.OFFICIAL, official_email="official@example.com")
LATER = fixed(moment="2030-01-01T09:00")
NEW_ORGANISATION = fixed(name="새 기관", kind="university", country="DE")

TRIALS: dict[str, Trial] = {
    "POST /access/grant/<uuid:grant_id>/make-seat": Trial(GRANT),
    "DELETE /api/v1/sessions/<uuid:session_id>": Trial(naming(session_id=made.browser_session)),
    "GET /api/v1/organisations/<uuid:organisation_id>/invitations": Trial(MANAGED),
    "POST /api/v1/organisations/<uuid:organisation_id>/invitations": Trial(
        MANAGED, fixed(email="new@example.org", kind="member")
    ),
    "DELETE /api/v1/invitations/<uuid:invitation_id>": Trial(
        naming(invitation_id=lambda house: made.invitation(house).id)
    ),
    "GET /api/v1/organisations/<uuid:organisation_id>/programs": Trial(MANAGED),
    "POST /api/v1/organisations/<uuid:organisation_id>/programs": Trial(
        MANAGED,
        fixed(
            name="포털",
            kind="web",
            auth_method="client_secret_basic",
            scopes=["openid"],
            redirect_uris=["https://rp.example.org/cb"],
        ),
    ),
    "DELETE /api/v1/programs/<client_id>": Trial(naming(client_id=made.program)),
    "GET /account/machines/<client_id>": Trial(naming(client_id=made.machine)),
    "POST /account/machines/<client_id>/accept": Trial(
        naming(client_id=made.machine), fixed(password=PASSWORD)
    ),
    "POST /account/machines/<client_id>/end": Trial(naming(client_id=made.machine)),
    "POST /api/v1/machines/<client_id>/accept": Trial(
        naming(client_id=made.machine), fixed(password=PASSWORD)
    ),
    "DELETE /api/v1/machines/<client_id>": Trial(naming(client_id=made.machine)),
    "GET /api/v1/organisations/<uuid:organisation_id>/seats": Trial(MANAGED),
    "POST /api/v1/organisations/<uuid:organisation_id>/seats/<uuid:grant_id>/move": Trial(
        naming(organisation_id=made.verified_organisation, grant_id=made.grant)
    ),
    "GET /invitations/<token>": Trial(INVITED),
    "POST /invitations/<token>": Trial(INVITED),
    "POST /invitations/<uuid:invitation_id>/withdraw": Trial(
        naming(invitation_id=lambda house: made.invitation(house).id)
    ),
    "GET /api/v1/organisations/<uuid:organisation_id>/documents": Trial(MANAGED),
    "POST /api/v1/organisations/<uuid:organisation_id>/documents": Trial(MANAGED),
    "GET /api/v1/organisation-documents/<uuid:document_id>": Trial(
        naming(document_id=made.organisation_document)
    ),
    "GET /organisation-documents/<uuid:document_id>": Trial(
        naming(document_id=made.organisation_document)
    ),
    "POST /orgs/<uuid:organisation_id>/check": Trial(
        MANAGED, fixed(opened_on="2020-01-01", representative="홍길동")
    ),
    "GET /orgs/<uuid:organisation_id>/documents": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/documents": Trial(MANAGED),
    "GET /orgs/<uuid:organisation_id>/invitations": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/invitations": Trial(
        MANAGED, fixed(email="new@example.org", kind="member")
    ),
    "GET /orgs/<uuid:organisation_id>/provisioning": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/provisioning": Trial(MANAGED, fixed(label="x", days="1")),
    "GET /orgs/<uuid:organisation_id>/programs": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/programs": Trial(MANAGED, PROGRAM),
    "POST /programs/<client_id>/end": Trial(naming(client_id=made.program)),
    "GET /orgs/<uuid:organisation_id>/seats": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/seats/<uuid:grant_id>/move": Trial(
        naming(organisation_id=made.verified_organisation, grant_id=made.grant)
    ),
    "POST /provisioning-tokens/<uuid:token_id>/revoke": Trial(
        naming(token_id=made.provisioning_token)
    ),
    "POST /access/<uuid:grant_id>/give-up": Trial(GRANT),
    "POST /access/<uuid:grant_id>/url": Trial(GRANT, fixed(path="a.txt")),
    "POST /access/v1/evaluation": Trial(body=fixed(**QUESTION)),
    "POST /access/v1/evaluations": Trial(body=fixed(**QUESTION, evaluations=[{}])),
    "POST /access/v1/search/action": Trial(body=fixed(subject=OWNERS, resource=VOICES)),
    "POST /access/v1/search/resource": Trial(body=fixed(**QUESTION)),
    "POST /access/v1/search/subject": Trial(body=fixed(**QUESTION)),
    "GET /access/dataset/<slug>": Trial(SLUG),
    "GET /access/grant/<uuid:grant_id>": Trial(GRANT),
    "POST /access/grant/<uuid:grant_id>/resume": Trial(SUSPENDED),
    "POST /access/grant/<uuid:grant_id>/revoke": Trial(GRANT, WHY),
    "POST /access/grant/<uuid:grant_id>/suspend": Trial(GRANT, WHY),
    "GET /account/accesses/<int:index>/proof": Trial(INDEX),
    "GET /account/passkeys/<uuid:passkey_id>/remove": Trial(naming(passkey_id=made.passkey)),
    "GET /account/factors/<change>": Trial(naming(change=lambda _house: "add-app")),
    "POST /account/passkeys/<uuid:passkey_id>/remove": Trial(naming(passkey_id=made.passkey)),
    "POST /account/sessions/<uuid:session_id>/end": Trial(naming(session_id=made.browser_session)),
    "GET /api/v1/access-log/<int:index>/proof": Trial(INDEX),
    "GET /agreements/<code>/v<int:number>.jsonld": Trial(
        naming(code=lambda _house: "open-test", number=lambda _house: 1)
    ),
    "GET /agreements/sign/<token>": Trial(LINK),
    "POST /agreements/sign/<token>": Trial(LINK, _official),
    "POST /api/v1/organisations/<uuid:organisation_id>/signature-requests": Trial(MANAGED, ASKED),
    "GET /api/v1/organisations/<uuid:organisation_id>/signatures": Trial(MANAGED),
    "POST /api/v1/organisations/signatures/<uuid:signature_id>/confirm": Trial(UNCONFIRMED),
    "GET /api/v1/agreements/<code>": Trial(CODE),
    "POST /api/v1/agreements/signatures": Trial(body=_signature),
    "POST /api/v1/applications": Trial(body=fixed(datasets=["voices"])),
    "GET /api/v1/applications/<uuid:application_id>": Trial(APPLICATION),
    "PUT /api/v1/applications/<uuid:application_id>": Trial(DRAFT, fixed(revision=1, title="새")),
    "POST /api/v1/applications/<uuid:application_id>/close": Trial(
        naming(application_id=made.rejected)
    ),
    "POST /api/v1/applications/<uuid:application_id>/evidence": Trial(APPLICATION, IRB),
    "POST /api/v1/applications/<uuid:application_id>/submit": Trial(DRAFT, fixed(revision=1)),
    "POST /api/v1/applications/<uuid:application_id>/withdraw": Trial(APPLICATION),
    "POST /api/v1/audit/anomalies/<uuid:anomaly_id>/decision": Trial(ANOMALY, JUDGED),
    "GET /api/v1/audit/entries/<int:index>": Trial(INDEX),
    "GET /api/v1/audit/entries/<int:index>/proof": Trial(INDEX),
    "GET /api/v1/datasets/<slug>": Trial(SLUG),
    "GET /api/v1/datasets/<slug>/can-i": Trial(SLUG),
    "GET /api/v1/datasets/<slug>/versions/<label>/items": Trial(VERSION),
    "GET /api/v1/datasets/<slug>/versions/<label>/items held": Trial(HELD),
    "GET /api/v1/datasets/<slug>/versions/<label>/items sensitive": Trial(SENSITIVE),
    "POST /api/v1/exports": Trial(body=_package),
    "GET /api/v1/exports/<uuid:export_id>": Trial(EXPORT),
    "POST /api/v1/exports/<uuid:export_id>/decision": Trial(EXPORT, _decision),
    "POST /api/v1/exports/<uuid:export_id>/url": Trial(RELEASED),
    "POST /api/v1/exports/results": Trial(query=_own_grant, raw=zipped()),
    "GET /api/v1/grants/<uuid:grant_id>": Trial(GRANT),
    "POST /api/v1/grants/<uuid:grant_id>/give-up": Trial(GRANT),
    "POST /api/v1/grants/<uuid:grant_id>/resume": Trial(SUSPENDED),
    "POST /api/v1/grants/<uuid:grant_id>/revoke": Trial(GRANT, WHY),
    "POST /api/v1/grants/<uuid:grant_id>/suspend": Trial(GRANT, WHY),
    "GET /api/v1/review/<uuid:item_id>": Trial(ITEM),
    "POST /api/v1/review/<uuid:item_id>/votes": Trial(
        ITEM, fixed(choice="approve", reason=REASON, revision=2)
    ),
    "POST /api/v1/session": Trial(body=_unknown_account),
    "POST /api/v1/urls": Trial(body=_address),
    "POST /api/v1/approvals": Trial(body=APPROVAL),
    "POST /api/v1/approvals/<uuid:approval_id>/end": Trial(naming(approval_id=made.approval), WHY),
    "POST /approvals": Trial(body=APPROVAL),
    "POST /approvals/<uuid:approval_id>/end": Trial(naming(approval_id=made.approval), WHY),
    "GET /applications/<uuid:application_id>": Trial(APPLICATION),
    "POST /applications/<uuid:application_id>/close": Trial(naming(application_id=made.rejected)),
    "GET /applications/<uuid:application_id>/edit": Trial(DRAFT),
    "POST /applications/<uuid:application_id>/edit": Trial(DRAFT, SAVED),
    "POST /applications/<uuid:application_id>/evidence": Trial(APPLICATION, IRB),
    "POST /applications/<uuid:application_id>/submit": Trial(DRAFT, REVISION),
    "POST /applications/<uuid:application_id>/withdraw": Trial(APPLICATION),
    "GET /apply/<slug>": Trial(SLUG),
    "POST /apply/<slug>": Trial(SLUG, fixed(datasets="voices")),
    "POST /account/identities/<uuid:identity_id>/end": Trial(naming(identity_id=made.identity)),
    "DELETE /api/v1/identities/<uuid:identity_id>": Trial(naming(identity_id=made.identity)),
    "POST /attestations/<uuid:attestation_id>/check": Trial(
        naming(attestation_id=made.attestation)
    ),
    "POST /attestations/<uuid:attestation_id>/end": Trial(naming(attestation_id=made.attestation)),
    "GET /audit/<int:index>": Trial(INDEX),
    "GET /audit/anomalies/<uuid:anomaly_id>": Trial(ANOMALY),
    "POST /audit/anomalies/<uuid:anomaly_id>": Trial(ANOMALY, JUDGED),
    "GET /audit/item": Trial(query=fixed(dataset="voices", item="a.txt")),
    "GET /audit/person": Trial(query=fixed(person="the.applicant")),
    "POST /audit/reports/bundle": Trial(body=fixed(dataset="voices")),
    "GET /audit/reports/rights": Trial(query=RIGHTS),
    "GET /audit/reports/rights/<name>": Trial(
        naming(name=lambda _house: "report.csv"), query=RIGHTS
    ),
    "GET /audit/reviews/<uuid:review_id>": Trial(REVIEW),
    "POST /audit/reviews/<uuid:review_id>/confirm": Trial(REVIEW, fixed(all="true")),
    "GET /audit/reviews/<uuid:review_id>/exception": Trial(REVIEW, query=_group),
    "POST /audit/reviews/<uuid:review_id>/exception": Trial(REVIEW, _exception),
    "GET /audit/reviews/<uuid:review_id>/files/<name>": Trial(
        naming(review_id=made.review_signed, name=_csv)
    ),
    "POST /audit/reviews/<uuid:review_id>/sign": Trial(
        naming(review_id=made.review_confirmed), fixed(statement=REASON, revision="1")
    ),
    "POST /audit/reviews/<uuid:review_id>/withdraw": Trial(
        naming(review_id=made.review_excepted), _group
    ),
    "GET /audit/<int:index>/leaf": Trial(INDEX),
    "GET /audit/<int:index>/proof": Trial(INDEX),
    "GET /d/<everything:rest>": Trial(naming(rest=made.address)),
    "GET /datasets/<slug>": Trial(SLUG),
    "GET /datasets/<slug>/versions/<label>": Trial(VERSION),
    "GET /datasets/<slug>/versions/<label> held": Trial(HELD),
    "POST /datasets/<slug>/versions/<label>/reject": Trial(HELD, WHY),
    "POST /datasets/<slug>/versions/<label>/release": Trial(HELD, WHY),
    "POST /datasets/<slug>/versions/<label>/scan": Trial(HELD),
    "POST /datasets/<slug>/versions/<label>/withdraw": Trial(HELD, WHY),
    "POST /datasets/<slug>/withdraw": Trial(naming(slug=made.dataset), WHY),
    "GET /exports/<uuid:export_id>": Trial(EXPORT),
    "POST /exports/<uuid:export_id>/decision": Trial(EXPORT, _decision),
    "POST /exports/<uuid:export_id>/url": Trial(RELEASED),
    "POST /exports/packages": Trial(body=_under_own_grant),
    "GET /log/tile/<path:rest>": Trial(naming(rest=lambda _house: "0/000.p/1")),
    "GET /log/tile/<path:rest> entries": Trial(naming(rest=lambda _house: "entries/000.p/1")),
    "POST /exports/results": Trial(body=_result),
    "POST /memberships/<uuid:membership_id>/confirm": Trial(naming(membership_id=made.membership)),
    "POST /memberships/<uuid:membership_id>/end": Trial(naming(membership_id=made.membership)),
    "POST /orgs": Trial(body=NEW_ORGANISATION),
    "GET /orgs/<uuid:organisation_id>": Trial(ORGANISATION),
    "GET /orgs/<uuid:organisation_id>/correct": Trial(ORGANISATION),
    "POST /orgs/<uuid:organisation_id>/correct": Trial(ORGANISATION, NEW_ORGANISATION),
    "POST /orgs/<uuid:organisation_id>/join": Trial(ORGANISATION),
    "POST /orgs/<uuid:organisation_id>/reject": Trial(ORGANISATION, WHY),
    "GET /orgs/<uuid:organisation_id>/signatures": Trial(MANAGED),
    "POST /orgs/<uuid:organisation_id>/signatures": Trial(MANAGED, ASKED),
    "POST /orgs/signature-requests/<uuid:request_id>/cancel": Trial(
        naming(request_id=made.signature_request)
    ),
    "POST /orgs/signatures/<uuid:signature_id>/confirm": Trial(UNCONFIRMED),
    "POST /orgs/signatures/<uuid:signature_id>/end": Trial(
        naming(signature_id=made.organisation_signature)
    ),
    "GET /orgs/signatures/<uuid:signature_id>/letter": Trial(
        naming(signature_id=made.organisation_signature)
    ),
    "POST /orgs/<uuid:organisation_id>/suspend": Trial(
        naming(organisation_id=made.verified_organisation), WHY
    ),
    "POST /orgs/<uuid:organisation_id>/verify": Trial(ORGANISATION),
    "GET /policies/person": Trial(query=fixed(account="holder")),
    "GET /policies/releases/<sha256>": Trial(naming(sha256=made.release)),
    "GET /policies/what-if": Trial(query=fixed(account="holder", dataset="voices")),
    "GET /policies/who": Trial(query=fixed(dataset="voices")),
    "GET /policies/<code>": Trial(CODE),
    "POST /policies/<code>": Trial(CODE, _page_signature),
    "GET /policies/<code>/diff": Trial(naming(code=made.agreement_twice)),
    "POST /policies/versions/<uuid:version_id>/announce": Trial(
        naming(version_id=made.agreement), LATER
    ),
    "POST /policies/versions/<uuid:version_id>/call-off": Trial(
        naming(version_id=made.agreement_announced)
    ),
    "POST /policies/versions/<uuid:version_id>/end": Trial(
        naming(version_id=made.agreement_in_force), LATER
    ),
    "POST /policies/versions/<uuid:version_id>/in-force": Trial(naming(version_id=made.agreement)),
    "POST /policies/versions/<uuid:version_id>/withdraw": Trial(
        naming(version_id=made.agreement_in_force)
    ),
    "GET /recover/<token>": Trial(naming(token=made.recovery)),
    "POST /recover/<token>": Trial(
        naming(token=made.recovery), fixed(password=PASSWORD, repeated=PASSWORD)
    ),
    "GET /review/<uuid:item_id>": Trial(ITEM),
    "POST /review/<uuid:item_id>/begin": Trial(ITEM),
    "POST /review/<uuid:item_id>/evidence/<uuid:attestation_id>": Trial(_with_evidence),
    "POST /review/<uuid:item_id>/votes": Trial(ITEM, BALLOT),
    "POST /roles/<uuid:grant_id>/confirm": Trial(naming(grant_id=made.role)),
    "POST /roles/<uuid:grant_id>/end": Trial(naming(grant_id=made.role)),
    "POST /sign-in": Trial(body=_unknown_account),
    "GET /static/<name>": Trial(naming(name=lambda _house: "sumun.css")),
    "POST /api/v1/zone-imports": Trial(body=_parcel),
    "POST /api/v1/zone-imports/<uuid:import_id>/bring-in": Trial(PARCEL, fixed(sha256="ab" * 32)),
    "POST /api/v1/zone-imports/<uuid:import_id>/decision": Trial(PARCEL, CARRIED),
    "POST /api/v1/zone-sessions": Trial(body=_seat),
    "POST /api/v1/zone-sessions/<uuid:session_id>/cancel": Trial(BOOKED),
    "POST /api/v1/zone-sessions/<uuid:session_id>/close": Trial(SEATED),
    "POST /api/v1/zone-sessions/<uuid:session_id>/open": Trial(BOOKED),
    "GET /api/v1/zones/<slug>/day": Trial(ZONE),
    "POST /zone-desk/imports/<uuid:import_id>/bring-in": Trial(PARCEL, fixed(sha256="ab" * 32)),
    "POST /zone-desk/imports/<uuid:import_id>/decision": Trial(PARCEL, CARRIED),
    "POST /zone-desk/sessions/<uuid:session_id>/cancel": Trial(BOOKED),
    "POST /zone-desk/sessions/<uuid:session_id>/close": Trial(SEATED),
    "POST /zone-desk/sessions/<uuid:session_id>/open": Trial(BOOKED),
    "GET /api/v1/tasks/<uuid:task_id>/items/<uuid:item_id>": Trial(made.task_item),
    "POST /api/v1/tasks/<uuid:task_id>/items/<uuid:item_id>/finish": Trial(
        made.task_item, fixed(outcome="done")
    ),
    "POST /api/v1/tasks": Trial(body=_work),
    "POST /api/v1/tasks/<uuid:task_id>/end": Trial(TASK),
    "GET /tasks/<uuid:task_id>/items/<uuid:item_id>": Trial(made.task_item),
    "GET /tasks/<uuid:task_id>/items/<uuid:item_id>/file": Trial(made.task_item),
    "POST /tasks/<uuid:task_id>/items/<uuid:item_id>/finish": Trial(
        made.task_item, fixed(outcome="skipped")
    ),
    "POST /tasks/<uuid:task_id>/end": Trial(TASK),
    "GET /policies/<code> of crowd work": Trial(naming(code=lambda _house: "crowd-work")),
    "GET /api/v1/emergencies/<uuid:emergency_id>": Trial(EMERGENCY),
    "POST /api/v1/emergencies/<uuid:emergency_id>/uses": Trial(EMERGENCY, _stop),
    "POST /api/v1/emergencies/<uuid:emergency_id>/end": Trial(EMERGENCY),
    "POST /api/v1/emergencies/<uuid:emergency_id>/review": Trial(EMERGENCY_OVER, AFTERWARDS),
    "GET /emergency/<uuid:emergency_id>": Trial(EMERGENCY),
    "POST /emergency/<uuid:emergency_id>/uses": Trial(EMERGENCY, _stop),
    "POST /emergency/<uuid:emergency_id>/end": Trial(EMERGENCY),
    "POST /emergency/<uuid:emergency_id>/review": Trial(EMERGENCY_OVER, AFTERWARDS),
    "GET /zones/<slug>": Trial(ZONE),
    "POST /zones/<slug>/bookings": Trial(ZONE, _seat_form),
    "POST /zones/<slug>/imports": Trial(ZONE, _parcel_form),
    "GET /zones/<slug>/files/<dataset>/<label>": Trial(ZONE_VERSION),
    "GET /zones/<slug>/files/<dataset>/<label>/<everything:path>": Trial(ZONE_FILE),
    "POST /zones/sessions/<uuid:session_id>/cancel": Trial(BOOKED),
    "POST /zones/sessions/<uuid:session_id>/leave": Trial(SEATED),
}
DEFAULT = Trial()
