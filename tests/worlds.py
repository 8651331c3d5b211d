"""A town for the browser: every page has something to show, and everyone has a part in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from gateway import ids
from gateway.access import grants
from gateway.access.models import Grant
from gateway.agreements import service as agreements
from gateway.agreements import (
    service_confirm,
    service_official,
    service_requests,
    service_schedule,
    service_signing,
)
from gateway.agreements.models import AgreementState, AgreementVersion
from gateway.agreements.service_official import Capacity, OfficialSigning
from gateway.agreements.service_signing import Signing
from gateway.applications import service_approvals
from gateway.applications.models import Choice
from gateway.applications.service_approvals import Wanted
from gateway.applications.service_submit import add_evidence
from gateway.applications.service_transaction import transact
from gateway.catalog import service as catalog
from gateway.catalog.schemas import ProjectSpec
from gateway.clock import FixedClock
from gateway.exports.jobs_scan import assemble
from gateway.exports.models import Export
from gateway.exports.service import PACKAGE_JOB, PackageWanted, request_package
from gateway.exports.service_decision import Verdicts, decide
from gateway.identity import service_attestations, service_memberships, service_organisations
from gateway.identity.models import (
    AttestationKind,
    Membership,
    MembershipKind,
    OrganisationKind,
    Person,
    Role,
)
from gateway.identity.service_attestations import NewAttestation
from gateway.identity.service_organisations import NewOrganisation
from gateway.identity.service_roles import NewRole, grant_role
from gateway.jobs.worker import Worker
from gateway.journal import Act, Actor, Entry, Journal, Outcome
from gateway.oversight import service_reports, service_reviews, watch
from gateway.oversight.directory import Directory
from gateway.oversight.models import Anomaly, LogReview
from gateway.oversight.reading import reading
from gateway.oversight.service_search import Desk
from gateway.policy import service_releases
from gateway.runtime import Runtime
from policies import rules
from policies.vocabulary import Approval
from tests import applying, deliveries, people, zoned
from tests.people import acting_as

# Account, name, staff role.
PEOPLE: tuple[tuple[str, str, Role | None], ...] = (
    ("steward", "윤서연", Role.STEWARD),
    ("steward2", "최가온", Role.STEWARD),
    ("committee1", "조은우", Role.COMMITTEE),
    ("committee2", "임수아", Role.COMMITTEE),
    ("auditor", "강민재", Role.AUDITOR),
    ("contractor", "오시우", Role.CONTRACTOR),
    ("researcher", "김하늘", None),
    ("mate", "이보람", None),
    ("professor", "박선우", None),
    ("company", "정새벽", None),
    ("newcomer", "한누리", None),
)
LETTERS, VOICES, IMAGES, PROMISED = "letters", "voices", "clinic-images", "promised"
BUSINESS_NUMBER = "3128201233"
OFFICIAL = "장새날"
FILES = {f"편지/{number:02d}.txt": f"{number}번째 편지입니다.\n" for number in range(1, 31)}
OUTSTANDING = {"받은 편지/전화.txt": "다시 걸어 주십시오.\n", "받은 편지/목록.bin": b"\x00\x01"}


@dataclass(slots=True)
class Town:
    """The people by account, and the ids of what pages show."""

    people: dict[str, Person]
    paths: dict[str, str] = field(default_factory=dict)

    def actor(self, account: str) -> Any:
        """This person acting through a browser."""
        return acting_as(self.people[account])


def build(runtime: Runtime, folder: Path) -> Town:
    """The whole town; `folder` takes the files of the deliveries."""
    agreements.sync_files(runtime)
    town = Town({account: _person(runtime, account, name) for account, name, _ in PEOPLE})
    for account, _name, role in PEOPLE:
        if role:
            people.grant(runtime, town.people[account], role)
    _waiting_role(runtime, town)
    _organisations(runtime, town)
    _evidence(runtime, town)
    _catalogue(runtime, folder)
    _applications(runtime, town)
    _signatures(runtime, town)
    _official(runtime, town)
    _announced(runtime)
    _grants(runtime, town)
    _exports(runtime, town)
    zoned.build(runtime, folder)
    _history(runtime, town)
    _rules(runtime, town)
    return town


def _rules(runtime: Runtime, town: Town) -> None:
    """The rules of the program, and a release of an operator that says one of them otherwise."""
    service_releases.sync_program(runtime)
    person = "10-person.cedar"
    reworded = rules.texts()[person].replace("You are suspended.", "You were suspended.")
    draft = service_releases.propose(
        runtime, Actor.operator(), rules.texts() | {person: reworded}, "Reworded."
    )
    town.paths["rules"] = f"/policies/releases/{draft.sha256}"


def _person(runtime: Runtime, account: str, name: str) -> Person:
    return people.make_person(runtime, account, name=name)


def _waiting_role(runtime: Runtime, town: Town) -> None:
    first, _second = people.operators(runtime)
    new = NewRole(town.people["newcomer"].id, Role.AUDITOR, "*")
    grant_role(runtime, acting_as(first), new)


def _organisations(runtime: Runtime, town: Town) -> None:
    university = NewOrganisation("한빛대학교", OrganisationKind.UNIVERSITY, "KR", "1208147521")
    company = NewOrganisation("새벽데이터", OrganisationKind.COMPANY, "KR", "2208162517")
    institute = NewOrganisation("푸른연구원", OrganisationKind.INSTITUTE, "KR", BUSINESS_NUMBER)
    steward = town.actor("steward")
    for key, new, manager in (
        ("university", university, "professor"),
        ("company", company, "company"),
        ("institute", institute, "newcomer"),
    ):
        made = service_organisations.register(runtime, town.actor(manager), new)
        town.paths[key] = f"/orgs/{made.id}"
        if key != "institute":
            service_organisations.verify(runtime, steward, made.id, "등록증을 확인했습니다.")
            _confirm(runtime, town, manager, steward)
    university_id = uuid.UUID(town.paths["university"].rpartition("/")[2])
    for account in ("researcher", "mate"):
        service_memberships.request_membership(
            runtime, town.actor(account), university_id, MembershipKind.MEMBER
        )
    _confirm(runtime, town, "researcher", town.actor("professor"))


def _confirm(runtime: Runtime, town: Town, account: str, by: Any) -> None:
    person_id = town.people[account].id
    with runtime.db.read() as session:
        waiting = select(Membership.id).where(
            Membership.person_id == person_id, Membership.confirmed_by.is_(None)
        )
        found = list(session.scalars(waiting))
    for membership_id in found:
        service_memberships.confirm_membership(runtime, by, membership_id)


def _evidence(runtime: Runtime, town: Town) -> None:
    for account, kind, checked in (
        ("researcher", AttestationKind.TRAINING, True),
        ("mate", AttestationKind.TRAINING, False),
    ):
        now = runtime.clock.now()
        new = NewAttestation(
            kind, "한국데이터교육원", "제2026-17호", now, now + timedelta(days=300)
        )
        made = service_attestations.add_attestation(runtime, town.actor(account), new)
        if checked:
            service_attestations.check_attestation(runtime, town.actor("steward"), made.id)


def _catalogue(runtime: Runtime, folder: Path) -> None:
    project = ProjectSpec(
        number="2026-T-003", year=2026, call="free", title_ko="한국어 편지 구축",
        title_en="Korean letters", consortium=("새벽데이터", "한빛대학교"),
    )  # fmt: skip
    catalog.register_project(runtime, deliveries.OPERATOR, project)
    deliveries.dataset(
        runtime, LETTERS, project="2026-T-003", tier="instant", sensitivity="open",
        duo=("DUO:0000042",), declared=("EMAIL_ADDRESS",), quota_bytes=10_000_000, typical_days=0,
    )  # fmt: skip
    deliveries.opened(runtime, deliveries.folder(folder / "v1", FILES), slug=LETTERS)
    deliveries.delivered(runtime, deliveries.folder(folder / "v2", OUTSTANDING), "v2", LETTERS)
    deliveries.scanned(runtime, {"받은 편지/전화.txt": ("KR_PHONE_NUMBER", "PERSON"),
                                 "받은 편지/목록.bin": ("UNSCANNABLE",)})  # fmt: skip
    deliveries.dataset(
        runtime, VOICES, title_ko="고령자 음성", title_en="Voices of older people",
        modality="speech", organisation_required=True,
    )  # fmt: skip
    deliveries.opened(runtime, deliveries.folder(folder / "voices", FILES), slug=VOICES)
    deliveries.dataset(
        runtime, IMAGES, title_ko="진료 영상", title_en="Clinic images", modality="medical_image",
        domain="health", sensitivity="sensitive", tier="committee", agreement_code="health",
        duo=("DUO:0000006", "DUO:0000018"), irb_required=True, training_required=True,
        identity_level=2, organisation_required=True,
    )  # fmt: skip
    deliveries.opened(runtime, deliveries.folder(folder / "images", FILES), slug=IMAGES)
    deliveries.dataset(runtime, PROMISED, title_ko="준비 중인 데이터", title_en="Data to come")


def poems(runtime: Runtime, folder: Path, slug: str) -> None:
    """One more dataset, which the committee opens to anyone who signs."""
    deliveries.dataset(runtime, slug, tier="committee", sensitivity="open", title_ko="창작 시")
    deliveries.opened(runtime, deliveries.folder(folder, FILES), slug=slug)


def _applications(runtime: Runtime, town: Town) -> None:
    mine = partial(applying.submitted, runtime, town.people["researcher"], supervisor="professor")
    steward, judge = town.people["steward"], partial(applying.vote, runtime)
    instant = mine(LETTERS, title="편지글의 높임말 연구", team=())
    town.paths["approved"] = f"/applications/{instant.id}"
    waiting = mine(VOICES, title="억양 인식 연구")
    town.paths["waiting"] = f"/applications/{waiting.id}"
    town.paths["review"] = f"/review/{applying.item(runtime, waiting.id).id}"
    _approval(runtime, town, waiting.number)
    back = mine(VOICES, title="사투리 인식 연구")
    judge(steward, applying.item(runtime, back.id).id, Choice.RETURN)
    town.paths["returned"] = f"/applications/{back.id}"
    town.paths["edit"] = f"/applications/{back.id}/edit"
    no = mine(VOICES, title="목소리 복제 연구")
    judge(steward, applying.item(runtime, no.id).id, Choice.REJECT)
    yes = applying.submitted(runtime, town.people["company"], VOICES, supervisor="", team=())
    judge(steward, applying.item(runtime, yes.id).id, Choice.APPROVE)
    study = {"kinds": ["health"], "non_commercial": True, "non_profit_organisation": True}
    images = mine(IMAGES, title="진료 영상 판독 연구", study=study)
    item = applying.item(runtime, images.id)
    evidence = applying.irb(runtime, images.project_id)
    actor = town.actor("researcher")
    transact(runtime, lambda s: add_evidence(s, runtime, actor, images.id, evidence))
    judge(town.people["committee1"], item.id, Choice.APPROVE)
    town.paths["committee"] = f"/review/{item.id}"
    draft = applying.drafted(runtime, town.people["researcher"], VOICES, title="아직 쓰는 중")
    town.paths["draft"] = f"/applications/{draft.id}/edit"


def _approval(runtime: Runtime, town: Town, number: str) -> None:
    """What lets the researcher's project use a cloud abroad."""
    now, by = runtime.clock.now(), town.actor("steward")
    wanted = Wanted(
        Approval.OVERSEAS_TRANSFER, "researcher", number, "한빛대학교 산학협력단", "제2026-3호",
        now, now + timedelta(days=90), "국외 클라우드의 보호 조치를 확인했습니다.",
    )  # fmt: skip
    transact(runtime, lambda s: service_approvals.register(s, runtime, by, wanted))


def _signatures(runtime: Runtime, town: Town) -> None:
    with runtime.db.read() as session:
        version = agreements.in_force(session, "open-research")
        assert version is not None
    researcher = town.people["researcher"]
    signing = Signing(version.sha256, researcher.name, "ko")
    service_signing.sign(runtime, acting_as(researcher), signing)


def _official(runtime: Runtime, town: Town) -> None:
    """The company's signing official has signed one agreement and is asked to sign another."""
    company, me = uuid.UUID(town.paths["company"].rpartition("/")[2]), town.actor("company")
    for code in ("company", "faces"):
        asked = service_requests.Asked(code, OFFICIAL, "official@example.com")
        request = service_requests.ask(runtime, me, company, asked)
        town.paths["signing"] = f"/agreements/sign/{service_requests.token_of(runtime, request.id)}"
        if code == "company":
            signature = _signs(runtime, request.id, code)
            service_confirm.confirm(runtime, town.actor("steward"), signature)
    for page in ("documents", "invitations", "programs", "provisioning", "seats", "signatures"):
        town.paths[f"company_{page}"] = f"/orgs/{company}/{page}"


def _signs(runtime: Runtime, request_id: uuid.UUID, code: str) -> uuid.UUID:
    with runtime.db.read() as session:
        version = agreements.in_force(session, code)
        assert version is not None
    letter, right = b"%PDF-1.7 letter of authority", Capacity.AUTHORISED
    signing = OfficialSigning(version.sha256, OFFICIAL, "대표이사", right, "ko", letter)
    token = service_requests.token_of(runtime, request_id)
    return service_official.sign(runtime, people.visitor(), token, signing).id


def _announced(runtime: Runtime) -> None:
    """The next version of an agreement, announced: one clause and one term differ."""
    with runtime.db.read() as session:
        first = agreements.in_force(session, "open-research")
        assert first is not None
    terms = {"version": 2, "change": "material", "notice_days": 7, "destruction_days": 7}
    row = AgreementVersion(
        id=ids.new(runtime.clock), code=first.code, number=2, sha256="2" * 64,
        text_ko=first.text_ko.replace("14일", "7일"), state=AgreementState.DRAFT,
        text_en=first.text_en.replace("14 days", "7 days"), terms=first.terms | terms,
        created_at=runtime.clock.now(),
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    planned = runtime.clock.now() + timedelta(days=20)
    service_schedule.announce(runtime, Actor.system(), row.id, planned)


def _grants(runtime: Runtime, town: Town) -> None:
    live, other = _grant_of(runtime, town, "researcher"), _grant_of(runtime, town, "company")
    town.paths["grant"] = f"/access/grant/{live}"
    grants.suspend(runtime, town.actor("steward"), other, "연구과제 변경을 확인합니다.")
    town.paths["suspended"] = f"/access/grant/{other}"


def _grant_of(runtime: Runtime, town: Town, account: str) -> uuid.UUID:
    with runtime.db.read() as session:
        wanted = select(Grant.id).where(Grant.person_id == town.people[account].id)
        return session.scalars(wanted).one()


def _exports(runtime: Runtime, town: Town) -> None:
    grant_id = _grant_of(runtime, town, "researcher")
    ask = partial(_package, runtime, town, grant_id)
    town.paths["released"] = f"/exports/{ask('깨끗한 묶음')}"
    town.paths["held"] = f"/exports/{ask('전화번호가 있는 묶음', 'KR_PHONE_NUMBER', 'PERSON')}"
    refused = ask("내보낼 수 없는 묶음", "KR_RRN")
    town.paths["refused"] = f"/exports/{refused}"
    with runtime.db.read() as session:
        digest = session.get_one(Export, refused).content_sha256
    assert digest is not None
    no = Verdicts(False, "주민등록번호가 있어 내보낼 수 없습니다.", digest)
    decide(runtime, town.actor("steward"), refused, no)


def _package(
    runtime: Runtime, town: Town, grant_id: uuid.UUID, title: str, *found: str
) -> uuid.UUID:
    wanted = PackageWanted(grant_id, ("편지/0*.txt",), title=title)
    export_id = request_package(runtime, town.actor("researcher"), wanted)
    pack(runtime, found)
    return export_id


def pack(runtime: Runtime, found: tuple[str, ...] = ()) -> None:
    """Put every waiting package together; its scan finds the types of `found`."""
    scanner: Callable[[], Any] = lambda: deliveries.FakeScanner({"package.zip": found})  # noqa: E731
    handlers = {PACKAGE_JOB: partial(assemble, runtime, open_scanner=scanner)}
    Worker(runtime.db, runtime.clock, handlers).drain()


def _history(runtime: Runtime, town: Town) -> None:
    """Accesses of the last weeks, what the rules find in them, and a review to work on."""
    now = runtime.clock.now()
    grant_id = _grant_of(runtime, town, "researcher")
    for number in range(160):
        at = now - timedelta(days=40 - number // 4, hours=(number * 7) % 24)
        _access(runtime, town, at, number, f"grant:{grant_id}")
    watch.look(runtime)
    with runtime.db.read() as session:
        anomaly = session.scalars(select(Anomaly).order_by(Anomaly.id).limit(1)).one()
    town.paths["anomaly"] = f"/audit/anomalies/{anomaly.id}"
    waiting = _review(runtime, now, 0, runtime.journal.log.size())
    with reading(runtime) as opened:
        key = service_reviews.worksheet(opened, waiting.id).groups[0].key
    town.paths["log_review"] = f"/audit/reviews/{waiting.id}"
    town.paths["log_exception"] = f"/audit/reviews/{waiting.id}/exception?{urlencode({'key': key})}"
    town.paths["log_signed"] = f"/audit/reviews/{_signed(runtime, town, now)}"


def _signed(runtime: Runtime, town: Town, now: datetime) -> uuid.UUID:
    """A review without downloads or anomalies, signed."""
    review = _review(runtime, now - timedelta(days=60), 0, 0)
    desk = Desk(runtime, Directory(runtime.vault), town.actor("auditor"))
    service_reports.sign(desk, review.id, "접속기록을 모두 확인했습니다.", 0)
    return review.id


def _review(runtime: Runtime, now: datetime, first: int, end: int) -> LogReview:
    """A review of a range; by itself it would open next month."""
    review = LogReview(
        id=ids.new(runtime.clock), start_at=now - timedelta(days=30), end_at=now,
        zone="Asia/Seoul", first_index=first, end_index=end, opened_at=now,
        due_at=now - timedelta(days=1), state="open",
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(review)
    return review


def _access(runtime: Runtime, town: Town, at: datetime, number: int, ref: str) -> None:
    """One access at a moment of the past, every seventh of them refused."""
    refused = number % 7 == 0
    past = Journal(runtime.journal.log, FixedClock(at))
    person = town.people["researcher" if number % 3 else "mate"]
    past.append(
        Entry(
            acting_as(person),
            Act.DOWNLOAD_REFUSED if refused else Act.DOWNLOAD_AUTHORIZED,
            Outcome.DENY if refused else Outcome.SUCCESS,
            dataset=LETTERS if number % 2 else VOICES,
            version="v1",
            item=f"편지/{number % 30 + 1:02d}.txt",
            ref=ref if number % 5 else None,
            reason="GRANT_MISSING" if refused else None,
            detail={"length": 20, "first": 0, "status": 200},
        )
    )
