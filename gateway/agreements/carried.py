"""The agreement files that the program carries, held against the versions on record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, or_, select

from gateway.agreements.models import (
    Acceptance,
    AgreementState,
    AgreementVersion,
    OrganisationAcceptance,
)
from gateway.db import Database
from gateway.errors import OperatorError
from policies import agreements as files
from policies.agreements import AgreementText
from policies.terms import AgreementError

FOLDER: Final = "policies/agreements"


def check_files(db: Database) -> int:
    """Compare files and records without writing; returns how many versions the program carries.

    Raises OperatorError as `carried` and `check_unchanged`.
    """
    texts = carried(db)
    check_unchanged(db, texts)
    return len(texts)


def carried(db: Database) -> Sequence[AgreementText]:
    """The program's texts. Without its files nobody could tell whether a record was changed, so
    every version that matters must be among them.

    Raises OperatorError naming the file that cannot be read, or the folder that is gone.
    """
    try:
        texts = files.load()
    except AgreementError as error:
        raise OperatorError(f"agreement {error}") from error
    _check_none_is_gone(db, {(text.code, text.version) for text in texts})
    return texts


def check_unchanged(
    db: Database, texts: Sequence[AgreementText]
) -> dict[tuple[str, int], AgreementVersion]:
    """Every version on record by code and number.

    Raises OperatorError naming the file that differs from its record, or the record that does.
    """
    with db.read() as session:
        rows = session.scalars(select(AgreementVersion)).all()
    known = {(row.code, row.number): row for row in rows}
    for text in texts:
        recorded = known.get((text.code, text.version))
        if recorded is not None:
            _check_same(text, recorded)
    return known


def table(text: AgreementText) -> dict[str, Any]:
    """The terms of a text as they are kept on record."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(text.terms)))
    return found


def _check_none_is_gone(db: Database, carried: set[tuple[str, int]]) -> None:
    row = AgreementVersion
    wanted = select(row.code, row.number).where(_matters()).order_by(row.code, row.number)
    with db.read() as session:
        missing = [each for each in session.execute(wanted) if tuple(each) not in carried]
    if missing:
        gone = ", ".join(f"{FOLDER}/{code}/v{number}" for code, number in missing)
        raise OperatorError(
            f"agreement {gone}: on record as in force, announced or signed, but the files are "
            "gone; restore them"
        )


def _matters() -> ColumnElement[bool]:
    """Versions that are in force, announced, or signed by somebody at any time."""
    row = AgreementVersion
    return or_(
        row.state.in_([AgreementState.IN_FORCE, AgreementState.SHADOW]),
        exists().where(Acceptance.agreement_version_id == row.id),
        exists().where(OrganisationAcceptance.agreement_version_id == row.id),
    )


def _check_same(text: AgreementText, recorded: AgreementVersion) -> None:
    place = f"agreement {FOLDER}/{text.code}/v{text.version}"
    pairs = {"ko.md": (recorded.text_ko, text.ko), "en.md": (recorded.text_en, text.en)}
    differing = [name for name, (before, now) in pairs.items() if before != now]
    if recorded.sha256 != text.sha256:
        # What is left to differ, be it by a comment only, are the terms.
        raise OperatorError(
            f"{place}/{', '.join(differing) or 'terms.toml'}: not the version on record; restore "
            "the file and publish the change as a new version"
        )
    if differing or recorded.terms != table(text):
        raise OperatorError(f"{place}: the record was changed; restore a backup of the database")
