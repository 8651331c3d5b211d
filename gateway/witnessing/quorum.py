"""Whether the witnesses keep up with the log, for the command, the doctor and the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from audit.dbapi import Dialect, Sql
from audit.policy_file import NONE
from audit.stores import store_for
from gateway.clock import from_ms
from gateway.config import Settings
from gateway.db import Database
from gateway.witnessing import policy_file
from gateway.witnessing.service import newest_met

GRACE = 3
# A busy log has a new checkpoint every second: what counts is how long the first one has waited.
_WAITING = "SELECT time_ms FROM audit_checkpoints WHERE seq > ? ORDER BY seq LIMIT 1"


@dataclass(frozen=True, slots=True)
class Quorum:
    """Whether the quorum is met; `words` says it in one sentence.

    `since` is when the checkpoint was signed that met it last, None when none ever did.
    """

    met: bool
    words: str
    since: datetime | None = None


def quorum(db: Database, settings: Settings, now: datetime) -> Quorum:
    """Whether the quorum is met for what is older than three intervals. Raises OperatorError."""
    policy = policy_file.load(settings)
    if policy.quorum == NONE:
        return Quorum(True, "no quorum is asked for: nobody outside confirms this log")
    dialect = Dialect(db.dialect)
    with db.read() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        sql = Sql(connection, dialect)
        found, newest = newest_met(sql, policy), store_for(dialect).latest_checkpoint(sql)
        if found is None or newest is None:
            return Quorum(False, "the quorum is UNMET: no checkpoint was ever cosigned by it")
        waiting = sql.one(_WAITING, (found.seq,))
    since, share = from_ms(found.time_ms), f"for {found.size} of {newest.size} entries"
    grace = timedelta(seconds=GRACE * settings.witness_seconds)
    if waiting is None or from_ms(waiting[0]) >= now - grace:
        return Quorum(True, f"the quorum is met {share}", since)
    when = since.astimezone(settings.zone).isoformat(sep=" ", timespec="seconds")
    words = f"the quorum is UNMET: not cosigned by it since {when}, and met {share} only"
    return Quorum(False, words, since)
