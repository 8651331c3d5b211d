"""Who acts, and from where. Services take an `Actor`; nothing reads it from a global."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field

from audit.event import Channel, Party, PartyKind, Place


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts. `personal` (account, name) is sealed under the person's own key.

    `organisation_id` is the organisation acted for. `roles` are staff roles by name, for pages;
    services look roles up again where they decide. `program` is the client id of the registered
    program through which a person acts: staff roles and managers' rights do not go through it.
    `roles_rest` while staff have signed in with a password alone: their roles do not count either.
    """

    kind: PartyKind
    place: Place
    person_id: uuid.UUID | None = None
    organisation_id: uuid.UUID | None = None
    personal: dict[str, str] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    program: str = ""
    roles_rest: bool = False

    @classmethod
    def system(cls) -> Actor:
        """The worker acting on its own schedule."""
        return cls(PartyKind.SYSTEM, Place(channel=Channel.WORKER))

    @classmethod
    def anonymous(cls, place: Place) -> Actor:
        """Somebody who has not signed in."""
        return cls(PartyKind.ANONYMOUS, place)

    @classmethod
    def operator(cls) -> Actor:
        """An operator's command on the host, named by the Unix user id it runs under."""
        account = f"operator:{os.getuid()}"
        return cls(PartyKind.OPERATOR, Place(channel=Channel.CLI), personal={"account": account})

    @property
    def party(self) -> Party:
        """The same as the log's envelope names it."""
        organisation = str(self.organisation_id) if self.organisation_id else None
        return Party(self._key, organisation, self.kind)

    @property
    def _key(self) -> str | None:
        if self.kind is PartyKind.SYSTEM:
            return "system:worker"
        if self.kind is PartyKind.OPERATOR:
            return self.personal["account"]
        return str(self.person_id) if self.person_id else None
