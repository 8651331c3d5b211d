"""Visa issuers that the gateway trusts, as `sumun.toml` describes them: `[[visa_issuers]]` tables.

Trust is in three parts (GA4GH Passport 1.2, requirement 10.3): who signs (`issuer`, with the
addresses of its keys), who says it (`sources`) and with what authority (`by`). What a visa counts
as here is written down, visa by visa, under `takes`: nothing counts by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.provider_settings import Id, is_loopback

Text = Annotated[str, Field(min_length=1, max_length=255)]
Algorithm = Literal["RS256", "ES256"]
Authority = Literal["self", "peer", "system", "so", "dac"]
HIGHEST_LEVEL = 3


class Rule(BaseModel):
    """A visa of this type and value counts as evidence of this kind, at most so old."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Text
    value: Text
    counts_as: Literal["training", "identity"]
    level: Annotated[int, Field(ge=0, le=HIGHEST_LEVEL)] = 0
    max_age_days: Annotated[int, Field(ge=1, le=3650)]

    @model_validator(mode="after")
    def _levelled(self) -> Rule:
        if (self.counts_as == "identity") != (self.level > 0):
            raise ValueError("identity has a level from 1 to 3, training has none")
        return self


class VisaIssuer(BaseModel):
    """One issuer. `jku` are the only addresses that keys are fetched from; the first one signs
    passports. `subjects_of` is the issuer of the identity provider whose subjects its visas name,
    where that is somebody else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=120)]
    issuer: Text
    jku: Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    types: Annotated[tuple[Text, ...], Field(min_length=1)]
    by: Annotated[tuple[Authority, ...], Field(min_length=1)]
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256", "ES256")
    typ: Annotated[tuple[Literal["vnd.ga4gh.visa+jwt", "JWT"], ...], Field(min_length=1)] = (
        "vnd.ga4gh.visa+jwt",
    )
    subjects_of: str = ""
    allow_private: bool = False
    takes: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> VisaIssuer:
        for url in self.jku:
            self._check(url)
        if any(rule.type not in self.types for rule in self.takes):
            raise ValueError("takes names a type that types does not")
        return self

    @property
    def subject_issuer(self) -> str:
        """Whose subjects its visas name."""
        return self.subjects_of or self.issuer

    def rule_for(self, kind: str, value: str) -> Rule | None:
        """What a visa of this type and value counts as, if it counts."""
        found = (rule for rule in self.takes if (rule.type, rule.value) == (kind, value))
        return next(found, None)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or not parts.hostname or parts.username is not None or parts.fragment:
            raise ValueError("jku is plain ASCII with a host, no user and no fragment")
        parts.port  # noqa: B018 — reading it raises ValueError for what is no port
        local = self.allow_private and parts.scheme == "http" and is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            raise ValueError("jku is https, or http on loopback with allow_private")
