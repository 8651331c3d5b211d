"""The JSON API of crowd work."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, url_for

from gateway.identity.http import actor, require_person, require_role_somewhere, require_viewer, rt
from gateway.identity.schemas_crowd import WorkerOut, WorkerSignUp
from gateway.tasks import opening, reading, service, views
from gateway.tasks.schemas import (
    AssignedList,
    CurrentOut,
    Finished,
    ItemOut,
    TaskBody,
    TaskMade,
    TaskQuery,
)
from gateway.tasks.service import ASSIGNERS
from gateway.tasks.service_joining import Read, join
from gateway.web.forms import parse, parse_query
from gateway.web.i18n import language
from gateway.web.openapi import documented

TAG = "Crowd work"
blueprint = Blueprint("tasks_api", __name__, url_prefix="/api/v1")


@blueprint.post("/crowd-workers")
@documented(tag=TAG, json=WorkerSignUp, answer=WorkerOut, status=201, public=True)
def sign_up() -> tuple[dict[str, Any], int]:
    """Sign up as a crowd worker, having read the texts whose hashes are given."""
    body = parse(WorkerSignUp)
    made = join(
        rt(),
        actor(),
        body.worker(language()),
        body.password,
        Read(body.consents, body.agreement_sha256),
    )
    return WorkerOut(id=made.id, account=made.account).model_dump(mode="json"), 201


@blueprint.get("/tasks")
@documented(tag=TAG, answer=AssignedList, query=TaskQuery)
def tasks() -> dict[str, Any]:
    """List the tasks that one answers for, newest first."""
    require_person()
    parse_query(TaskQuery)
    page = views.page_of_tasks()
    listed = [views.assigned_out(row) for row in page.items]
    found = AssignedList(tasks=listed, next=page.next, previous=page.previous)
    return found.model_dump(mode="json")


@blueprint.post("/tasks")
@documented(tag=TAG, json=TaskBody, answer=TaskMade, status=201)
def assign() -> tuple[dict[str, Any], int]:
    """Assign items of a version to one worker."""
    me, body = require_person(), parse(TaskBody)
    require_role_somewhere(*ASSIGNERS)
    made = service.assign(rt(), me, body.new(rt().clock.now()))
    return TaskMade(id=made).model_dump(mode="json"), 201


@blueprint.post("/tasks/<uuid:task_id>/end")
@documented(tag=TAG, status=204)
def end(task_id: uuid.UUID) -> tuple[str, int]:
    """Take a task back."""
    service.end(rt(), require_person(), task_id)
    return "", 204


@blueprint.get("/tasks/current")
@documented(tag=TAG, answer=CurrentOut)
def current() -> dict[str, Any]:
    """One's own task, with the item to work on now."""
    me = require_viewer().person_id
    with rt().db.read() as session:
        found = reading.current(session, me, rt().clock.now())
    if found is None:
        raise service.not_found()
    return views.current_out(found).model_dump(mode="json")


@blueprint.get("/tasks/<uuid:task_id>/items/<uuid:item_id>")
@documented(tag=TAG, answer=ItemOut)
def item(task_id: uuid.UUID, item_id: uuid.UUID) -> dict[str, Any]:
    """One item of one's own task."""
    found = opening.opened(task_id, item_id)
    shown = ItemOut(
        id=item_id,
        task=task_id,
        path=found.item.path,
        size=found.item.size,
        media_type=found.item.media_type,
        sha256=found.item.sha256,
        file=url_for("tasks.file", task_id=task_id, item_id=item_id),
    )
    return shown.model_dump(mode="json")


@blueprint.post("/tasks/<uuid:task_id>/items/<uuid:item_id>/finish")
@documented(tag=TAG, json=Finished, status=204)
def finish(task_id: uuid.UUID, item_id: uuid.UUID) -> tuple[str, int]:
    """Be done with an item, or skip it; no reason is asked."""
    me, body = require_person(), parse(Finished)
    service.finish_item(rt(), me, task_id, item_id, body.outcome)
    return "", 204
