"""Takes secrets out of log lines: a download address is a bearer capability until it expires."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"
SECRET_NAMES = re.compile(
    r"password|passwd|secret|token|authorization|cookie|session_id|api_key|private|otp", re.I
)
_PATTERNS = (
    (
        # However many slashes and dots a sender puts between.
        re.compile(r"(?i)(/(?:d|recover|invitations|agreements[/.]+sign)/[/.]*)[^/\s?#\"']+"),
        r"\1" + REDACTED,
    ),
    (re.compile(r"(?i)\b(bearer|basic|dpop)\s+[\w.~+/=-]+"), r"\1 " + REDACTED),
    (
        re.compile(
            r"(?i)([?&]\w*(?:token|code|secret|password|signature|state|nonce|assertion"
            r"|request_uri)=)[^&\s\"']+"
        ),
        r"\1" + REDACTED,
    ),
    (re.compile(r"(\w+://[^/\s:@]+:)[^@\s/]+(@)"), r"\1" + REDACTED + r"\2"),
)


def redact(text: str) -> str:
    """`text` without the secrets of addresses, of headers, queries and connection URLs."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_value(value: Any) -> Any:
    """The same through mappings and sequences; a member named like a secret is dropped whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _member(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(inner) for inner in value]
    return value


def _member(name: str, value: Any) -> Any:
    return REDACTED if SECRET_NAMES.search(name) else redact_value(value)


def processor(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The structlog processor that redacts a whole event; comes after tracebacks are text."""
    return {key: _member(str(key), value) for key, value in event.items()}
