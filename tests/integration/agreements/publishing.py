"""New versions of the world's agreement, and what the one door says of its holder."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from audit.search import Entry as Row
from audit.search import Filters
from gateway.access import service as access
from gateway.access.ask import Ask, Intent
from gateway.agreements import service
from gateway.agreements.models import AgreementVersion
from gateway.agreements.service_signing import Signing, sign
from gateway.identity.models import Person
from gateway.journal import Act, Actor
from gateway.oversight.reading import reading
from gateway.runtime import Runtime
from policies.agreements import AgreementText, load
from policies.terms import NOTICE_DAYS, Change
from policies.vocabulary import Action
from tests.logs import numbered
from tests.people import acting_as
from tests.world import World

CODE = "open-test"
DAY = timedelta(days=1)
SYSTEM = Actor.system()
INTENT = Intent(Act.DOWNLOAD_AUTHORIZED, Act.DOWNLOAD_REFUSED, item="a.txt")


def text(number: int, change: Change, **terms: Any) -> AgreementText:
    """Version `number` of the world's agreement, as its files would say it."""
    real = next(each for each in load() if each.code == "open-research")
    changed = {"notice_days": NOTICE_DAYS[change]} | terms
    said = dataclasses.replace(real.terms, code=CODE, version=number, change=change, **changed)
    digest = hashlib.sha256(repr(said).encode()).hexdigest()
    return dataclasses.replace(real, code=CODE, version=number, terms=said, sha256=digest)


def publish(runtime: Runtime, number: int, change: Change, **terms: Any) -> uuid.UUID:
    """Register a version; it waits as a draft. Returns its id."""
    service.register(runtime, [text(number, change, **terms)])
    return version(runtime, number).id


def bring(runtime: Runtime, number: int, change: Change, **terms: Any) -> uuid.UUID:
    """Register a version and put it in force now."""
    made = publish(runtime, number, change, **terms)
    service.put_in_force(runtime, SYSTEM, made)
    return made


def version(runtime: Runtime, number: int) -> AgreementVersion:
    """A version as stored now."""
    with runtime.db.read() as session:
        found = select(AgreementVersion).where(AgreementVersion.code == CODE)
        return session.scalars(found.where(AgreementVersion.number == number)).one()


def states(runtime: Runtime) -> list[str]:
    """The states of all versions, oldest first."""
    with runtime.db.read() as session:
        return [str(row.state) for row in reversed(service.versions(session, CODE))]


def codes(runtime: Runtime, world: World) -> tuple[str, ...]:
    """Every reason why the holder may not download now; nothing for a yes."""
    ask = Ask(Action.DOWNLOAD, grant_id=world.grant, version_id=world.version)
    _gathered, decision = access.consider(runtime, ask)
    return decision.codes


def download(runtime: Runtime, world: World) -> int:
    """Let the holder download; returns the index of the entry."""
    ask = Ask(Action.DOWNLOAD, grant_id=world.grant, version_id=world.version, request_bytes=1)
    access.authorize(runtime, holder(runtime, world), ask, INTENT)
    return runtime.journal.log.size() - 1


def holder(runtime: Runtime, world: World) -> Actor:
    """The grant's holder, acting."""
    with runtime.db.read() as session:
        return acting_as(session.get_one(Person, world.person))


def sign_version(runtime: Runtime, world: World, number: int) -> None:
    """The holder signs a version."""
    with runtime.db.read() as session:
        person = session.get_one(Person, world.person)
    signing = Signing(version(runtime, number).sha256, person.name, "ko")
    sign(runtime, acting_as(person), signing)


def told(runtime: Runtime, act: Act) -> list[Row]:
    """What the log says of an act, newest first."""
    numbered(runtime)
    with reading(runtime) as opened:
        return opened.log.search(Filters(action=act), limit=50)
