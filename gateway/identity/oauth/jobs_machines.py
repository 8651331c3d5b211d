"""Tells whoever was named to answer for a machine, in both languages. Sending twice is harmless."""

from __future__ import annotations

from sqlalchemy.orm import Session

from gateway.identity.models import Organisation, Person, PersonStatus
from gateway.identity.oauth.models import ClientKind, OAuthClient
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.notify import Letter, send
from gateway.runtime import Runtime

MAIL_JOB = "identity.machine_mail"
SUBJECT = "[수문] 기계 계정의 책임자로 지정되었습니다 / You are named to answer for a machine"
BODY = """{name} 님께

{organisation}의 관리자가 "{program}" 기계 계정의 책임자로 회원님을 지정했습니다. 회원님이 아래
화면에서 맡기 전에는 이 기계 계정이 아무것도 할 수 없습니다. 맡으면 이 기관이 보유한 회원님의 이용
권한으로 데이터를 받고, 그 책임은 회원님에게 있습니다. 모르는 일이면 거절해 주십시오.

{link}

----

To {name}

A manager of {organisation} has named you to answer for the machine "{program}". It can do nothing
until you accept it on this page. It then gets data through those of your grants that this
organisation holds, and you answer for that. If you do not know of it, decline.

{link}
"""


def tell(session: Session, runtime: Runtime, row: OAuthClient) -> None:
    """Have whoever is to answer for a machine told, once the caller's transaction stands."""
    if row.kind == ClientKind.MACHINE:
        key = f"machine-{row.id}"
        queue.enqueue(session, runtime.clock, MAIL_JOB, key, {"client": row.id})


def mail(runtime: Runtime, leased: Leased) -> None:
    """Send the letter, unless the machine is accepted or over, or the account is not active.

    Raises OperatorError, smtplib.SMTPException or OSError when it does not leave.
    """
    with runtime.db.read() as session:
        letter = _letter(session, runtime, leased.payload["client"])
    if letter is not None:
        send(runtime.settings, letter, runtime.clock.now())
    with runtime.db.write() as session:
        queue.complete(session, runtime.clock, leased)


def _letter(session: Session, runtime: Runtime, client_id: str) -> Letter | None:
    row = session.get_one(OAuthClient, client_id)
    person = session.get_one(Person, row.responsible_id)
    waits = row.accepted_at is None and row.ended_at is None
    if not waits or person.status != PersonStatus.ACTIVE:
        return None
    body = BODY.format(
        name=person.name,
        program=row.name,
        organisation=session.get_one(Organisation, row.organisation_id).name,
        link=f"{runtime.settings.public_url.rstrip('/')}/account/machines/{row.id}",
    )
    return Letter(f"machine-{row.id}", person.name, person.email, SUBJECT, body)
