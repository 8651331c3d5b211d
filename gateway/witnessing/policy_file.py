"""The file that says which witnesses the log has, and how many of them make a quorum."""

from __future__ import annotations

from pathlib import Path

from audit.cosignature import WitnessKey
from audit.errors import PolicyMalformed
from audit.policy_file import Policy, parse_policy
from gateway.config import Settings
from gateway.errors import OperatorError

NAME = "witnesses.txt"


def path_of(settings: Settings) -> Path:
    """Where the policy is kept."""
    return settings.witnesses_file or settings.home / NAME


def load(settings: Settings) -> Policy:
    """The policy; without a file it is empty and asks nothing of anybody.

    Raises OperatorError when a file is there and cannot be used: a quorum that cannot be read
    must not become no quorum.
    """
    path = path_of(settings)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if settings.witnesses_file is not None:
            raise OperatorError(f"the witnesses file {path} does not exist") from None
        return Policy()
    except OSError as error:
        raise OperatorError(f"the witnesses file {path}: {error.strerror}") from error
    try:
        return parse_policy(data)
    except PolicyMalformed as error:
        raise OperatorError(f"the witnesses file {path}: {error}") from error


def witness_keys(settings: Settings) -> tuple[WitnessKey, ...]:
    """The keys of every witness in the policy. Raises OperatorError as `load` does."""
    return tuple(one.key for one in load(settings).witnesses)
