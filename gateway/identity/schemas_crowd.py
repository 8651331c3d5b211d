"""Forms and bodies of crowd workers' sign-up and of identity checks."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from pydantic import Field

from gateway.identity.schemas import Account, Frozen, Name, Reason, Secret, Sha256
from gateway.identity.service_crowd import NewWorker
from gateway.identity.service_seen_papers import Paper, Seen
from gateway.identity.site_documents import SiteDocument


class WorkerSignUp(Frozen):
    """The light sign-up, with the hashes of the texts that it showed."""

    account: Account
    name: Name
    contact: Annotated[str, Field(min_length=1, max_length=254)]
    password: Secret
    terms: Literal["true"]
    privacy: Literal["true"]
    agreement: Literal["true"]
    terms_sha256: Sha256
    privacy_sha256: Sha256
    agreement_sha256: Sha256

    def worker(self, locale: str) -> NewWorker:
        """The same for the service."""
        return NewWorker(self.account, self.name, self.contact, locale)

    @property
    def consents(self) -> dict[SiteDocument, str]:
        """Which text of each document was accepted."""
        return {
            SiteDocument.TERMS: self.terms_sha256,
            SiteDocument.PRIVACY: self.privacy_sha256,
        }


class WorkerForm(WorkerSignUp):
    """The same from the page, where the password is typed twice."""

    repeated: Secret


class WorkerOut(Frozen):
    """A new crowd worker."""

    id: uuid.UUID
    account: str


class SeenBody(Frozen):
    """Whose paper was seen, which, and how."""

    account: Annotated[str, Field(min_length=1, max_length=64)]
    paper: Paper
    reason: Reason

    def seen(self) -> Seen:
        """The same for the service."""
        return Seen(self.account, self.paper, self.reason)


class CheckOut(Frozen):
    """A recorded identity check."""

    id: uuid.UUID
