"""Tells a person by mail, in both languages, of every change to their factors.

Who takes an account over would otherwise make it their own in silence. Sending twice is harmless.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from gateway import ids
from gateway.identity.models import Person, PersonStatus
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.notify import Letter, send
from gateway.runtime import Runtime

MAIL_JOB = "identity.factor_mail"
SUBJECT = "[수문] 로그인 인증 수단이 바뀌었습니다 / Your sign-in factors have changed"
BODY = """{name} 님, 데이터 댐의 수문 계정에서 다음이 바뀌었습니다.

  {ko}
  {when}

본인이 하셨으면 하실 일이 없습니다. 아니라면 아래 주소에서 비밀번호를 바꾸고 다른 세션을 모두
끝낸 뒤, 곧바로 운영자에게 알려 주십시오.

{link}

----

{name}, this has changed in your account at Sumun, the gate of a data dam:

  {en}
  {when}

If it was you, there is nothing to do. If not, change your password and end all other sessions at
the address above, and tell the operator at once.
"""


class News(StrEnum):
    """What has changed."""

    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    APP_ADDED = "one_time_password_added"
    APP_REMOVED = "one_time_password_removed"
    CODES = "codes"
    RESET = "reset"


SAID = {
    News.PASSKEY_ADDED: ("패스키를 추가했습니다.", "A passkey was added."),
    News.PASSKEY_REMOVED: ("패스키를 삭제했습니다.", "A passkey was removed."),
    News.APP_ADDED: ("인증 앱을 추가했습니다.", "An authenticator app was added."),
    News.APP_REMOVED: ("인증 앱을 삭제했습니다.", "The authenticator app was removed."),
    News.CODES: (
        "복구 코드를 새로 만들었습니다. 전의 코드는 쓸 수 없습니다.",
        "New recovery codes were made; the old ones no longer work.",
    ),
    News.RESET: (
        "운영자가 로그인 인증 수단을 모두 삭제했습니다.",
        "An operator removed every sign-in factor.",
    ),
}


def tell(session: Session, runtime: Runtime, person_id: uuid.UUID, news: News) -> None:
    """Have the person told, once the caller's transaction stands."""
    key = f"factors-{ids.new(runtime.clock)}"
    payload = {"person": str(person_id), "news": str(news)}
    queue.enqueue(session, runtime.clock, MAIL_JOB, key, payload | {"key": key} | _at(runtime))


def mail(runtime: Runtime, leased: Leased) -> None:
    """Send the mail that the job names, unless the account is closed.

    Raises OperatorError, smtplib.SMTPException or OSError when it does not leave.
    """
    with runtime.db.read() as session:
        person = session.get_one(Person, uuid.UUID(leased.payload["person"]))
    if person.status != PersonStatus.CLOSED:
        send(runtime.settings, _letter(runtime, person, leased), runtime.clock.now())
    with runtime.db.write() as session:
        queue.complete(session, runtime.clock, leased)


def _at(runtime: Runtime) -> dict[str, str]:
    return {"at": runtime.clock.now().isoformat()}


def _letter(runtime: Runtime, person: Person, leased: Leased) -> Letter:
    ko, en = SAID[News(leased.payload["news"])]
    moment = datetime.fromisoformat(leased.payload["at"]).astimezone(runtime.settings.zone)
    body = BODY.format(
        name=person.name,
        ko=ko,
        en=en,
        when=moment.strftime("%Y-%m-%d %H:%M %Z"),
        link=runtime.settings.public_url.rstrip("/") + "/account",
    )
    return Letter(leased.payload["key"], person.name, person.email, SUBJECT, body)
