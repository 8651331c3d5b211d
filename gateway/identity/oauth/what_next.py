"""What the developer of a program does after a refusal of the token endpoint."""

from __future__ import annotations

_AGAIN = "Start the sign-in again."
WHAT_NEXT = {
    "person_stopped": "The account is suspended or closed. Its holder asks the operator.",
    "session_ended": f"The session has ended. {_AGAIN}",
    "other_key": "The proof is of another key. Sign it with the key that the grant was bound to.",
    "wider_scope": "A scope was not granted. Ask for fewer, or for consent with more.",
    "unknown_token": f"The token is not known for this client. {_AGAIN}",
    "refresh_replayed": f"The refresh token was used twice, so its session has ended. {_AGAIN}",
    "token_ended": f"The token has run out or was revoked. {_AGAIN}",
    "unknown_code": f"The code is not known for this client or was used. {_AGAIN}",
    "code_expired": f"The code has run out. {_AGAIN}",
    "code_replayed": f"The code was used twice, so its session has ended. {_AGAIN}",
    "other_redirect_uri": f"redirect_uri is not the one of the request. Mend it. {_AGAIN}",
    "wrong_verifier": f"code_verifier does not fit code_challenge. Mend it. {_AGAIN}",
    "asked_too_soon": "Wait five seconds longer between questions.",
    "not_decided": "Nobody has decided yet. Ask again after the interval.",
    "person_refused": "The person did not allow it. Ask them before starting again.",
    "only_passports": "requested_token_type must be that of a GA4GH passport.",
    "only_access_tokens": "subject_token_type must be that of an access token.",
    "subject_token_unknown": "subject_token is no live access token of this client. Get a new one.",
    "passport_scope_missing": "The token lacks openid and ga4gh_passport_v1. Ask for consent.",
    "only_passports_of_ones_own": "Leave out actor_token, audience and scope; name one resource.",
    "resource_malformed": "resource must be one https address without a fragment.",
    "not_accepted": "The responsible person has not accepted this client yet. They sign in, open "
    "/account and accept it under the programs that act in their name.",
    "maker_gone": "The manager who registered this client no longer manages the organisation. "
    "Another manager registers it anew, and the responsible person accepts that.",
    "nobody_answers": "The responsible person no longer belongs to the verified organisation. "
    "A manager registers the client anew.",
}
"""What a client developer reads as `error_description`, which is ASCII (RFC 6749 5.2)."""
