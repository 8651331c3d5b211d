"""What scopes and kinds of programs are called on pages."""

from __future__ import annotations

from typing import Any

from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.vocabulary import Scope
from gateway.web.i18n import lazy

SCOPES: dict[str, Any] = {
    Scope.OPENID: lazy("Know who you are on this site"),
    Scope.PROFILE: lazy("Read your name, account name and language"),
    Scope.EMAIL: lazy("Read your e-mail address"),
    Scope.ORGANISATION: lazy("Read which organisations you belong to"),
    Scope.OFFLINE_ACCESS: lazy("Stay signed in until you end it, for 90 days at most"),
    Scope.READ: lazy("Read your applications and grants"),
    Scope.WRITE: lazy("Apply, sign and submit on your behalf"),
    Scope.DOWNLOAD: lazy("Download what your grants allow"),
    Scope.ACCESS_LOG: lazy("Read the log of what was done with your account and data"),
    Scope.PASSPORT: lazy("Get a passport that proves your grants and affiliation elsewhere"),
}
CLIENT_KINDS: dict[str, Any] = {
    ClientKind.WEB: lazy("Web server"),
    ClientKind.NATIVE: lazy("App on a person's device"),
    ClientKind.MACHINE: lazy("Machine without a person at the keyboard"),
}
AUTH_METHODS: dict[str, Any] = {
    AuthMethod.NONE: lazy("Nothing: the app cannot keep a secret"),
    AuthMethod.SECRET_BASIC: lazy("A secret that is shown once"),
    AuthMethod.PRIVATE_KEY_JWT: lazy("A key of its own (private_key_jwt)"),
}


def scope_words(scope: str) -> list[Any]:
    """The sentences of a scope value, in the order of `Scope`."""
    return [SCOPES[each] for each in Scope if each in scope.split()]
