"""Adds a witness to the policy file; a file that somebody wrote by hand keeps its shape."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from audit.cosignature import WitnessKey
from audit.errors import AuditError
from audit.note import Verifier
from audit.policy_file import NONE, Group, LogLine, Policy, WitnessLine, parse_policy
from gateway.errors import OperatorError

GROUP = "witnesses"


def added(
    policy: Policy, log: Verifier, name: str, vkey: str, url: str, *, threshold: int | None
) -> Policy:
    """The policy with one more witness; `threshold` None keeps the number, 1 in a new file.

    Raises OperatorError when the file's own groups leave no place for it, or it would not parse.
    """
    if policy.quorum not in (NONE, GROUP) or [g.name for g in policy.groups] not in ([], [GROUP]):
        raise OperatorError(
            "the policy has a quorum of its own making; add the witness to the file by hand"
        )
    try:
        witness = WitnessLine(name, WitnessKey.parse(vkey), url)
        logs = policy.logs or (LogLine(log),)
        witnesses = (*policy.witnesses, witness)
        group = Group(GROUP, _threshold(policy, threshold), tuple(one.name for one in witnesses))
        made = replace(policy, logs=logs, witnesses=witnesses, groups=(group,), quorum=GROUP)
        # What was built is read back, so that the file holds by the same rules as any other.
        return parse_policy(str(made).encode("utf-8", "surrogateescape"))
    except (AuditError, UnicodeEncodeError) as error:
        raise OperatorError(f"this witness cannot be added: {error}") from error


def _threshold(policy: Policy, wanted: int | None) -> int:
    if wanted is not None:
        return wanted
    return policy.groups[0].threshold if policy.groups else 1


def write(path: Path, policy: Policy) -> None:
    """Replace the file whole. Raises OperatorError."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            file.write(str(policy).encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}") from error
