"""Opening an assigned item: through the one door, by its id, and never by a list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from flask import Response

from gateway.access import service as access
from gateway.access.ask import Ask, Caller, Intent
from gateway.access.views import caller
from gateway.catalog import manifest_index
from gateway.catalog.items import Item
from gateway.delivery.api import gate
from gateway.delivery.serving import Acts, Content, serve_object
from gateway.identity.http import require_person, rt
from gateway.journal import Act, Actor
from gateway.runtime import Runtime
from gateway.tasks import reading
from gateway.tasks.reading import Piece
from gateway.tasks.service import not_found
from policies.vocabulary import Action

WORKING = Acts(Act.TASK_ITEM_AUTHORIZED, Act.TASK_ITEM_REFUSED, Act.TASK_ITEM_COMPLETED)


@dataclass(frozen=True, slots=True)
class Opened:
    """An item that the person may work on now."""

    piece: Piece
    item: Item


def opened(task_id: uuid.UUID, item_id: uuid.UUID) -> Opened:
    """What the item is, for whoever may work on it.

    Raises Problem ACCESS_DENIED with every reason (recorded), INSUFFICIENT_USER_AUTHENTICATION,
    NOT_FOUND.
    """
    me, piece = _asked(task_id, item_id)
    gathered, decision = access.consider(rt(), _ask(rt(), me, piece, caller()))
    if not decision.allowed:
        # No step opens this address again: another task has its own.
        over = piece.is_over(rt().clock.now())
        access.refuse(rt(), me, gathered, decision, _intent(piece), over=over)
    return Opened(piece, _item(piece))


def file(task_id: uuid.UUID, item_id: uuid.UUID) -> Response:
    """The item's bytes. Raises as `opened`; nobody learns what there is before they may see it."""
    found = opened(task_id, item_id)
    me, piece, item = require_person(), found.piece, found.item
    runtime, asking = rt(), caller()
    content = Content(
        item.path,
        item.sha256,
        item.size,
        item.media_type,
        ref=f"task:{piece.task.id}",
        detail={"task_item": str(piece.item.id)},
        acts=WORKING,
    )
    return serve_object(gate(), me, content, lambda: _ask(runtime, me, piece, asking))


def _asked(task_id: uuid.UUID, item_id: uuid.UUID) -> tuple[Actor, Piece]:
    me = require_person()
    with rt().db.read() as session:
        found = reading.piece(session, task_id, item_id)
    if found is None:
        raise not_found()
    return me, found


def _ask(runtime: Runtime, me: Actor, piece: Piece, asking: Caller) -> Ask:
    """The question, with the task read anew: a stream asks it again while it runs."""
    with runtime.db.read() as session:
        task = reading.facts(session, piece.item.id, me.person_id)
    return Ask(
        Action.WORK_TASK,
        person_id=me.person_id,
        dataset_id=piece.dataset.id,
        version_id=piece.version.id,
        task=task,
        caller=asking,
    )


def _intent(piece: Piece) -> Intent:
    # Refused before anybody has seen the item's name, so the log does not tell it either.
    detail = {"task_item": str(piece.item.id)}
    return Intent(WORKING.allowed, WORKING.refused, ref=f"task:{piece.task.id}", detail=detail)


def _item(piece: Piece) -> Item:
    found = manifest_index.lookup(rt(), piece.version, piece.item.path)
    if found is None:
        raise not_found()
    return found
