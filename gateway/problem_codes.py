"""The stable codes of refusals (`gateway.errors`), and what is said with each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProblemCode(StrEnum):
    """The stable codes of problems that the gateway itself raises."""

    BAD_REQUEST = "bad_request"
    VALIDATION_FAILED = "validation_failed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_LARGE = "too_large"
    NOT_SIGNED_IN = "not_signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    INSUFFICIENT_USER_AUTHENTICATION = "insufficient_user_authentication"
    CSRF_FAILED = "csrf_failed"
    FORBIDDEN = "forbidden"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    CROWD_WORK_ONLY = "crowd_work_only"
    MACHINE_NOT_ALLOWED = "machine_not_allowed"
    IDENTITY_KNOWN = "identity_known"
    IDENTITY_CHECK_ENDED = "identity_check_ended"
    IDENTITY_CHECK_REFUSED = "identity_check_refused"
    IDENTITY_CHECK_UNAVAILABLE = "identity_check_unavailable"
    STAFF_FACTOR_MISSING = "staff_factor_missing"
    ACCESS_DENIED = "access_denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    WRONG_STATE = "wrong_state"
    PRECONDITION_FAILED = "precondition_failed"
    RANGE_NOT_SATISFIABLE = "range_not_satisfiable"
    URL_INVALID = "url_invalid"
    URL_EXPIRED = "url_expired"
    TOO_MANY_REQUESTS = "too_many_requests"
    BUSY = "busy"
    LOG_UNAVAILABLE = "log_unavailable"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    DATABASE_UNAVAILABLE = "database_unavailable"
    POLICY_UNAVAILABLE = "policy_unavailable"
    PROVIDER_REFUSED = "provider_refused"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PASSPORT_REFUSED = "passport_refused"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class ProblemText:
    """Status, title and next step of one code, in both languages."""

    status: int
    title_ko: str
    title_en: str
    next_ko: str
    next_en: str
