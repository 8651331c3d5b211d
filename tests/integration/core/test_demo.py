"""The demonstration's passkey: whoever confirms themselves goes on with the renewed session."""

from __future__ import annotations

from flask import Flask

from gateway.catalog.models import DatasetVersion
from gateway.demo import confirming
from gateway.demo.cast import Member
from gateway.demo.delivery import IMAGES
from gateway.demo.stage import Stage
from gateway.demo.web import Visitor
from gateway.identity import factors, passwords
from gateway.identity.models import Person
from gateway.runtime import Runtime
from tests import people, world
from tests.parts.wsgi import serving


def test_after_the_passkey_the_demo_goes_on_and_takes_it_away_again(
    runtime: Runtime, app: Flask
) -> None:
    made = world.build(runtime, slug=IMAGES, content="health")
    world.put_files(runtime, made, {"a.txt": b"first"})
    world.change(runtime, DatasetVersion, made.version, label="v2")
    hashed = passwords.hashed(runtime.db, people.PASSWORD)
    world.change(runtime, Person, made.person, password_hash=hashed)
    member = Member(people.person(runtime, "holder"), people.PASSWORD)
    with serving(app) as port:
        kim = Visitor(f"http://127.0.0.1:{port}", member)

        confirming.confirm(Stage(), runtime, kim, member)
        issued = kim.call("POST", "/api/v1/urls", json={"dataset": IMAGES, "path": "a.txt"})
        confirming.take_away(runtime, kim, member)

    assert issued["sha256"]
    with runtime.db.read() as session:
        assert factors.factors_of(session, made.person).passkeys == []
