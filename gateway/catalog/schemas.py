"""What people and files hand in about the catalogue, parsed strictly."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from gateway.catalog.models import Call, Tier
from gateway.scanning.model import UNSCANNABLE
from policies import duo
from policies.vocabulary import Content, Delivery, Modality, Sensitivity

MAX_TERABYTES = 1 << 53
ENTITY_TYPE = re.compile("[A-Z][A-Z0-9_]{1,39}")


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _plain(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text.replace("\n", "")):
        raise ValueError("control characters are not allowed")
    return text


Text = Annotated[
    str, StringConstraints(strip_whitespace=True), AfterValidator(_nfc), AfterValidator(_plain)
]
Title = Annotated[Text, Field(min_length=1, max_length=200)]
Prose = Annotated[Text, Field(min_length=1, max_length=4000)]
Reason = Annotated[Text, Field(min_length=10, max_length=2000)]
Slug = Annotated[str, Field(min_length=2, max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Label = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Days = Annotated[int, Field(ge=1, le=3650)]


class Strict(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProjectSpec(Strict):
    """A construction project as its file describes it."""

    number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    year: Annotated[int, Field(ge=2010, le=2100)]
    call: Call
    title_ko: Title
    title_en: Title
    consortium: tuple[Title, ...] = ()


class DatasetSpec(Strict):
    """A dataset as its file describes it: everything that decides who may use it and how.

    `content` is what it shows where rules of its own apply; `originals` are recordings before
    masking, `pseudonymised` data falls under PIPA 28-2. `duo` are data use terms such as
    `DUO:0000007=DOID:162`; `declared` the entity types that the dataset rightly holds.
    `quota_bytes` is the limit of each grant, none when left out; days are calendar days,
    `typical_days` working days.
    """

    slug: Slug
    project: str | None = None
    contractor: Annotated[str, Field(pattern=r"^\d{10}$")] | None = None
    title_ko: Title
    title_en: Title
    summary_ko: Prose
    summary_en: Prose
    modality: Modality
    domain: Annotated[Text, Field(min_length=1, max_length=40)]
    content: Content = Content.GENERAL
    originals: bool = False
    pseudonymised: bool = False
    sensitivity: Sensitivity
    delivery: Delivery
    tier: Tier
    agreement_code: Annotated[str, Field(max_length=40, pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    duo: tuple[str, ...] = ()
    declared: tuple[str, ...] = ()
    nationals_only: bool = False
    organisation_required: bool = False
    irb_required: bool = False
    training_required: bool = False
    organisation_excluded: bool = False
    identity_level: Annotated[int, Field(ge=0, le=3)] = 0
    retention_days: Days = 365
    grant_days: Days = 180
    quota_bytes: Annotated[int, Field(ge=1, le=MAX_TERABYTES)] | None = None
    url_ttl_seconds: Annotated[int, Field(ge=10, le=86_400)] = 3600
    typical_days: Annotated[int, Field(ge=0, le=365)] = 7

    @field_validator("declared")
    @classmethod
    def _known_shape(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if UNSCANNABLE in value:
            raise ValueError(f"{UNSCANNABLE} cannot be declared")
        return _all_match(ENTITY_TYPE, value)

    @field_validator("duo")
    @classmethod
    def _duo_terms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # A term error is a ValueError that names the term.
        return tuple(sorted({_term(_plain(_nfc(text))) for text in value}))


def _term(text: str) -> str:
    duo.Term.parse(text)
    return text


def _all_match(shape: re.Pattern[str], values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not shape.fullmatch(value):
            raise ValueError(f"{value[:60]!r} does not have the form {shape.pattern}")
    return tuple(sorted(set(values)))


class CatalogFile(Strict):
    """A file for `--like`: a dataset, and the construction project it comes from."""

    project: ProjectSpec | None = None
    dataset: DatasetSpec

    @model_validator(mode="after")
    def _same_project(self) -> Self:
        if self.project and self.dataset.project != self.project.number:
            raise ValueError("dataset.project must name project.number")
        return self


class DatasetQuery(Strict):
    """The filters of the list of datasets."""

    q: Annotated[Text, Field(max_length=100)] = ""
    modality: Modality | None = None
    domain: Annotated[Text, Field(max_length=40)] = ""
    sensitivity: Sensitivity | None = None
    tier: Tier | None = None
    project: Annotated[str, Field(max_length=40)] = ""
    cursor: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 25


class ItemQuery(Strict):
    """Which items of a version to list."""

    prefix: Annotated[str, Field(max_length=1024)] = ""
    cursor: str = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class VersionQuery(ItemQuery):
    """The same on a version's page, which also pages through findings."""

    findings: str = ""


class ReasonForm(Strict):
    """A decision that needs a reason."""

    reason: Reason


class ReleaseForm(Strict):
    """A release; the reason is needed only for a held version, which the service checks."""

    reason: Annotated[Text, Field(max_length=2000)] = ""


class Requirement(StrEnum):
    """What an applicant must bring; shown before anyone signs in."""

    AGREEMENT = "agreement"
    NATIONAL = "national"
    ORGANISATION = "organisation"
    IRB = "irb"
    SANDBOX = "sandbox"
    TRAINING = "training"
    IDENTITY = "identity"
    SAFE_ZONE = "safe_zone"


class VersionOut(BaseModel):
    """A version in the API."""

    model_config = ConfigDict(frozen=True)
    label: str
    state: str
    items: int
    bytes: int
    manifest_sha256: str | None
    notes_ko: str
    notes_en: str
    released_at: datetime | None
    withdrawn_at: datetime | None


class DatasetOut(BaseModel):
    """A dataset in the API; `versions` are newest first."""

    model_config = ConfigDict(frozen=True)
    slug: str
    title_ko: str
    title_en: str
    summary_ko: str
    summary_en: str
    modality: str
    domain: str
    content: str
    originals: bool
    pseudonymised: bool
    sensitivity: str
    delivery: str
    tier: str
    agreement_code: str
    duo: list[str]
    declared: list[str]
    requirements: list[Requirement]
    identity_level: int
    grant_days: int
    quota_bytes: int | None
    retention_days: int
    typical_days: int
    project: str | None
    withdrawn_at: datetime | None
    versions: list[VersionOut]


class DatasetList(BaseModel):
    """One page of datasets."""

    model_config = ConfigDict(frozen=True)
    datasets: list[DatasetOut]
    next: str | None
    previous: str | None


class ItemOut(BaseModel):
    """One file of a version; `bytes` is its size. Strangers do not see digests."""

    model_config = ConfigDict(frozen=True)
    path: str
    bytes: int
    media_type: str
    sha256: str | None


class ItemList(BaseModel):
    """One page of a version's items, sorted by path."""

    model_config = ConfigDict(frozen=True)
    dataset: str
    version: str
    items: list[ItemOut]
    next: str | None
    previous: str | None
