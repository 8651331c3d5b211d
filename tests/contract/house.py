"""A house with somebody in every role, and a fresh object for every request that changes one."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy import delete, select, update

from gateway import ids
from gateway.access.models import Grant
from gateway.agreements import service_requests
from gateway.agreements.models import AgreementState, AgreementVersion, OrganisationAcceptance
from gateway.applications import service_submit
from gateway.applications.models import Choice, ResearchProject
from gateway.applications.service_transaction import transact
from gateway.catalog.models import DatasetVersion, Tier
from gateway.delivery.api import EXTENSION
from gateway.delivery.service import Wanted, issue_item
from gateway.emergency.models import Emergency
from gateway.exports.models import Export, ExportKind, ExportState
from gateway.identity import passwords
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Membership,
    MembershipKind,
    Organisation,
    OrganisationStatus,
    Person,
    Role,
    RoleGrant,
    SessionChannel,
    SignInSession,
)
from gateway.identity.models_factors import Passkey
from gateway.identity.models_federation import LinkedIdentity
from gateway.identity.models_organisations import (
    Invitation,
    OrganisationDocument,
    ProvisioningToken,
)
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.service_clients import NewClient
from gateway.identity.oauth.service_clients import register as register_program
from gateway.identity.oauth.vocabulary import Scope
from gateway.identity.service_invitations import token_of
from gateway.identity.service_passwords import issue_recovery
from gateway.identity.service_sessions import digest
from gateway.journal import Act, Actor, Entry, Outcome
from gateway.oversight import service_exceptions, service_reports, service_reviews
from gateway.oversight.directory import Directory
from gateway.oversight.models import Anomaly, LogReview
from gateway.oversight.reading import reading
from gateway.oversight.service_search import Desk
from gateway.policy import service_releases
from gateway.policy.loading import program_engine
from gateway.runtime import Runtime
from gateway.scanning.model import RULESET, Verdict
from gateway.scanning.models import Scan
from gateway.tasks.models import TaskItem
from gateway.zones import service_zones
from gateway.zones.models import Zone, ZoneImport, ZoneSession
from gateway.zones.service_zones import NewZone
from policies.vocabulary import Sensitivity
from tests import applying, people, working
from tests import world as worlds
from tests.world import YEAR, World

STRANGER, OWNER, WORKER = "stranger", "owner", "crowd.worker"
# Who asks: nobody, somebody unrelated, the owner of the object, one person for each role, and a
# crowd worker, whose account opens nothing but itself, its agreement and its task.
COLUMNS = (
    STRANGER, "applicant", OWNER, "steward", "committee", "auditor", "contractor", "operator",
    WORKER,
)  # fmt: skip
STAFF = {name: Role(name) for name in COLUMNS if name in set(Role)}
COMMITTEE_DATASET = "clinic-images"
OFFICIAL = "홍길순"
REASON = "근거를 확인하고 적은 사유입니다."


@dataclass
class House:
    """The application, its people with their browsers, and how to make what they act on."""

    runtime: Runtime
    app: Flask
    world: World
    people: dict[str, Person]
    browsers: dict[str, FlaskClient] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    bearers: dict[str, dict[str, str]] = field(default_factory=dict)
    # Who else belongs to every organisation that is made, and as what.
    colleagues: dict[str, MembershipKind] = field(default_factory=dict)
    made: int = 0

    @property
    def owner(self) -> Person:
        return self.people[OWNER]

    def enter(self, who: str) -> None:
        """Give `who` a new browser and a new client, signed in unless a stranger."""
        # The owner's passkey is there to be shown and removed, not to sign in with.
        with self.runtime.db.write() as session:
            session.execute(delete(Passkey))
        browser = self.browsers[who] = self.app.test_client()
        self.bearers[who] = {}
        if who != STRANGER:
            people.sign_in(browser, self.people[who])
            self.bearers[who] = people.bearer(
                self.app.test_client(use_cookies=False), self.people[who]
            )
        self.tokens[who] = people.csrf(browser)

    def number(self) -> int:
        """A number that no object of this house has yet."""
        self.made += 1
        return self.made

    def add(self, *rows: Any) -> None:
        """Store rows in their order."""
        with self.runtime.db.write() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def new_id(self) -> uuid.UUID:
        return ids.new(self.runtime.clock)


def build(runtime: Runtime, app: Flask) -> House:
    """Make the people, sign them in, and give the owner a live grant for real files."""
    world = worlds.build(runtime)
    worlds.put_files(runtime, world, {"a.txt": b"first file\n", "b.txt": b"second file\n"})
    hashed = passwords.HASHER.hash(passwords.normal(people.PASSWORD))
    worlds.change(runtime, Person, world.person, password_hash=hashed)
    with runtime.db.read() as session:
        everybody = {OWNER: session.get_one(Person, world.person)}
    for name in COLUMNS:
        if name not in {STRANGER, OWNER, WORKER}:
            everybody[name] = people.person(runtime, f"the.{name}")
    everybody[WORKER] = working.worker(runtime, WORKER)
    for name, role in STAFF.items():
        people.grant(runtime, everybody[name], role)
    for name in ("mate", "professor"):
        people.person(runtime, name)
    applying.add_dataset(runtime, COMMITTEE_DATASET, tier=Tier.COMMITTEE)
    house = House(runtime, app, world, everybody)
    for name in COLUMNS:
        house.enter(name)
    return house


def grant(house: House) -> uuid.UUID:
    """A live grant of the owner for the world's dataset, for a research project of its own."""
    now, world = house.runtime.clock.now(), house.world
    project = ResearchProject(
        id=house.new_id(), owner_id=world.person, organisation_id=world.organisation,
        title="연구과제", purpose="academic_research", plan="계획", created_at=now,
    )  # fmt: skip
    row = Grant(
        id=house.new_id(), person_id=world.person, organisation_id=world.organisation,
        dataset_id=world.dataset, project_id=project.id, purpose="academic_research",
        starts_at=now, ends_at=now + timedelta(days=180), created_at=now,
    )  # fmt: skip
    house.add(project, row)
    return row.id


def suspended_grant(house: House) -> uuid.UUID:
    """The same, suspended."""
    made = grant(house)
    worlds.change(house.runtime, Grant, made, suspended=True)
    return made


def export(house: House, state: ExportState = ExportState.HELD) -> uuid.UUID:
    """A scanned package of the owner."""
    now, world = house.runtime.clock.now(), house.world
    digest = house.runtime.store.put(f"package {house.number()}".encode())
    scan = Scan(
        id=house.new_id(), subject="package.zip", content_sha256=digest, ruleset=RULESET,
        verdict=Verdict.REVIEW, files=1, bytes=10, counts={}, finished_at=now,
    )  # fmt: skip
    row = Export(
        id=house.new_id(), kind=ExportKind.PACKAGE, grant_id=world.grant, person_id=world.person,
        dataset_id=world.dataset, version_id=world.version, patterns=["*"], state=state,
        content_sha256=digest, manifest_sha256=digest, bytes=10, items=1, scan_id=scan.id,
        created_at=now, turn_since=now,
    )  # fmt: skip
    house.add(scan, row)
    return row.id


def released_export(house: House) -> uuid.UUID:
    """A package that may be fetched."""
    return export(house, ExportState.RELEASED)


def draft(house: House) -> uuid.UUID:
    """A saved draft of the owner."""
    return applying.drafted(house.runtime, house.owner, COMMITTEE_DATASET).id


def application(house: House) -> uuid.UUID:
    """An application of the owner that waits for two votes."""
    return applying.submitted(house.runtime, house.owner, COMMITTEE_DATASET).id


def rejected(house: House) -> uuid.UUID:
    """An application of the owner that was decided against."""
    made = application(house)
    item_id = applying.item(house.runtime, made).id
    for name in ("committee.one", "committee.two"):
        applying.vote(house.runtime, _voter(house, name), item_id, Choice.REJECT)
    return made


def _voter(house: House, account: str) -> Person:
    if account not in house.people:
        house.people[account] = people.person(house.runtime, account)
        people.grant(house.runtime, house.people[account], Role.COMMITTEE)
    return house.people[account]


def item(house: House) -> uuid.UUID:
    """The dataset of an application that waits."""
    return applying.item(house.runtime, application(house)).id


def review_evidence(house: House, item_id: uuid.UUID) -> uuid.UUID:
    """Unchecked IRB evidence of the application of `item_id`."""
    with house.runtime.db.read() as session:
        found = session.get_one(applying.ApplicationItem, item_id)
        case = session.get_one(applying.Application, found.application_id)
    new = applying.irb(house.runtime, case.project_id)
    me = people.acting_as(house.owner)
    transact(
        house.runtime,
        lambda s: service_submit.add_evidence(s, house.runtime, me, case.id, new),
    )
    with house.runtime.db.read() as session:
        held = select(Attestation.id).where(Attestation.project_id == case.project_id)
        return session.scalars(held).one()


def attestation(house: House) -> uuid.UUID:
    """A training certificate of the owner that nobody has checked."""
    now = house.runtime.clock.now()
    row = Attestation(
        id=house.new_id(), kind=AttestationKind.TRAINING, person_id=house.world.person,
        issuer="교육기관", reference=f"T-{house.number()}", level=0, valid_from=now,
        valid_until=now + YEAR, created_at=now,
    )  # fmt: skip
    house.add(row)
    return row.id


def approval(house: House) -> uuid.UUID:
    """An approval of the owner that counts."""
    now = house.runtime.clock.now()
    row = Attestation(
        id=house.new_id(), kind=AttestationKind.OVERSEAS_TRANSFER, person_id=house.world.person,
        issuer="기관", reference=f"A-{house.number()}", reason=REASON, valid_from=now,
        valid_until=now + YEAR, checked_by=house.people["steward"].id, checked_at=now,
        created_at=now,
    )  # fmt: skip
    house.add(row)
    return row.id


def verified_organisation(house: House) -> uuid.UUID:
    """A verified organisation that the owner manages."""
    made = organisation(house)
    worlds.change(house.runtime, Organisation, made, status=OrganisationStatus.VERIFIED)
    return made


def task(house: House) -> uuid.UUID:
    """A live task of the crowd worker; the one before is over."""
    return _piece(house).task_id


def _piece(house: House) -> TaskItem:
    world, worker = house.world, house.people[WORKER]
    return working.task(house.runtime, world, worker, house.people["steward"], ["a.txt"])[0]


def task_item(house: House) -> dict[str, Any]:
    """An item of such a task, with the task, as an address names them."""
    item = _piece(house)
    return {"task_id": item.task_id, "item_id": item.id}


def emergency(house: House) -> uuid.UUID:
    """A live emergency of the operator; the one before is over."""
    now, holder = house.runtime.clock.now(), house.people["operator"].id
    row = Emergency(
        id=house.new_id(), person_id=holder, dataset_id=house.world.dataset, reason=REASON * 2,
        minutes=30, opened_at=now, ends_at=now + timedelta(minutes=30),
    )  # fmt: skip
    with house.runtime.db.write() as session:
        live = update(Emergency).where(Emergency.ended_at.is_(None))
        session.execute(live.values(ended_at=now))
    house.add(row)
    return row.id


def emergency_over(house: House) -> uuid.UUID:
    """The same, ended."""
    made, now = emergency(house), house.runtime.clock.now()
    worlds.change(house.runtime, Emergency, made, ended_at=now)
    return made


def program(house: House) -> str:
    """A program of an organisation that the owner manages."""
    owner, place = house.people[OWNER], verified_organisation(house)
    new = NewClient(
        "포털", ClientKind.WEB, AuthMethod.SECRET_BASIC, frozenset({Scope.OPENID}),
        ("https://rp.example.org/cb",),
    )  # fmt: skip
    return register_program(house.runtime, people.acting_as(owner), place, new).client_id


def machine(house: House) -> str:
    """A machine for which the owner is to answer."""
    owner, place = house.people[OWNER], verified_organisation(house)
    key = ECKey.generate_key("P-256").as_dict(private=False)
    new = NewClient(
        "야간 수집기", ClientKind.MACHINE, AuthMethod.PRIVATE_KEY_JWT, frozenset({Scope.READ}),
        responsible_id=owner.id, jwks=json.dumps(key),
    )  # fmt: skip
    return register_program(house.runtime, people.acting_as(owner), place, new).client_id


def organisation(house: House) -> uuid.UUID:
    """An organisation that waits for verification; the owner manages it."""
    now, person = house.runtime.clock.now(), house.world.person
    row = Organisation(
        id=house.new_id(), name=f"기관 {house.number()}", kind="university", country="KR",
        created_by=person, created_at=now,
    )  # fmt: skip
    manager = Membership(
        id=house.new_id(), person_id=person, organisation_id=row.id, started_at=now,
        kind=MembershipKind.MANAGER, confirmed_by=house.world.other,
    )  # fmt: skip
    house.add(row, manager, *(_colleague(house, row.id, name) for name in house.colleagues))
    return row.id


def _colleague(house: House, organisation_id: uuid.UUID, name: str) -> Membership:
    return Membership(
        id=house.new_id(), person_id=house.people[name].id, organisation_id=organisation_id,
        started_at=house.runtime.clock.now(), kind=house.colleagues[name],
        confirmed_by=house.world.person,
    )  # fmt: skip


def invitation(house: House) -> Invitation:
    """An open invitation of the applicant to an organisation that the owner manages."""
    now, address = house.runtime.clock.now(), house.people["applicant"].email
    invitation_id = house.new_id()
    row = Invitation(
        id=invitation_id, organisation_id=verified_organisation(house), email=address,
        mailbox=address, token_sha256=digest(token_of(house.runtime, invitation_id)),
        invited_by=house.world.person, created_at=now, expires_at=now + YEAR,
    )  # fmt: skip
    house.add(row)
    return row


def provisioning_token(house: House) -> uuid.UUID:
    """A provisioning token of an organisation that the owner manages."""
    now = house.runtime.clock.now()
    row = ProvisioningToken(
        id=house.new_id(), organisation_id=verified_organisation(house), label="x",
        token_sha256=f"{house.number():064}", created_by=house.world.person, created_at=now,
        expires_at=now + YEAR,
    )  # fmt: skip
    house.add(row)
    return row.id


def organisation_document(house: House) -> uuid.UUID:
    """A document of an organisation that the owner manages."""
    paper = b"%PDF-1.7 document"
    row = OrganisationDocument(
        id=house.new_id(), organisation_id=organisation(house), title="증명원",
        sha256=house.runtime.store.put(paper), size=len(paper), uploaded_by=house.world.person,
        uploaded_at=house.runtime.clock.now(),
    )  # fmt: skip
    house.add(row)
    return row.id


def membership(house: House) -> uuid.UUID:
    """Somebody's request to belong to an organisation that the owner manages."""
    row = Membership(
        id=house.new_id(), person_id=house.world.other, organisation_id=organisation(house),
        started_at=house.runtime.clock.now(),
    )  # fmt: skip
    house.add(row)
    return row.id


def role(house: House) -> uuid.UUID:
    """A sensitive role that waits for a second operator."""
    first, _second = people.operators(house.runtime)
    now = house.runtime.clock.now()
    row = RoleGrant(
        id=house.new_id(), person_id=house.world.other, role=Role.STEWARD,
        scope=f"scope-{house.number()}", starts_at=now, granted_by=first.id, created_at=now,
    )  # fmt: skip
    house.add(row)
    return row.id


def passkey(house: House) -> uuid.UUID:
    """A passkey of the owner."""
    row = Passkey(
        id=house.new_id(), person_id=house.world.person, public_key=b"key", sign_count=0,
        credential_id=str(house.number()).encode(), name="노트북",
        created_at=house.runtime.clock.now(),
    )  # fmt: skip
    house.add(row)
    return row.id


def browser_session(house: House) -> uuid.UUID:
    """Another session of the owner."""
    now = house.runtime.clock.now()
    row = SignInSession(
        id=house.new_id(), token_sha256=hashlib.sha256(str(house.number()).encode()).hexdigest(),
        person_id=house.world.person, channel=SessionChannel.BROWSER, created_at=now,
        authenticated_at=now, expires_at=now + timedelta(hours=8),
    )  # fmt: skip
    house.add(row)
    return row.id


def signature_request(house: House) -> uuid.UUID:
    """A request of the owner that waits for the signing official of an organisation."""
    asked = service_requests.Asked("open-test", OFFICIAL, "official@example.com")
    organisation_id, me = verified_organisation(house), people.acting_as(house.owner)
    return service_requests.ask(house.runtime, me, organisation_id, asked).id


def signature_link(house: House) -> str:
    """What the address mailed to a signing official names."""
    return service_requests.token_of(house.runtime, signature_request(house))


def organisation_signature(house: House) -> uuid.UUID:
    """A signature of an organisation that the owner manages, with a letter of authority."""
    now, letter = house.runtime.clock.now(), house.runtime.store.put(b"%PDF-1.7 letter")
    row = OrganisationAcceptance(
        id=house.new_id(), organisation_id=verified_organisation(house), code="open-test",
        agreement_version_id=house.world.agreement, sha256="a" * 64, method="mailed_link",
        official_name=OFFICIAL, official_title="대표", letter_sha256=letter, language="ko",
        accepted_at=now, confirmed_at=now, expires_at=now + YEAR,
    )  # fmt: skip
    house.add(row)
    return row.id


def unconfirmed_signature(house: House) -> uuid.UUID:
    """Such a signature, still to be compared with its letter."""
    made = organisation_signature(house)
    worlds.change(house.runtime, OrganisationAcceptance, made, confirmed_at=None)
    return made


def agreement_twice(house: House) -> str:
    """The code of an agreement with two versions."""
    now, code = house.runtime.clock.now(), f"agreement-{house.number()}"
    terms = _terms(house)
    rows = [
        AgreementVersion(
            id=house.new_id(), code=code, number=number, text_ko="본문", text_en="text",
            sha256=hashlib.sha256(f"{code}{number}".encode()).hexdigest(), terms=terms,
            state=AgreementState.DRAFT, created_at=now,
        )
        for number in (1, 2)
    ]  # fmt: skip
    house.add(*rows)
    return code


def agreement_announced(house: House) -> uuid.UUID:
    """A version that was announced."""
    return agreement(house, AgreementState.SHADOW)


def agreement(house: House, state: AgreementState = AgreementState.DRAFT) -> uuid.UUID:
    """A version of an agreement that no dataset asks for."""
    number = house.number()
    row = AgreementVersion(
        id=house.new_id(), code=f"agreement-{number}", number=1, text_ko="본문", text_en="text",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(), terms=_terms(house), state=state,
        created_at=house.runtime.clock.now(),
    )  # fmt: skip
    house.add(row)
    return row.id


def _terms(house: House) -> Any:
    with house.runtime.db.read() as session:
        return session.get_one(AgreementVersion, house.world.agreement).terms


def release(house: House) -> str:
    """The fingerprint of the rules that the program carries, on record."""
    service_releases.sync_program(house.runtime)
    return program_engine().release


def agreement_in_force(house: House) -> uuid.UUID:
    """The same, in force."""
    return agreement(house, AgreementState.IN_FORCE)


def dataset(house: House, state: str = "released", **settings: Any) -> str:
    """The slug of a dataset whose only version, 1.0, is in `state`."""
    now, slug = house.runtime.clock.now(), f"dataset-{house.number()}"
    row = applying.add_dataset(house.runtime, slug, agreement_code="open-test", **settings)
    digest = house.runtime.store.put(slug.encode())
    scan = Scan(
        id=house.new_id(), subject="version", content_sha256=digest, ruleset=RULESET,
        verdict=Verdict.REVIEW, files=1, bytes=10, counts={}, finished_at=now,
    )  # fmt: skip
    version = DatasetVersion(
        id=house.new_id(), dataset_id=row.id, label="1.0", state=state, created_at=now,
        manifest_sha256=digest, scanned_manifest=digest, ruleset=RULESET, scan_id=scan.id,
        index_sha256=_index(house), released_at=now if state == "released" else None,
    )  # fmt: skip
    house.add(scan, version)
    return slug


def _index(house: House) -> str | None:
    with house.runtime.db.read() as session:
        return session.get_one(DatasetVersion, house.world.version).index_sha256


def held_dataset(house: House) -> str:
    """A dataset whose version a scan holds."""
    return dataset(house, "held")


def sensitive_dataset(house: House) -> str:
    """A dataset whose file names are not for strangers."""
    return dataset(house, sensitivity=Sensitivity.SENSITIVE)


def event(house: House) -> int:
    """The index of something that the owner did."""
    act = Entry(people.acting_as(house.owner), Act.DOWNLOAD_AUTHORIZED, Outcome.SUCCESS)
    return house.runtime.journal.append(act)


def anomaly(house: House) -> uuid.UUID:
    """An anomaly that nobody has judged; it belongs to no review of this house."""
    now, number = house.runtime.clock.now(), house.number()
    row = Anomaly(
        id=house.new_id(), key=f"refusals:{number}", rule="refusals", person=None, start_ms=0,
        end_ms=1, last_index=10**9, entries=30, evidence={"events": [], "figures": {"refused": 30}},
        found_at=now, state="open",
    )  # fmt: skip
    house.add(row)
    return row.id


def review_open(house: House) -> uuid.UUID:
    """A review of one download of the owner."""
    now, number = house.runtime.clock.now(), house.number()
    act = Entry(
        people.acting_as(house.owner), Act.DOWNLOAD_AUTHORIZED, dataset="voices",
        ref=f"grant:{house.world.grant}",
    )  # fmt: skip
    index, start = house.runtime.journal.append(act), now - timedelta(days=31 * number)
    row = LogReview(
        id=house.new_id(), start_at=start, end_at=start + timedelta(days=31), zone="Asia/Seoul",
        first_index=index, end_index=index + 1, opened_at=now, due_at=now, state="open",
    )  # fmt: skip
    house.add(row)
    return row.id


def download_key(house: House, review_id: uuid.UUID) -> str:
    """What the download of a review is called in its forms."""
    with reading(house.runtime) as opened:
        return service_reviews.worksheet(opened, review_id).groups[0].key


def review_confirmed(house: House) -> uuid.UUID:
    """A review whose one reason is confirmed."""
    review_id = review_open(house)
    auditor = people.acting_as(house.people["auditor"])
    service_reviews.confirm(house.runtime, auditor, review_id, None)
    return review_id


def review_excepted(house: House) -> uuid.UUID:
    """A review whose one download the auditor marked as an exception."""
    review_id = review_open(house)
    auditor, key = people.acting_as(house.people["auditor"]), download_key(house, review_id)
    service_exceptions.mark_exception(house.runtime, auditor, review_id, key, REASON)
    return review_id


def review_signed(house: House) -> uuid.UUID:
    """A review that was signed."""
    review_id = review_confirmed(house)
    auditor = people.acting_as(house.people["auditor"])
    desk = Desk(house.runtime, Directory(house.runtime.vault), auditor)
    service_reports.sign(desk, review_id, REASON, 1)
    return review_id


def zone(house: House) -> str:
    """The slug of a zone of one seat in which the world's dataset is worked on."""
    slug, operator = f"zone-{house.number()}", Actor.operator()
    new = NewZone(slug, "안심존", "Safe zone", "서울", 1, ["10.20.0.0/24"])
    service_zones.register(house.runtime, operator, new)
    service_zones.assign(house.runtime, operator, slug, "voices")
    return slug


def _zone_id(house: House) -> uuid.UUID:
    slug = zone(house)
    with house.runtime.db.read() as session:
        return session.scalars(select(Zone.id).where(Zone.slug == slug)).one()


def booking(house: House, **changes: Any) -> uuid.UUID:
    """A seat that the owner has booked from now on."""
    now, world = house.runtime.clock.now(), house.world
    settings = {"booked_from": now, "booked_until": now + timedelta(hours=1)} | changes
    row = ZoneSession(
        id=house.new_id(), zone_id=_zone_id(house), grant_id=world.grant, person_id=world.person,
        seat=1, created_at=now, **settings,
    )  # fmt: skip
    house.add(row)
    return row.id


def free_hour(house: House) -> datetime:
    """The beginning of an hour, local time, for which the owner has booked nothing."""
    moment = house.runtime.clock.now() + timedelta(hours=24 + house.number() % 1400)
    return moment.astimezone(house.runtime.settings.zone)


def zone_session(house: House) -> uuid.UUID:
    """The one open session of the owner."""
    now = house.runtime.clock.now()
    with house.runtime.db.write() as session:
        others = update(ZoneSession).where(ZoneSession.ended_at.is_(None))
        session.execute(others.values(ended_at=now, end_reason="closed"))
    return booking(house, opened_at=now, opened_by=house.people["operator"].id)


def zone_import(house: House) -> uuid.UUID:
    """A file that the owner wants to bring in."""
    now, world = house.runtime.clock.now(), house.world
    row = ZoneImport(
        id=house.new_id(), zone_id=_zone_id(house), grant_id=world.grant, person_id=world.person,
        name="model.bin", bytes=1, sha256="ab" * 32, reason=REASON, state="submitted",
        created_at=now,
    )  # fmt: skip
    house.add(row)
    return row.id


def address(house: House) -> str:
    """What a signed address of the owner names after `/d/`."""
    me = people.acting_as(house.owner)
    issued = issue_item(house.app.extensions[EXTENSION], me, Wanted("voices", "a.txt"))
    return issued.url.partition("/d/")[2]


def identity(house: House) -> uuid.UUID:
    """An outside identity of the owner, each of another provider."""
    number, now = house.number(), house.runtime.clock.now()
    row = LinkedIdentity(
        id=house.new_id(), person_id=house.world.person, provider=f"provider-{number}",
        issuer=f"https://{number}.example", subject="1", label="owner", linked_at=now,
    )  # fmt: skip
    house.add(row)
    return row.id


def recovery(house: House) -> str:
    """The token of a recovery address."""
    made = issue_recovery(house.runtime, Actor.operator(), house.world.other)
    return made.token


Maker = Callable[[House], Any]
