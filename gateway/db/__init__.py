"""The database floor: base, types, engines and the rules of transactions."""

from gateway.db.base import Base, UtcDateTime
from gateway.db.engine import Database, WriteBusy

__all__ = ["Base", "Database", "UtcDateTime", "WriteBusy"]
