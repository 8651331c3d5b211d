"""What is asked at the one door, and what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.journal import Act, Actor
from policies.decision import Decision
from policies.duo import Matching
from policies.facts import ExportFacts, Facts, Review, TaskFacts, ZoneFacts
from policies.vocabulary import Action, Delivery


@dataclass(frozen=True, slots=True)
class Stated:
    """What somebody says they will do: a purpose ("" for none yet), uses, and the study in the
    fields of `policies.duo.Study`; as codes, the way research projects and grants keep them."""

    purpose: str
    uses: tuple[str, ...] = ()
    study: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine client that acts for an organisation. `answered` says that the person in whose
    name it asks is the one who answers for it."""

    organisation_id: uuid.UUID
    answered: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the session or token of this request tells: when a passkey last confirmed the
    person in it (None: never), and the machine that acts in the person's name, if one does."""

    confirmed_at: datetime | None
    machine: Machine | None = None


NEVER = Caller(None)
# No grant is behind these, so none that is held already counts.
WITHOUT_GRANT = frozenset({Action.APPLY, Action.WORK_TASK})


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: may this person do this with this dataset?

    With `grant_id` the person, the dataset and the research project are the grant's own, and
    `person_id`, when given, must be its holder. Without it the best grant of `person_id` for
    `dataset_id` counts (of `project_id` only, when given). `version_id` None stands for the
    newest released version. `epoch`, when given, must still be the grant's: what was issued under
    an older one is dead. `request_bytes` are the bytes about to leave. `review`, `export`,
    `zone` and `task` are facts of higher features.

    `caller` is given wherever the question is whether data is to be had now: health and face data
    then need a passkey that has just confirmed the person, and a machine gets only what its own
    organisation holds and has signed for. None stands for questions that are nobody's at this
    moment: an address, which is a capability that was issued after all that, a job, or whether a
    seat may be booked.

    To apply, or to work on a task, is to ask anew: no grant that is held already counts, nor does
    one for what is `stated` here instead of what the research project says.
    """

    action: Action
    person_id: uuid.UUID | None = None
    grant_id: uuid.UUID | None = None
    dataset_id: uuid.UUID | None = None
    version_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    stated: Stated | None = None
    epoch: int | None = None
    request_bytes: int = 0
    review: Review | None = None
    export: ExportFacts | None = None
    zone: ZoneFacts | None = None
    task: TaskFacts | None = None
    caller: Caller | None = None

    @property
    def machine(self) -> Machine | None:
        """The machine that asks; None for a person."""
        return self.caller.machine if self.caller else None

    @property
    def anew(self) -> bool:
        """Whether the question is about a grant that there is not yet."""
        return self.action in WITHOUT_GRANT or self.stated is not None


@dataclass(frozen=True, slots=True)
class Intent:
    """How the answer is written into the audit log: `allowed` for a yes, `refused` for a no.

    `item` is the path of one file, `ref` another object as `kind:id`; `detail` names no one.
    With `bearer` the request carried an address of the grant's holder, who answers for it and
    stands in the log as the actor.
    """

    allowed: Act = Act.ACCESS_DECIDED
    refused: Act = Act.ACCESS_DECIDED
    item: str | None = None
    ref: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    bearer: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts of one question, with the ids and names that events and pages need.

    `epoch` is the grant's; 0 without a grant. `personal` is the holder's account and name, for
    sealing. `agreement_sha256` is the version in force and `release` the release of the rules in
    force, each None when there is none. `matching` compares the study with the data use terms,
    None while no purpose is stated.
    """

    facts: Facts
    matching: Matching | None
    person_id: uuid.UUID | None
    personal: dict[str, str]
    organisation_id: uuid.UUID | None
    grant_id: uuid.UUID | None
    epoch: int
    quota_bytes: int | None
    dataset_id: uuid.UUID
    dataset: str
    version_id: uuid.UUID | None
    version: str | None
    version_at: datetime | None
    url_ttl_seconds: int
    agreement_sha256: str | None
    release: str | None


@dataclass(frozen=True, slots=True)
class Permit:
    """A yes that is in the audit log. `reserved` bytes of the quota wait to be settled; `event_id`
    is the entry's, for the event that says how it ended."""

    actor: Actor
    ask: Ask
    gathered: Gathered
    decision: Decision
    reserved: int
    event_id: uuid.UUID


def to_use(delivery: str) -> Action:
    """What using a dataset means: to download it, or to read it inside the safe zone."""
    return Action.DOWNLOAD if delivery == Delivery.DOWNLOAD else Action.READ_IN_ZONE
