"""Tells another operator or an auditor at once, in both languages. Sending twice is harmless."""

from __future__ import annotations

import uuid

from gateway.catalog.models import Dataset
from gateway.emergency.models import Emergency
from gateway.emergency.shared import entry
from gateway.identity.models import Person
from gateway.jobs import queue
from gateway.jobs.queue import Leased
from gateway.journal import Act, Actor
from gateway.notify import Letter, send
from gateway.runtime import Runtime

SUBJECT = "[수문] 비상 권한이 열렸습니다: {dataset} / Break-glass access opened: {dataset}"
BODY = """{who} 운영자가 {dataset} 데이터셋에 비상 권한을 열었습니다. {until}에 끝납니다.

사유: {reason}

이용 권한의 정지·취소와 버전의 제공 중단만 할 수 있습니다. 사유가 맞지 않으면 아래 주소에서 바로
끝낼 수 있습니다. 끝난 뒤에는 감사 담당자가 검토해야 합니다.

{link}

----

The operator {who} has opened break-glass access to the dataset {dataset}. It ends at {until}.

Reason: {reason}

It can suspend and revoke grants and withdraw versions, and nothing else. If the reason is not
right, end it at once at the address above. An auditor has to review it afterwards.
"""


def tell(runtime: Runtime, leased: Leased) -> None:
    """Send the letter that the job names.

    Raises OperatorError, smtplib.SMTPException or OSError when it does not leave.
    """
    with runtime.db.read() as session:
        row = session.get_one(Emergency, uuid.UUID(leased.payload["emergency"]))
        dataset = session.get_one(Dataset, row.dataset_id)
        holder = session.get_one(Person, row.person_id)
        reader = session.get_one(Person, uuid.UUID(leased.payload["person"]))
    letter = _letter(runtime, (row, dataset, holder, reader))
    send(runtime.settings, letter, runtime.clock.now())
    with runtime.db.write() as session:
        queue.complete(session, runtime.clock, leased)
        told = entry(Actor.system(), Act.EMERGENCY_TOLD, row, dataset, {"told": str(reader.id)})
        runtime.journal.record(session, told)


def _letter(runtime: Runtime, about: tuple[Emergency, Dataset, Person, Person]) -> Letter:
    row, dataset, holder, reader = about
    base = runtime.settings.public_url.rstrip("/")
    said = {
        "who": holder.name,
        "dataset": dataset.slug,
        "until": row.ends_at.astimezone(runtime.settings.zone).strftime("%Y-%m-%d %H:%M %Z"),
        "reason": row.reason,
        "link": f"{base}/emergency/{row.id}",
    }
    key = f"emergency-{row.id}-{reader.id}"
    return Letter(key, reader.name, reader.email, SUBJECT.format(**said), BODY.format(**said))
