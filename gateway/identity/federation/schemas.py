"""What requests and answers about outside identities look like."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from gateway.identity.schemas import (
    NATIONAL,
    Account,
    Country,
    Email,
    Frozen,
    Name,
    National,
    Sha256,
)
from gateway.identity.service_people import NewPerson
from gateway.identity.site_documents import SiteDocument


class ProviderSignUp(Frozen):
    """The form of a new account that signs in through a provider."""

    account: Account
    name: Name
    email: Email
    country: Country
    national: National
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


class Identity(Frozen):
    """An outside identity that signs the person in."""

    id: uuid.UUID
    provider: str
    issuer: str
    subject: str
    label: str
    linked_at: datetime


class Identities(Frozen):
    """`GET /api/v1/identities`: one's own, oldest first."""

    items: list[Identity]
