"""Random work on a log in which nothing is ever wrong: every finding is a false alarm."""

from __future__ import annotations

import contextlib
import random
import uuid

from audit.checkpoint import Checkpoint
from audit.dbapi import Sql
from audit.errors import EventReplayed
from audit.event import Event, Party
from audit.restore import restore_epoch
from audit.sequencer import Log
from audit.verify import Report
from tests.unit.audit.world import ORIGIN, SIGNER, World, event, vault

PEOPLE = [f"p{number}" for number in range(5)]


def clean_run(world: World, chance: random.Random) -> Report:
    """Do random things to a fresh log, and verify it against a checkpoint kept on the way."""
    run = Run(world, chance)
    steps = [run.append, run.record, run.checkpoint, run.reopen, run.replay, run.roll_back,
             run.turn_clock, run.erase, run.restore]  # fmt: skip
    for _ in range(chance.randint(5, 30)):
        chance.choices(steps, weights=[9, 4, 3, 1, 1, 1, 1, 0.3, 0.2])[0]()
    for log in run.logs:
        log.kick()
    world.close()
    return world.verify(since=run.kept)


class Run:
    """Two processes' logs on one database, and what an auditor has kept."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.logs = [world.log(), world.log()]
        self.events: list[Event] = []
        self.kept: Checkpoint | None = None

    @property
    def log(self) -> Log:
        return self.chance.choice(self.logs)

    def event(self) -> Event:
        pick = self.chance.choice
        about = {pick(PEOPLE): {"name": "이름"}} if self.chance.random() < 0.2 else {}
        return event(
            actor=Party(pick(PEOPLE), pick([None, "lab"])),
            subjects=tuple(set(self.chance.choices(PEOPLE, k=self.chance.randint(0, 2)))),
            about=about,
            item=pick([None, "a/b.dcm"]),
            time_ms=self.world.now_ms + self.chance.randint(-3000, 3000),
        )

    def append(self) -> None:
        for _ in range(self.chance.choice([1, 1, 1, 3, 40])):
            self.events.append(self.event())
            self.log.append(self.events[-1])

    def record(self) -> None:
        events = [self.event() for _ in range(self.chance.choice([1, 2, 60]))]
        self.world.record(self.log, *events)

    def checkpoint(self) -> None:
        self.world.now_ms += self.chance.randint(0, 3000)
        stored = self.log.checkpoint()
        if self.chance.random() < 0.3:
            self.kept = Checkpoint(ORIGIN, stored.size, bytes(stored.root))

    def reopen(self) -> None:
        place = self.chance.randrange(2)
        self.logs[place].close()
        self.logs[place] = self.world.log()

    def replay(self) -> None:
        if self.events:
            with contextlib.suppress(EventReplayed):
                self.log.append(self.chance.choice(self.events))

    def roll_back(self) -> None:
        with contextlib.suppress(ZeroDivisionError), self.world.transaction() as connection:
            self.log.record(connection, self.event())
            raise ZeroDivisionError

    def turn_clock(self) -> None:
        self.world.now_ms += self.chance.randint(-100_000, 100_000)

    def erase(self) -> None:
        person = f"gone-{uuid.uuid4().hex}"
        self.log.append(event(actor=Party(person)))
        with self.world.transaction() as connection:
            at = self.world.now_ms
            erasure = event(action="subject.erased", subjects=(person,), time_ms=at)
            self.log.record(connection, erasure)
            vault().destroy(Sql(connection, self.world.dialect), person, at)

    def restore(self) -> None:
        for log in self.logs:
            log.kick()
            log.close()
        with contextlib.closing(self.world.connect()) as connection, self.world.lock():
            restore_epoch(
                connection, self.world.dialect, vault=vault(), signer=SIGNER,
                event_id=str(uuid.uuid4()), time_ms=self.world.now_ms, actor=Party("operator:0"),
            )  # fmt: skip
        self.logs = [self.world.log(), self.world.log()]
