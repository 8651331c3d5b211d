"""Mails the link of an invitation, in both languages. Sending twice is harmless."""

from __future__ import annotations

import uuid

from gateway.identity.models import Organisation
from gateway.identity.models_organisations import Invitation
from gateway.identity.service_invitations import entry, mail_key, token_of
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor
from gateway.notify import Letter, send
from gateway.runtime import Runtime

PATH = "/invitations/"
SUBJECT = "[수문] {organisation} 소속 초대 / Invitation to {organisation}"
BODY = """{organisation}의 관리자가 데이터 댐의 수문에서 이 기관에 소속되도록 초대했습니다.
아래 주소를 열고, 이 메일 주소를 쓰는 계정으로 로그인한 뒤 응하실 수 있습니다. 계정이 없으면
먼저 가입하고 이 주소를 다시 열어 주십시오.

{link}

이 주소는 {until}까지 한 번만 쓸 수 있습니다. 다른 사람에게 전달하지 마십시오. 모르는 기관의
초대이면 이 메일을 무시하셔도 됩니다.

----

A manager of {organisation} invites you to belong to it at Sumun, the gate of a data dam.
Open the address above, sign in with the account that has this mail address, and accept. If you
have no account yet, sign up first and open the address again.

The address works once, until {until}. Please do not pass it on. If you do not know the
organisation, you can ignore this mail.
"""


def mail(runtime: Runtime, leased: Leased) -> None:
    """Send the mail of the invitation that the job names, unless it is over.

    Raises OperatorError, smtplib.SMTPException or OSError when it does not leave.
    """
    with runtime.db.read() as session:
        row = session.get_one(Invitation, uuid.UUID(leased.payload["invitation"]))
        organisation = session.get_one(Organisation, row.organisation_id)
    if not row.email:
        return
    send(runtime.settings, _letter(runtime, row, organisation.name), runtime.clock.now())
    with runtime.db.write() as session:
        queue.complete(session, runtime.clock, leased)
        event = entry(Actor.system(), Act.MEMBERSHIP_INVITATION_MAILED, row)
        runtime.journal.record(session, event)


def _letter(runtime: Runtime, row: Invitation, organisation: str) -> Letter:
    base = runtime.settings.public_url.rstrip("/")
    until = row.expires_at.astimezone(runtime.settings.zone).strftime("%Y-%m-%d %H:%M %Z")
    link = f"{base}{PATH}{token_of(runtime, row.id)}"
    body = BODY.format(organisation=organisation, link=link, until=until)
    subject = SUBJECT.format(organisation=organisation)
    return Letter(mail_key(row.id), "", row.email, subject, body)
