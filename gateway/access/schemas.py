"""Bodies of the grants API and of the forms about grants."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from gateway.access.ask import Stated
from policies.duo import Code, Kind, Matching
from policies.vocabulary import Match, Purpose, Use

MAX_DISEASES, MAX_MONTHS = 20, 600
_BETWEEN = re.compile(r"[\s,;]+")
Disease = Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z][A-Za-z0-9_]*:[A-Za-z0-9_./-]+$")]


def one_by_one(value: Any) -> Any:
    """A form has one box for several names, separated by blanks, commas or lines."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return value
    return [part for each in value for part in _BETWEEN.split(each) if part]


class StatedFields(BaseModel):
    """What somebody means to do with the data; what is left out is not said.

    `diseases` are ids of an ontology (`DOID:162`), `study_months` the time the study needs;
    `needs_judgement` says that it touches what no data use term decides.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    purpose: Purpose | None = None
    uses: list[Use] = Field(default=[], max_length=len(Use))
    study_kinds: list[Kind] = Field(default=[], max_length=len(Kind))
    diseases: list[Disease] = Field(default=[], max_length=MAX_DISEASES)
    non_profit_organisation: bool | None = None
    non_commercial: bool | None = None
    genetic: bool | None = None
    needs_judgement: bool = False
    study_months: int | None = Field(default=None, ge=1, le=MAX_MONTHS)

    _diseases_one_by_one = field_validator("diseases", mode="before")(one_by_one)

    def stated(self) -> Stated:
        """As codes, each once and in one order, so that equal words stay equal."""
        return Stated(self.purpose or "", tuple(sorted(set(self.uses))), self._study())

    def _study(self) -> dict[str, Any]:
        # Whoever names a disease studies it, whether or not the box was ticked.
        kinds = {*self.study_kinds, *([Kind.DISEASE] if self.diseases else [])}
        said = {
            "kinds": sorted(kinds),
            "diseases": sorted(set(self.diseases)),
            "non_profit_organisation": self.non_profit_organisation,
            "non_commercial": self.non_commercial,
            "genetic": self.genetic,
            "needs_judgement": self.needs_judgement or None,
            "months": self.study_months,
        }
        return {name: value for name, value in said.items() if value not in (None, [])}


def stated_fields(stated: Stated) -> dict[str, Any]:
    """The other way: what is on record as the fields of `StatedFields`."""
    study = dict(stated.study)
    months, kinds = study.pop("months", None), study.pop("kinds", [])
    known = {"diseases": [], "needs_judgement": False, "non_profit_organisation": None}
    rest = {"non_commercial": None, "genetic": None, "study_months": months, "study_kinds": kinds}
    said = {"purpose": stated.purpose, "uses": list(stated.uses)}
    return {**known, **rest, **said, **study}


class ReasonForm(BaseModel):
    """Why something is done to a grant; its holder reads it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=10, max_length=2000)


class GrantQuery(BaseModel):
    """Paging of a list of grants."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str = ""
    limit: int = Field(default=25, ge=1, le=200)


class GrantOut(BaseModel):
    """A grant. `blockers` say what keeps it from opening at this moment."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    dataset: str
    purpose: str
    uses: list[str]
    state: str
    starts_at: datetime
    ends_at: datetime
    quota_bytes: int | None
    used_bytes: int
    note: str
    open: bool
    blockers: list[dict[str, Any]]


class GrantList(BaseModel):
    """A page of grants."""

    model_config = ConfigDict(frozen=True)

    grants: list[GrantOut]
    next: str | None
    previous: str | None


class OpenPoint(BaseModel):
    """A matter of the study that is against a term or that a person decides.

    `subject` is a kind of study or the shorthand of a term; null for the study as a whole.
    """

    model_config = ConfigDict(frozen=True)

    match: Match
    subject: str | None


class DataUse(BaseModel):
    """How a study fits the data use terms; `duties` come with the data whatever fits."""

    model_config = ConfigDict(frozen=True)

    match: Match
    open_points: list[OpenPoint]
    duties: list[Code]


def data_use(matching: Matching | None) -> DataUse | None:
    """A comparison as the API gives it."""
    if matching is None:
        return None
    points = [OpenPoint(match=each.match, subject=each.subject) for each in matching.findings]
    return DataUse(match=matching.match, open_points=points, duties=list(matching.duties))


class CanI(BaseModel):
    """Whether the caller may download a dataset now, every reason why not, and the way to a yes.

    `confirmed` says that the policy engine allows it once every step is taken. `data_use`
    compares a stated study with the dataset's data use terms; null while no purpose is stated.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    outcome: str
    blockers: list[dict[str, Any]]
    path: list[dict[str, Any]]
    confirmed: bool
    data_use: DataUse | None
