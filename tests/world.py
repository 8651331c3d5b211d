"""A small world for tests of the one door: a person, a dataset with real files, a live grant."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from flask import Flask

from gateway import ids
from gateway.access.models import Grant
from gateway.agreements.models import (
    Acceptance,
    AgreementState,
    AgreementVersion,
    SignatureMethod,
)
from gateway.applications.models import ResearchProject
from gateway.catalog import manifest_index
from gateway.catalog.items import Item, media_type
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.delivery import wiring as delivery
from gateway.identity import wiring as identity
from gateway.identity.models import (
    Attestation,
    AttestationKind,
    Membership,
    Organisation,
    OrganisationStatus,
    Person,
)
from gateway.keys import Purpose
from gateway.runtime import Runtime
from gateway.scanning.model import RULESET
from gateway.web import setup
from policies import agreements

YEAR = timedelta(days=365)
DIGEST = hashlib.sha256(b"manifest").hexdigest()


@dataclass(frozen=True, slots=True)
class World:
    """The ids of what `build` made."""

    person: uuid.UUID
    other: uuid.UUID
    organisation: uuid.UUID
    membership: uuid.UUID
    dataset: uuid.UUID
    version: uuid.UUID
    agreement: uuid.UUID
    acceptance: uuid.UUID
    project: uuid.UUID
    grant: uuid.UUID


def change(runtime: Runtime, kind: type[Any], row_id: uuid.UUID, **values: Any) -> None:
    """Set columns of one row, as an event of the world outside."""
    with runtime.db.write() as session:
        row = session.get(kind, row_id)
        for name, value in values.items():
            setattr(row, name, value)


def used_bytes(runtime: Runtime, grant_id: uuid.UUID) -> int:
    """What the grant has used of its quota."""
    with runtime.db.read() as session:
        grant = session.get(Grant, grant_id)
        assert grant is not None
        return grant.used_bytes


def person(runtime: Runtime, account: str) -> Person:
    """An active person."""
    now = runtime.clock.now()
    return Person(
        id=ids.new(runtime.clock), account=account, name=f"{account} 이름",
        email=f"{account}@example.org", country="KR", korean_national=True,
        password_hash="x", password_changed_at=now, created_at=now,
    )  # fmt: skip


def evidence(
    runtime: Runtime,
    world: World,
    kind: str,
    project_id: uuid.UUID | None = None,
    level: int = 0,
) -> uuid.UUID:
    """Checked evidence of the world's person, valid for a year."""
    now = runtime.clock.now()
    row = Attestation(
        id=ids.new(runtime.clock), kind=kind, person_id=world.person, project_id=project_id,
        issuer="issuer", reference="1", level=level, valid_from=now, valid_until=now + YEAR,
        checked_by=world.other, checked_at=now, created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add(row)
    return row.id


def terms(**changes: Any) -> dict[str, Any]:
    """The recorded terms of an agreement that allows what a researcher usually does."""
    text = next(text for text in agreements.load() if text.code == "open-research")
    recorded = json.loads(json.dumps(asdict(text.terms)))
    return recorded | {"code": "open-test"} | changes


def build(runtime: Runtime, **dataset: Any) -> World:
    """A person with membership, signature and grant for a released version; all of it live."""
    clock, now = runtime.clock, runtime.clock.now()
    new = lambda: ids.new(clock)  # noqa: E731
    holder, other = person(runtime, "holder"), person(runtime, "other")
    organisation = Organisation(
        id=new(), name="기관", kind="university", country="KR",
        status=OrganisationStatus.VERIFIED, created_by=other.id, created_at=now,
    )  # fmt: skip
    membership = Membership(
        id=new(), person_id=holder.id, organisation_id=organisation.id, confirmed_by=other.id,
        started_at=now,
    )  # fmt: skip
    agreement = AgreementVersion(
        id=new(), code="open-test", number=1, sha256=hashlib.sha256(b"a").hexdigest(),
        text_ko="본문", text_en="text", terms=terms(), state=AgreementState.IN_FORCE,
        created_at=now, in_force_at=now, signed_from=1,
    )  # fmt: skip
    acceptance = Acceptance(
        id=new(), person_id=holder.id, agreement_version_id=agreement.id, code="open-test",
        sha256=agreement.sha256, method=SignatureMethod.TYPED_NAME, typed_name=holder.name,
        language="ko", accepted_at=now, expires_at=now + YEAR,
    )  # fmt: skip
    settings: dict[str, Any] = {
        "slug": "voices", "title_ko": "음성", "title_en": "Voices", "summary_ko": "요약",
        "summary_en": "summary", "modality": "speech", "domain": "language",
        "sensitivity": "open", "delivery": "download", "tier": "steward",
        "agreement_code": "open-test", "duo": [], "declared": [], "created_at": now,
    }  # fmt: skip
    row = Dataset(id=new(), **(settings | dataset))
    version = DatasetVersion(
        id=new(), dataset_id=row.id, label="1.0", state="released", manifest_sha256=DIGEST,
        scanned_manifest=DIGEST, ruleset=RULESET, created_at=now, released_at=now,
    )  # fmt: skip
    project = ResearchProject(
        id=new(), owner_id=holder.id, organisation_id=organisation.id, title="연구과제",
        purpose="academic_research", plan="계획", created_at=now,
    )  # fmt: skip
    grant = Grant(
        id=new(), person_id=holder.id, organisation_id=organisation.id, dataset_id=row.id,
        project_id=project.id, purpose="academic_research", starts_at=now,
        ends_at=now + timedelta(days=180), created_at=now,
    )  # fmt: skip
    with runtime.db.write() as session:
        for each in (holder, other, organisation, membership, agreement, acceptance, row, version):
            session.add(each)
            session.flush()
        session.add(project)
        session.flush()
        session.add(grant)
    made = World(
        holder.id, other.id, organisation.id, membership.id, row.id, version.id, agreement.id,
        acceptance.id, project.id, grant.id,
    )  # fmt: skip
    evidence(runtime, made, AttestationKind.IDENTITY, level=2)
    return made


def put_files(runtime: Runtime, world: World, files: dict[str, bytes]) -> None:
    """Give the world's version real objects and the index that look-ups read."""
    items = [
        Item(path, runtime.store.put(data), len(data), media_type(path))
        for path, data in sorted(files.items())
    ]
    target = runtime.settings.home / "index.tmp"
    manifest_index.build(target, items)
    digest = runtime.store.put(target.read_bytes())
    target.unlink()
    change(runtime, DatasetVersion, world.version, index_sha256=digest)


def small_app(runtime: Runtime, *features: Any) -> Flask:
    """An application with identity, delivery and the given features' wirings, nothing above."""
    app = Flask("gateway", static_folder=None)
    app.secret_key = runtime.keys.current(Purpose.SESSION).material
    app.extensions["sumun"] = runtime
    setup.install(app, runtime.settings, runtime.clock)
    for feature in (identity, *features, delivery):
        feature.install(app, runtime)
    app.testing = True
    return app
