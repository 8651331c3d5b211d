"""What requests and answers of identity look like, JSON and forms alike."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.errors import Problem
from gateway.identity import rules
from gateway.identity.models import AttestationKind, MembershipKind, OrganisationKind, Role
from gateway.identity.service_attestations import NewAttestation
from gateway.identity.service_corrections import Correction
from gateway.identity.service_organisations import NewOrganisation
from gateway.identity.service_people import NewPerson
from gateway.identity.site_documents import SiteDocument
from gateway.web.messages import FieldError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Secret = Annotated[str, Field(min_length=1, max_length=1000)]
National = Literal["yes", "no", "unstated"]
NATIONAL: dict[str, bool | None] = {"yes": True, "no": False, "unstated": None}


def _plain(rule: Callable[[str], str]) -> AfterValidator:
    """A rule of the service as a validator that speaks both languages."""

    def check(value: str) -> str:
        try:
            return rule(value)
        except Problem as problem:
            raise FieldError(problem.detail_ko, problem.detail_en) from problem

    return AfterValidator(check)


Account = Annotated[str, Field(max_length=64), _plain(rules.account)]
Name = Annotated[str, Field(max_length=1000), _plain(rules.name)]
Email = Annotated[str, Field(max_length=1000), _plain(rules.email)]
Country = Annotated[str, Field(max_length=8), _plain(rules.country)]
Reason = Annotated[str, Field(max_length=1000), _plain(rules.reason)]


class Frozen(BaseModel):
    """Nothing unknown is accepted, nothing changes after parsing."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignIn(Frozen):
    """The sign-in form; `next` is the page to go back to."""

    account: Annotated[str, Field(min_length=1, max_length=200)]
    password: Secret
    next: Annotated[str, Field(max_length=2000)] = "/"


class ClientSignIn(Frozen):
    """`POST /api/v1/session`."""

    account: Annotated[str, Field(min_length=1, max_length=200)]
    password: Secret
    device: Annotated[str, Field(max_length=120)] = ""
    code: Annotated[str, Field(max_length=100)] = ""


class ClientSession(Frozen):
    """The token of a new client session, shown once."""

    token: str
    expires_at: datetime


class RoleHeld(Frozen):
    """A staff role that counts now; `scope` is `*` or a dataset's slug."""

    role: str
    scope: str


class MembershipHeld(Frozen):
    """A person's place in an organisation; it counts once `confirmed`."""

    organisation_id: uuid.UUID
    organisation: str
    status: str
    kind: str
    confirmed: bool


class MachineHeld(Frozen):
    """Which machine asks, for which organisation, and who answers for it."""

    client_id: str
    name: str
    organisation_id: uuid.UUID
    organisation: str
    responsible: str


class Me(Frozen):
    """`GET /api/v1/me`: one's own data. A program gets `id`, `account` and `name`, and what its
    scope names (`profile`: `locale`; `email`; `organisation`: `memberships`). A machine gets
    `machine` and nothing more. `session_ends_at` is when the session of this request ends at the
    latest; a program's token ends before and is renewed."""

    id: uuid.UUID | None = None
    account: str | None = None
    name: str | None = None
    email: str | None = None
    country: str | None = None
    korean_national: bool | None = None
    identity_level: int | None = None
    locale: str | None = None
    session_ends_at: datetime | None = None
    roles: list[RoleHeld] = []
    memberships: list[MembershipHeld] = []
    machine: MachineHeld | None = None


class SignUp(Frozen):
    """The sign-up form with the hashes of the texts that it showed."""

    account: Account
    name: Name
    email: Email
    country: Country
    national: National
    password: Secret
    repeated: Secret
    terms: Literal["true"]
    privacy: Literal["true"]
    terms_sha256: Sha256
    privacy_sha256: Sha256

    def person(self, locale: str) -> NewPerson:
        """The same for the service."""
        return NewPerson(
            self.account, self.name, self.email, self.country, NATIONAL[self.national], locale
        )

    @property
    def consents(self) -> dict[SiteDocument, str]:
        """Which text of each document was accepted."""
        return {
            SiteDocument.TERMS: self.terms_sha256,
            SiteDocument.PRIVACY: self.privacy_sha256,
        }


class Consents(Frozen):
    """The form with which somebody accepts changed documents."""

    terms: Literal["true"]
    privacy: Literal["true"]
    terms_sha256: Sha256
    privacy_sha256: Sha256

    @property
    def consents(self) -> dict[SiteDocument, str]:
        """Which text of each document was accepted."""
        return {
            SiteDocument.TERMS: self.terms_sha256,
            SiteDocument.PRIVACY: self.privacy_sha256,
        }


class Corrected(Frozen):
    """The form of one's own data."""

    name: Name
    email: Email
    country: Country
    national: National
    locale: Literal["ko", "en"]

    def correction(self) -> Correction:
        """The same for the service."""
        return Correction(self.name, self.email, self.country, NATIONAL[self.national], self.locale)


class PasswordChange(Frozen):
    """The form for a new password; `code` where a second factor is due."""

    present: Secret
    password: Secret
    repeated: Secret
    code: Annotated[str, Field(max_length=100)] = ""


class NewPassword(Frozen):
    """The form of a recovery address."""

    password: Secret
    repeated: Secret


class PasswordOnly(Frozen):
    """Confirms something that cannot be undone."""

    password: Secret


class OrganisationForm(Frozen):
    """The form of an organisation."""

    name: Annotated[str, Field(max_length=1000)]
    kind: OrganisationKind
    country: Country
    business_number: Annotated[str, Field(max_length=20)] | None = None

    def organisation(self) -> NewOrganisation:
        """The same for the service."""
        return NewOrganisation(self.name, self.kind, self.country, self.business_number)


class MembershipForm(Frozen):
    """Asking to belong to an organisation."""

    kind: MembershipKind = MembershipKind.MEMBER


class ReasonForm(Frozen):
    """A decision that needs a reason."""

    reason: Reason


class RoleForm(Frozen):
    """Granting a role to an account; the days are whole days in the site's time zone."""

    account: Annotated[str, Field(min_length=1, max_length=200)]
    role: Role
    scope: Annotated[str, Field(min_length=1, max_length=100)] = "*"
    until: date | None = None


class AttestationForm(Frozen):
    """Evidence about oneself for every application; valid from the first to the last day.

    An IRB decision is about one research project and comes with its application.
    """

    kind: Literal[AttestationKind.TRAINING, AttestationKind.IDENTITY]
    issuer: Annotated[str, Field(max_length=1000)]
    reference: Annotated[str, Field(max_length=1000)]
    first_day: date
    last_day: date
    level: Annotated[int, Field(ge=1, le=3)] | None = None

    def attestation(self, zone: ZoneInfo) -> NewAttestation:
        """The same for the service, with the days as moments in UTC."""
        return NewAttestation(
            self.kind,
            self.issuer,
            self.reference,
            start_of(self.first_day, zone),
            end_of(self.last_day, zone),
            level=(self.level or 0) if self.kind is AttestationKind.IDENTITY else 0,
        )


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day in `zone`, as UTC. Raises Problem 422 beyond the calendar."""
    return _moment(day.toordinal(), zone)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment a day in `zone` is over (windows are half-open), as UTC."""
    return _moment(day.toordinal() + 1, zone)


def _moment(ordinal: int, zone: ZoneInfo) -> datetime:
    try:
        found: Any = datetime.combine(date.fromordinal(ordinal), time(), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        rules.refuse("date", "날짜를 확인해 주십시오.", "Please check the date.")
    return found  # type: ignore[no-any-return]
