"""One researcher's world made through the services, and an oracle that decides without them."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy import select

from gateway import ids
from gateway.access import grants
from gateway.access.models import Grant
from gateway.agreements import service as agreements
from gateway.agreements.models import AgreementState, AgreementVersion
from gateway.agreements.service_signing import Signing, sign
from gateway.applications.models import Choice
from gateway.catalog import manifest_index
from gateway.catalog.items import Item, media_type
from gateway.catalog.models import Dataset, DatasetVersion
from gateway.clock import FixedClock
from gateway.delivery.api import EXTENSION
from gateway.delivery.gate import Gate
from gateway.delivery.service import Wanted, issue_item
from gateway.exports.jobs_scan import assemble
from gateway.exports.models import Export
from gateway.exports.service import PACKAGE_JOB, PackageWanted, request_package
from gateway.exports.service_fetch import issue_address
from gateway.identity.models import Membership, Organisation, OrganisationStatus, Role, RoleGrant
from gateway.jobs.worker import Worker
from gateway.runtime import Runtime
from gateway.scanning.model import RULESET
from policies import agreements as files
from tests import applying, people
from tests.deliveries import FakeScanner

DATA = {"a.txt": b"first file " * 50, "b.txt": b"second file " * 80}
GRANT_DAYS, SIGNED_DAYS = 10, 6
TTL = timedelta(seconds=3600)
COUNT = itertools.count()


@dataclass(slots=True)
class Held:
    """What the oracle remembers of a grant."""

    id: uuid.UUID
    ends_at: datetime
    ended: bool = False
    suspended: bool = False
    epoch: int = 0


@dataclass(slots=True)
class Url:
    """An address, and what the oracle remembers of the moment it was issued."""

    target: str
    grant: Held
    epoch: int
    expires_at: datetime
    version: str
    item: str
    content: bytes | None
    export: uuid.UUID | None = None


@dataclass(slots=True)
class Stage:
    """A researcher, a steward, one dataset and its agreement; all changes go through services."""

    runtime: Runtime
    app: Flask
    clock: FixedClock
    slug: str = field(default_factory=lambda: f"set-{next(COUNT)}")
    holder: Any = None
    steward: Any = None
    organisation: uuid.UUID | None = None
    membership: uuid.UUID | None = None
    dataset: uuid.UUID | None = None
    in_force: int = 0
    signed: tuple[int, datetime] | None = None
    active: bool = True
    member: bool = True
    withdrawn: bool = False
    versions: dict[str, bool] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    urls: list[Url] = field(default_factory=list)

    def build(self) -> Stage:
        """Make everything; nothing is signed or granted yet."""
        self.holder = people.make_person(self.runtime, f"{self.slug}.holder")
        self.steward = people.person(self.runtime, "steward.of.all")
        for account in ("professor", "mate"):
            people.person(self.runtime, account)
        if not self._has_role():
            people.grant(self.runtime, self.steward, Role.STEWARD)
        self._found_organisation()
        self.dataset = applying.add_dataset(
            self.runtime,
            self.slug,
            agreement_code=self.slug,
            sensitivity="open",
            grant_days=GRANT_DAYS,
        ).id
        self.supersede()
        self.deliver()
        return self

    def joined(self) -> Stage:
        """Another researcher who has signed for the same dataset and holds a grant."""
        holder = people.make_person(self.runtime, f"{self.slug}.holder.{next(COUNT)}")
        other = replace(self, holder=holder, signed=None, held=[], urls=[])
        other._found_organisation()
        other.sign()
        other.apply_and_approve()
        return other

    @property
    def me(self) -> Any:
        return people.acting_as(self.holder)

    @property
    def decider(self) -> Any:
        return people.acting_as(self.steward)

    @property
    def gate(self) -> Gate:
        found: Gate = self.app.extensions[EXTENSION]
        return found

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def supersede(self) -> None:
        """Put the next version of the agreement in force."""
        self.in_force += 1
        terms = asdict(files.load()[0].terms) | {"acceptance_valid_days": SIGNED_DAYS}
        row = AgreementVersion(
            id=self._id(), code=self.slug, number=self.in_force, sha256=self._hash(self.in_force),
            text_ko="본문", text_en="text", terms=terms | {"signature": "personal"},
            state=AgreementState.DRAFT, created_at=self.now,
        )  # fmt: skip
        self._add(row)
        agreements.put_in_force(self.runtime, self.decider, row.id)

    def sign(self) -> None:
        """Sign what is in force."""
        signing = Signing(self._hash(self.in_force), self.holder.name, "ko")
        acceptance = sign(self.runtime, self.me, signing)
        self.signed = (self.in_force, acceptance.expires_at)

    def deliver(self, files: Mapping[str, bytes] = DATA) -> None:
        """Release the next version, with the same two files or with others."""
        label = f"{len(self.versions) + 1}.0"
        digest = hashlib.sha256(f"{self.slug}{label}".encode()).hexdigest()
        items = [
            Item(path, self.runtime.store.put(data), len(data), media_type(path))
            for path, data in sorted(files.items())
        ]
        target = self.runtime.settings.home / f"{self.slug}.index"
        manifest_index.build(target, items)
        index = self.runtime.store.put(target.read_bytes())
        target.unlink()
        row = DatasetVersion(
            id=self._id(), dataset_id=self.dataset, label=label, state="released",
            manifest_sha256=digest, scanned_manifest=digest, ruleset=RULESET, index_sha256=index,
            items=len(items), created_at=self.now, released_at=self.now,
        )  # fmt: skip
        self._add(row)
        self.versions[label] = True

    def apply_and_approve(self) -> None:
        """Apply for a new research project and have it approved."""
        made = applying.submitted(
            self.runtime, self.holder, self.slug, organisation_id=self.organisation
        )
        item = applying.item(self.runtime, made.id)
        applying.vote(self.runtime, self.steward, item.id, Choice.APPROVE)
        granted = applying.item(self.runtime, made.id).grant_id
        with self.runtime.db.read() as session:
            row = session.get_one(Grant, granted)
        self.held.append(Held(row.id, row.ends_at, epoch=row.epoch))

    def revoke(self, held: Held) -> None:
        grants.revoke(self.runtime, self.decider, held.id, applying.REASON)
        held.ended, held.epoch = True, held.epoch + 1

    def suspend(self, held: Held) -> None:
        grants.suspend(self.runtime, self.decider, held.id, applying.REASON)
        held.suspended, held.epoch = True, held.epoch + 1

    def resume(self, held: Held) -> None:
        grants.resume(self.runtime, self.decider, held.id)
        held.suspended = False

    def issue(self, held: Held, label: str, path: str) -> None:
        """A signed address for one file. Raises Problem."""
        wanted = Wanted(self.slug, path, label, held.id)
        issued = issue_item(self.gate, self.me, wanted)
        target = issued.url.removeprefix(self.runtime.settings.public_url)
        self.urls.append(
            Url(target, held, held.epoch, issued.expires_at, label, path, DATA.get(path))
        )

    def package(self, held: Held, label: str, pattern: str = "*") -> uuid.UUID:
        """Ask for a package and let the worker finish it. Raises Problem."""
        wanted = PackageWanted(held.id, (pattern,), label)
        made = request_package(self.runtime, self.me, wanted)
        self.work()
        return made

    def work(self) -> None:
        """Run every due job."""
        scanner = lambda: FakeScanner({})  # noqa: E731
        handlers = {
            PACKAGE_JOB: partial(assemble, self.runtime, open_scanner=scanner),
            grants.EXPIRE_JOB: partial(grants.expire, self.runtime),
        }
        Worker(self.runtime.db, self.runtime.clock, handlers).drain()

    def issue_export(self, held: Held, label: str, export_id: uuid.UUID) -> None:
        """A signed address for a released package. Raises Problem."""
        found = issue_address(self.gate, self.me, export_id)
        target = found.url.removeprefix(self.runtime.settings.public_url)
        self.urls.append(
            Url(target, held, held.epoch, found.expires_at, label, found.name, None, export_id)
        )

    def usable(self, held: Held, label: str) -> bool:
        """The oracle: whether the holder may take something of this version under this grant."""
        signed = self.signed is not None and self.signed[0] == self.in_force
        live = not held.ended and not held.suspended and self.now < held.ends_at
        person = self.active and self.member
        return bool(
            signed
            and self.signed
            and self.now < self.signed[1]
            and live
            and person
            and self.versions[label]
            and not self.withdrawn
        )

    def opens(self, url: Url) -> bool:
        """The oracle: whether this address gives bytes now."""
        fresh = self.now < url.expires_at and url.epoch == url.grant.epoch
        return fresh and self.usable(url.grant, url.version)

    def export(self, export_id: uuid.UUID) -> Export:
        with self.runtime.db.read() as session:
            return session.get_one(Export, export_id)

    def version_row(self, label: str) -> DatasetVersion:
        with self.runtime.db.read() as session:
            return session.scalars(
                select(DatasetVersion)
                .join(Dataset, Dataset.id == DatasetVersion.dataset_id)
                .where(Dataset.slug == self.slug, DatasetVersion.label == label)
            ).one()

    def _has_role(self) -> bool:
        with self.runtime.db.read() as session:
            held = select(RoleGrant.id).where(RoleGrant.person_id == self.steward.id)
            return session.scalar(held) is not None

    def _found_organisation(self) -> None:
        row = Organisation(
            id=self._id(), name="기관", kind="university", country="KR", created_at=self.now,
            status=OrganisationStatus.VERIFIED, created_by=self.steward.id,
        )  # fmt: skip
        member = Membership(
            id=self._id(), person_id=self.holder.id, organisation_id=row.id,
            confirmed_by=self.steward.id, started_at=self.now,
        )  # fmt: skip
        self._add(row, member)
        self.organisation, self.membership = row.id, member.id

    def _hash(self, number: int) -> str:
        return hashlib.sha256(f"{self.slug}/v{number}".encode()).hexdigest()

    def _id(self) -> uuid.UUID:
        return ids.new(self.clock)

    def _add(self, *rows: Any) -> None:
        with self.runtime.db.write() as session:
            for row in rows:
                session.add(row)
                session.flush()
