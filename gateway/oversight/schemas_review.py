"""What the pages and the API of anomalies, reviews and reports take and give."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, StringConstraints

from gateway.oversight.models import AnomalyState, ReviewState
from gateway.oversight.queries import Question
from gateway.oversight.schemas import ActionCode, Free, Name, Paged, Plain, Slug, Strict
from gateway.oversight.signs import RuleCode

Note = StringConstraints(strip_whitespace=True, max_length=2000)
Checkpoint = StringConstraints(strip_whitespace=True, max_length=20_000)
Key = StringConstraints(
    strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._:|-]+$"
)


class SpanQuery(Strict):
    """Days of a chart or report."""

    since: Annotated[str, Plain] | None = None
    until: Annotated[str, Plain] | None = None


class ItemQuery(Paged):
    """One item of a dataset."""

    dataset: Annotated[str, Slug]
    item: Annotated[str, Free]


class PersonQuery(Paged):
    """A person, and the days to look at."""

    person: Annotated[str, Name]
    since: Annotated[str, Plain] | None = None
    until: Annotated[str, Plain] | None = None


class BundleOrder(Strict):
    """Which entries an evidence bundle shall prove; all that are given must hold.

    `trusted` is a checkpoint that the auditor kept from before, which the log must extend.
    """

    person: Annotated[str, Name] | None = None
    dataset: Annotated[str, Slug] | None = None
    item: Annotated[str, Free] | None = None
    action: Annotated[str, ActionCode] | None = None
    since: Annotated[str, Plain] | None = None
    until: Annotated[str, Plain] | None = None
    trusted: Annotated[str, Checkpoint] | None = None

    @property
    def question(self) -> Question:
        """The same as a question."""
        return Question(**self.model_dump(exclude={"trusted"}))

    @property
    def kept(self) -> str | None:
        """The checkpoint that the auditor kept, as a signed note."""
        return self.trusted and f"{self.trusted}\n"


class AnomalyQuery(Paged):
    """Which anomalies to list."""

    state: AnomalyState | None = None
    rule: RuleCode | None = None


class AnomalyDecision(Strict):
    """What an auditor thinks of an anomaly, and why."""

    state: Literal[AnomalyState.CONFIRMED, AnomalyState.DISMISSED]
    note: Annotated[str, Note] = ""


class ReasonsConfirmed(Strict):
    """Groups of downloads whose reason is confirmed; `all` stands for every one that can be."""

    keys: list[Annotated[str, Key]] = []
    all: bool = False


class ExceptionQuery(Strict):
    """The downloads that are to be an exception."""

    key: Annotated[str, Key]


class ExceptionMarked(Strict):
    """Downloads that are an exception, and why."""

    key: Annotated[str, Key]
    note: Annotated[str, Note] = ""


class Signature(Strict):
    """The reviewer's statement; `revision` is that of the review as it was seen."""

    statement: Annotated[str, Note] = ""
    revision: int


class AnomalyOut(BaseModel):
    """An anomaly; `figures` are those with which the rule explains itself."""

    id: uuid.UUID
    rule: str
    person: str | None
    account: str | None
    entries: int
    events: list[int]
    figures: dict[str, int]
    state: AnomalyState
    note: str


class AnomalyPage(BaseModel):
    """A page of anomalies, newest first."""

    items: list[AnomalyOut]
    next: str | None
    previous: str | None


class ReviewOut(BaseModel):
    """A periodic review of the entries first_index ≤ index < end_index."""

    id: uuid.UUID
    start_at: datetime
    end_at: datetime
    first_index: int
    end_index: int
    due_at: datetime
    state: ReviewState
    signed_at: datetime | None
    record_sha256: str | None
    csv_sha256: str | None


class ReviewList(BaseModel):
    """Every review, newest first."""

    items: list[ReviewOut]


def review_fields(review: Any) -> dict[str, Any]:
    """A review as JSON."""
    fields = {name: getattr(review, name) for name in ReviewOut.model_fields}
    return ReviewOut(**fields).model_dump(mode="json")


def anomaly_fields(row: Any, account: str | None) -> AnomalyOut:
    """An anomaly as JSON."""
    return AnomalyOut(
        id=row.id, rule=row.rule, person=row.person, account=account, entries=row.entries,
        events=row.evidence["events"], figures=row.evidence["figures"], state=row.state,
        note=row.note,
    )  # fmt: skip
