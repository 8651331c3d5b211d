"""Mails a signing official the link, in both languages. Sending twice is harmless."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo

from gateway.agreements.models import AgreementVersion, SignatureRequest
from gateway.agreements.service import entry
from gateway.agreements.service_requests import mail_key, token_of
from gateway.identity.models import Organisation, Person
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor
from gateway.notify import Letter, send
from gateway.runtime import Runtime

PATH = "/agreements/sign/"
SUBJECT = "[수문] {title_ko} 서명 요청 / Request to sign: {title_en}"
BODY = """{official} 님께

{organisation}의 {asked_by} 님이 데이터 댐의 데이터를 이용하기 위하여 "{title_ko}"에 기관을
대표하여 서명해 주시기를 요청했습니다. 아래 주소에서 협약서를 읽고 서명하실 수 있습니다.
로그인은 필요하지 않습니다. 이 메일 주소가 기관에 등록된 서명권자의 주소가 아니면 위임장이나
대표자임을 증명하는 서류(PDF 또는 이미지)를 준비해 주십시오. 이때는 기관의 관리자나 데이터 관리
담당자가 확인한 뒤에 서명이 효력을 가집니다.

{link}

이 주소는 {until}까지 한 번만 쓸 수 있습니다. 서명권자만 쓸 수 있으니 다른 사람에게 전달하지
마십시오. 요청이 잘못되었다면 이 메일을 무시하셔도 됩니다.

----

To {official}

{asked_by} of {organisation} asks you to sign the "{title_en}" for the organisation, so that it
can use data of the data dam. At the address above you can read the agreement and sign it; no
sign-in is needed. Unless this address is that of the organisation's registered signing official,
please have a letter of authority, or proof that you represent the organisation, ready as a PDF or
an image; the signature then counts once a manager of the organisation or a data steward has
confirmed it.

The address works once, until {until}. It is for the signing official alone, so please do not pass
it on. If the request is a mistake, you can ignore this mail.
"""


def mail(runtime: Runtime, leased: Leased) -> None:
    """Send the mail of the request that the job names, unless it was cancelled meanwhile.

    Raises OperatorError, smtplib.SMTPException or OSError when it does not leave.
    """
    request_id = uuid.UUID(leased.payload["request"])
    with runtime.db.read() as session:
        request = session.get_one(SignatureRequest, request_id)
        version = session.get_one(AgreementVersion, request.agreement_version_id)
        organisation = session.get_one(Organisation, request.organisation_id)
        asked_by = session.get_one(Person, request.requested_by)
    if not request.official_email:
        return
    letter = _letter(runtime, request, version, (organisation.name, asked_by.name))
    way = send(runtime.settings, letter, runtime.clock.now())
    told = {"organisation": str(organisation.id), "request": str(request.id), "way": str(way)}
    with runtime.db.write() as session:
        queue.complete(session, runtime.clock, leased)
        event = entry(Actor.system(), Act.AGREEMENT_SIGNATURE_MAILED, version, **told)
        runtime.journal.record(session, event)


def _letter(
    runtime: Runtime,
    request: SignatureRequest,
    version: AgreementVersion,
    names: tuple[str, str],
) -> Letter:
    base = runtime.settings.public_url.rstrip("/")
    titles = {name: version.terms[name] for name in ("title_ko", "title_en")}
    body = BODY.format(
        official=request.official_name,
        organisation=names[0],
        asked_by=names[1],
        link=f"{base}{PATH}{token_of(runtime, request.id)}",
        until=_moment(request, runtime.settings.zone),
        **titles,
    )
    subject, key = SUBJECT.format(**titles), mail_key(request.id)
    return Letter(key, request.official_name, request.official_email, subject, body)


def _moment(request: SignatureRequest, zone: ZoneInfo) -> str:
    return request.expires_at.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
