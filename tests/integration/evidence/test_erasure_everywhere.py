"""After an erasure no table of the schema holds a word that names the person."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import func, inspect, select, text

from gateway import ids
from gateway.agreements.models import AgreementVersion, OrganisationAcceptance, SignatureRequest
from gateway.evidence.anonymise import TABLES
from gateway.evidence.erasure import erase
from gateway.identity.models import (
    Membership,
    Organisation,
    Person,
    PersonStatus,
    RecoveryToken,
    SessionChannel,
    SignInSession,
)
from gateway.identity.models_factors import (
    OneTimePassword,
    Passkey,
    PendingSignIn,
    RecoveryCode,
)
from gateway.identity.models_federation import (
    LinkedIdentity,
    ProviderFlow,
    ProviderStatement,
    WaitingIdentity,
)
from gateway.identity.models_organisations import Invitation, ProvisionedUser
from gateway.identity.oauth.models import AuthorizationCode, DeviceCode, OAuthToken
from gateway.identity.service_people import close
from gateway.journal import Actor
from gateway.runtime import Runtime
from tests.people import make_person

MARK = "zaphod"
REASON = "본인이 요청했습니다. 계정을 닫습니다."
SIGNS_IN = (
    Passkey, OneTimePassword, RecoveryCode, RecoveryToken, PendingSignIn, AuthorizationCode,
    DeviceCode,
)  # fmt: skip


def marked(part: str = "") -> str:
    return f"{MARK}{part}"


def everything(runtime: Runtime) -> tuple[Person, Person]:
    """Somebody with every kind of row that may bear a name, and somebody else with the same."""
    other = make_person(runtime, "somebody.else")
    person = make_person(runtime, marked(".sumun"), name=f"{MARK} Beeblebrox")
    organisation = Organisation(
        id=uuid.uuid4(), name="기관", kind="company", country="KR", status="verified",
        created_by=other.id, created_at=runtime.clock.now(),
    )  # fmt: skip
    agreement = AgreementVersion(
        id=uuid.uuid4(), code="open-test", number=1, sha256="a" * 64, text_ko="본문",
        text_en="text", terms={}, state="draft", created_at=runtime.clock.now(), signed_from=1,
    )  # fmt: skip
    with runtime.db.write() as session:
        session.add_all([organisation, agreement])
    for one in (person, other):
        mark = MARK if one is person else "else"
        for row in rows(runtime, one, organisation.id, agreement.id, mark):
            with runtime.db.write() as session:
                session.add(row)
    return person, other


def rows(
    runtime: Runtime, one: Person, place: uuid.UUID, agreement: uuid.UUID, mark: str
) -> list[Any]:
    now, new = runtime.clock.now(), lambda: ids.new(runtime.clock)
    later, secret = now + timedelta(hours=1), lambda: (new().hex + new().hex)[:64]
    mail = f"{mark}.sumun@example.org" if mark == MARK else one.email
    signed_in, belongs, request = new(), new(), new()
    return [
        SignInSession(
            id=signed_in, token_sha256=secret(), person_id=one.id, channel=SessionChannel.OAUTH,
            device=f"{mark} laptop", created_at=now, authenticated_at=now, expires_at=later,
        ),
        Membership(
            id=belongs, person_id=one.id, organisation_id=place, confirmed_by=one.id,
            started_at=now,
        ),
        Passkey(
            id=new(), person_id=one.id, credential_id=mark.encode(), public_key=b"k",
            sign_count=0, name=f"{mark} key", created_at=now,
        ),
        OneTimePassword(
            person_id=one.id, sealed=mark.encode(), last_step=0, created_at=now, confirmed_at=now
        ),
        RecoveryCode(code_sha256=secret(), person_id=one.id, created_at=now),
        RecoveryToken(token_sha256=secret(), person_id=one.id, created_at=now, expires_at=later),
        PendingSignIn(
            token_sha256=secret(), person_id=one.id, device=f"{mark} tablet", created_at=now,
            expires_at=later,
        ),
        LinkedIdentity(
            id=new(), person_id=one.id, provider="orcid", issuer="https://orcid.example",
            subject=f"{mark}-sub", label=mail, linked_at=now,
        ),
        ProviderFlow(
            state_sha256=secret(), browser_sha256=secret(), provider="orcid", purpose="link",
            session_id=signed_in, next="/account", expires_at=later,
        ),
        WaitingIdentity(
            token_sha256=secret(), expires_at=later,
            proven={"issuer": "https://orcid.example", "subject": f"{mark}-sub", "name": mark},
        ),
        ProviderStatement(
            membership_id=belongs, provider="orcid", issuer="https://orcid.example",
            claim="eppn", value=f"{mark}@univ.example", stated_at=now,
        ),
        Invitation(
            id=new(), organisation_id=place, email=mail, mailbox=mail, token_sha256=secret(),
            invited_by=one.id, created_at=now, expires_at=later,
        ),
        ProvisionedUser(
            id=new(), organisation_id=place, user_name=f"{mark}@corp", user_key=f"{mark}@corp",
            external_id=f"{mark}-7", display_name=f"{mark} B", email=mail,
            emails=[{"value": mail}], active=True, membership_id=belongs, created_at=now,
            changed_at=now,
        ),
        SignatureRequest(
            id=request, token_sha256=secret(), organisation_id=place,
            agreement_version_id=agreement, official_name=f"{mark} B", official_email=mail,
            requested_by=one.id, created_at=now, expires_at=later,
        ),
        OrganisationAcceptance(
            id=new(), organisation_id=place, agreement_version_id=agreement, code="open-test",
            sha256="a" * 64, request_id=request, method="typed_name", official_name=f"{mark} B",
            official_title="대표", official_id=one.id, language="ko", accepted_at=now,
            expires_at=later, ended_at=now,
        ),
        AuthorizationCode(
            code_sha256=secret(), client_id="sumun-cli", person_id=one.id, session_id=signed_in,
            family_id=new(), redirect_uri="http://127.0.0.1/", scope="read", nonce="",
            challenge="c" * 43, auth_time=now, expires_at=later,
        ),
        DeviceCode(
            device_sha256=secret(), user_code_sha256=secret(), client_id="sumun-cli",
            scope="read", interval_seconds=5, person_id=one.id, auth_time=now, approved=True,
            expires_at=later,
        ),
        OAuthToken(
            token_sha256=secret(), kind="refresh", session_id=signed_in, client_id="sumun-cli",
            scope="read", created_at=now, expires_at=later,
        ),
    ]  # fmt: skip


def told(runtime: Runtime) -> dict[str, int]:
    """How many cells of each column of the schema hold the person's mark, in any spelling."""
    found: dict[str, int] = {}
    with runtime.db.read() as session:
        look = inspect(session.connection())
        for table in look.get_table_names():
            for column in look.get_columns(table):
                name = f"{table}.{column['name']}"
                said = session.execute(text(f'SELECT "{column["name"]}" FROM "{table}"'))
                number = sum(MARK in spelt(value) for (value,) in said)
                if number:
                    found[name] = number
    return found


def spelt(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace").casefold()
    return json.dumps(value, default=str, ensure_ascii=False).casefold()


def test_no_table_holds_a_word_that_names_the_person(runtime: Runtime) -> None:
    person, _other = everything(runtime)
    before = told(runtime)
    runtime.clock.advance(timedelta(days=4 * 366))  # type: ignore[attr-defined]

    erase(runtime, Actor.operator(), str(person.id), "본인의 요청")

    assert len(before) > 20
    assert told(runtime) == {}
    # PostgreSQL rewrites the tables that held any of it.
    assert {name.partition(".")[0] for name in before} <= set(TABLES)


def test_what_is_somebody_elses_stays(runtime: Runtime) -> None:
    person, other = everything(runtime)

    close(runtime, Actor.operator(), person.id, REASON)

    with runtime.db.read() as session:
        for table in SIGNS_IN:
            held = select(func.count()).select_from(table)
            assert session.scalar(held.where(table.person_id == person.id)) == 0, table
            assert session.scalar(held.where(table.person_id == other.id)) == 1, table
        live = select(LinkedIdentity.person_id).where(LinkedIdentity.ended_at.is_(None))
        assert session.scalars(live).all() == [other.id]
        tokens = select(SignInSession.person_id).join(OAuthToken)
        working = session.scalars(tokens.where(OAuthToken.revoked_at.is_(None))).all()
        assert working == [other.id]
        flows = select(SignInSession.person_id).join(ProviderFlow)
        assert session.scalars(flows).all() == [other.id]
        offered = select(Invitation.invited_by).where(Invitation.cancelled_at.is_(None))
        assert session.scalars(offered).all() == [other.id]
        assert session.get_one(Person, person.id).status == PersonStatus.CLOSED


def test_the_event_counts_what_went(runtime: Runtime) -> None:
    from audit.search import Filters
    from gateway.evidence.reading import snapshot
    from tests.logs import numbered

    person, _other = everything(runtime)
    close(runtime, Actor.operator(), person.id, REASON)
    numbered(runtime)

    with snapshot(runtime, main=True) as (_sql, reader):
        (found,) = reader.search(Filters(action="person.closed"))
        detail = dict(reader.leaf(found).detail)

    assert {name: detail[name] for name in ("passkeys", "identities", "tokens", "invitations")} == {
        "passkeys": 1, "identities": 1, "tokens": 1, "invitations": 1,
    }  # fmt: skip
