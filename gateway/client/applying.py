"""Applications and usage agreements as the client sees them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from gateway.client.errors import ClientError
from gateway.client.http import Api

APPLICATIONS = "/api/v1/applications"
AGREEMENTS = "/api/v1/agreements"
# Purposes, uses and kinds of study as the rules name them.
PURPOSES = (
    "academic_research",
    "commercial_development",
    "statistics",
    "public_interest_archiving",
    "education",
    "public_service",
    "deepfake_detection",
)
USES = (
    "model_training",
    "evaluation",
    "analysis",
    "showing_samples",
    "third_party_processing",
    "overseas_transfer",
    "voice_cloning",
    "speaker_identification",
    "applicant_assessment",
    "reidentification",
    "plate_or_face_linkage",
    "biometric_identification",
    "deepfake_generation",
)
STUDY_KINDS = ("general", "health", "disease", "ancestry", "methods", "clinical_care")
OPEN = frozenset({"draft", "submitted", "in_review", "returned"})
_NUMBER = re.compile(r"\d{4}-[0-9A-Z]+")


def names_application(text: str) -> bool:
    """Whether `text` is the number or the id of an application, not the code of an agreement."""
    return _id(text) is not None or _NUMBER.fullmatch(text.upper()) is not None


def create(api: Api, form: Mapping[str, Any]) -> dict[str, Any]:
    """A new draft."""
    given = {name: value for name, value in form.items() if value is not None}
    return api.call("POST", APPLICATIONS, json=given)


def submit(api: Api, application: Mapping[str, Any]) -> dict[str, Any]:
    """Hand in the revision of `application` that was read."""
    body = {"revision": application.get("revision")}
    return api.call("POST", f"{APPLICATIONS}/{application.get('id')}/submit", json=body)


def every(api: Api) -> Iterator[dict[str, Any]]:
    """One's own applications, newest first."""
    return api.pages(APPLICATIONS, "items", {})


def find(api: Api, text: str) -> dict[str, Any]:
    """One application by number or id. Raises ClientError when there is none of that number."""
    known = _id(text) or _id_of_number(api, text)
    return api.call("GET", f"{APPLICATIONS}/{known}")


def whose_turn(application: Mapping[str, Any]) -> list[str]:
    """Who has to act for its datasets, each once, in their order."""
    return list(dict.fromkeys(str(item.get("turn")) for item in application.get("items", [])))


def agreement(api: Api, code: str) -> dict[str, Any]:
    """The version in force of an agreement, with both texts."""
    return api.call("GET", f"{AGREEMENTS}/{quote(code, safe='')}")


def unsigned(api: Api, application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The agreements of the application's datasets that the caller has not signed."""
    slugs = [str(item.get("dataset")) for item in application.get("items", [])]
    codes = dict.fromkeys(str(api.dataset(slug).get("agreement_code")) for slug in slugs)
    found = [agreement(api, code) for code in codes]
    return [row for row in found if row.get("signed_until") is None]


def sign(
    api: Api, text: Mapping[str, Any], typed_name: str, language: str, organisation: str | None
) -> dict[str, Any]:
    """Sign the agreement version that was shown, by its hash."""
    body = {
        "sha256": text.get("sha256"),
        "typed_name": typed_name,
        "language": language,
        "read": True,
    }
    given = body | ({"organisation_id": organisation} if organisation else {})
    return api.call("POST", f"{AGREEMENTS}/signatures", json=given)


def _id(text: str) -> str | None:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def _id_of_number(api: Api, number: str) -> str:
    for row in every(api):
        if row.get("number") == number.upper():
            return str(row.get("id"))
    raise ClientError(f"{number} is not an application of yours; see: sumun applications")
