"""A passkey for whoever downloads health data: registered, used, and taken away again."""

from __future__ import annotations

from gateway.demo.authenticator import Authenticator
from gateway.demo.cast import Member
from gateway.demo.delivery import IMAGES
from gateway.demo.stage import Stage, StepFailed
from gateway.demo.web import Visitor
from gateway.identity import factors, passkeys, service_factors, service_step_up
from gateway.identity.models import SessionChannel
from gateway.identity.service_fresh import Given, Self
from gateway.identity.service_sessions import find_live
from gateway.runtime import Runtime

UNAUTHORIZED = 401


def confirm(stage: Stage, runtime: Runtime, kim: Visitor, member: Member) -> None:
    """Health data is refused until a passkey confirms the person in this very session."""
    with stage.step("Health data: a passkey confirms who downloads"):
        item = kim.call("GET", f"/api/v1/datasets/{IMAGES}/versions/v2/items")["items"][0]
        wanted = {"dataset": IMAGES, "path": item["path"]}
        answer = kim.try_call("POST", "/api/v1/urls", json=wanted)
        stage.check(answer.status_code == UNAUTHORIZED, "401 insufficient_user_authentication")
        me = _self(runtime, kim, member)
        device = Authenticator(origin=runtime.settings.public_url)
        made = device.create(service_factors.begin_passkey(runtime, me, Given(member.password)))
        service_factors.add_passkey(runtime, me, "demo", made)
        asked = passkeys.options_to_sign(runtime, service_step_up.stepping_up(me))
        kim.carry(service_step_up.step_up(runtime, me, device.get(asked)).token)
        stage.say("a passkey in software answers for 15 minutes")


def take_away(runtime: Runtime, kim: Visitor, member: Member) -> None:
    """Remove the passkey: nobody who tries the demonstration has it."""
    me = _self(runtime, kim, member)
    with runtime.db.read() as session:
        (passkey,) = factors.factors_of(session, me.person_id).passkeys
    service_factors.remove_passkey(runtime, me, passkey.id, Given(member.password))


def _self(runtime: Runtime, visitor: Visitor, member: Member) -> Self:
    live = find_live(runtime, visitor.token, SessionChannel.CLIENT)
    if live is None:
        raise StepFailed("the session is live")
    return Self(member.actor, live.session_id)
