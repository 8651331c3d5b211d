"""What the forms of second factors look like."""

from __future__ import annotations

import uuid
from typing import Annotated

from pydantic import Field

from gateway.identity.schemas import Frozen, Secret
from gateway.identity.service_factors import NAME_LENGTH

# A passkey's answer with the largest attestation; `none` is asked for, which takes under 2 KB.
Answer = Annotated[str, Field(min_length=1, max_length=32_000)]
Code = Annotated[str, Field(min_length=1, max_length=100)]


class SecondStep(Frozen):
    """The second step of sign-in: a code, or a passkey's answer."""

    code: Annotated[str, Field(max_length=100)] = ""
    credential: Annotated[str, Field(max_length=32_000)] = ""
    next: Annotated[str, Field(max_length=2000)] = "/"


class PasskeyAnswer(Frozen):
    """A passkey's answer at sign-in."""

    credential: Answer
    next: Annotated[str, Field(max_length=2000)] = "/"


class FactorChange(Frozen):
    """What is asked before a factor changes: the password, and a code where one is due."""

    password: Secret
    code: Annotated[str, Field(max_length=100)] = ""


class StepUpAnswer(PasskeyAnswer):
    """A passkey's answer at step-up; `also` are client sessions that it counts for as well."""

    also: Annotated[list[uuid.UUID], Field(max_length=50)] = []


class NewPasskey(Frozen):
    """A new credential with the name its owner gives it."""

    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    credential: Answer


class FirstCode(Frozen):
    """The first code of an authenticator app, with the secret that the page has shown."""

    secret: Annotated[str, Field(max_length=100)] = ""
    code: Code
