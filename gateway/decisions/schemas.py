"""Bodies of the AuthZEN Authorization API 1.0, exactly typed.

What the standard does not name is ignored, as it asks; what it names must have its type. Properties
of subject and action, and the context, are accepted and never believed: the gateway gathers every
fact itself.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt

MAX_EVALUATIONS = 100


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Typed(_Body):
    """An entity that is searched for: its type; an id is ignored."""

    type: str
    properties: dict[str, Any] = {}


class Entity(Typed):
    """A subject or a resource."""

    id: str


class Version(_Body):
    """What may be said of a dataset: which version is meant."""

    version: str | None = None


class DatasetEntity(_Body):
    """A resource; `properties.version` names one version of a dataset."""

    type: str
    id: str
    properties: Version = Version()


class ActionEntity(_Body):
    """What shall be done."""

    name: str
    properties: dict[str, Any] = {}


class EvaluationRequest(_Body):
    """May this subject do this with this resource?"""

    subject: Entity
    action: ActionEntity
    resource: DatasetEntity
    context: dict[str, Any] = {}


class Semantic(StrEnum):
    """When to stop answering a list of questions."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


class Options(_Body):
    """How a list of questions is to be answered."""

    evaluations_semantic: Semantic = Semantic.EXECUTE_ALL


class EvaluationsRequest(_Body):
    """Several questions; what stands beside the list holds for each that does not say otherwise."""

    subject: dict[str, Any] = {}
    action: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    context: dict[str, Any] = {}
    evaluations: list[Any] = Field(default=[], max_length=MAX_EVALUATIONS)
    options: Options = Options()


class PageRequest(_Body):
    """Which page of a search; a token takes the page after the one that gave it."""

    token: str = ""
    limit: StrictInt | None = Field(default=None, ge=0)


class SubjectSearch(_Body):
    """Who may do this with this resource?"""

    subject: Typed
    action: ActionEntity
    resource: DatasetEntity
    context: dict[str, Any] = {}
    page: PageRequest = PageRequest()


class ResourceSearch(_Body):
    """With what may this subject do this?"""

    subject: Entity
    action: ActionEntity
    resource: Typed
    context: dict[str, Any] = {}
    page: PageRequest = PageRequest()


class ActionSearch(_Body):
    """What may this subject do with this resource?"""

    subject: Entity
    resource: DatasetEntity
    context: dict[str, Any] = {}
    page: PageRequest = PageRequest()


class EvaluationOut(BaseModel):
    """The decision. `context` holds every reason, the way to a yes, the release and the digest of
    the facts; or `error` where the question could not be answered."""

    model_config = ConfigDict(frozen=True)

    decision: bool
    context: dict[str, Any] = {}


class EvaluationsOut(BaseModel):
    """The decisions in the order of the questions."""

    model_config = ConfigDict(frozen=True)

    evaluations: list[EvaluationOut]


class PageOut(BaseModel):
    """The token of the next page, empty at the end."""

    model_config = ConfigDict(frozen=True)

    next_token: str
    count: int


class EntitiesOut(BaseModel):
    """People or datasets that a search found."""

    model_config = ConfigDict(frozen=True)

    page: PageOut
    results: list[dict[str, str]]


class Metadata(BaseModel):
    """Where the endpoints of this policy decision point are."""

    model_config = ConfigDict(frozen=True)

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str
    search_subject_endpoint: str
    search_resource_endpoint: str
    search_action_endpoint: str
