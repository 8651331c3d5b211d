"""The journal: state changes and their audit events, bound together."""

from audit.event import Channel, PartyKind, Place
from audit.ocsf import Outcome
from gateway.journal.actions import Act
from gateway.journal.actor import Actor
from gateway.journal.service import Entry, Journal

__all__ = ["Act", "Actor", "Channel", "Entry", "Journal", "Outcome", "PartyKind", "Place"]
