"""Which event closes which: an authorised transfer, and what became of it.

The ids are derived from the intent's, so the log itself refuses a second outcome of one transfer,
and a look-up by id tells whether there is one.
"""

from __future__ import annotations

import uuid

from gateway import ids
from gateway.journal import Act


def outcome_id(intent: uuid.UUID) -> uuid.UUID:
    """The id of the event that says how the transfer ended."""
    return ids.derived(intent, Act.DOWNLOAD_COMPLETED)


def unresolved_id(intent: uuid.UUID) -> uuid.UUID:
    """The id of the event that says that nobody reported how the transfer ended."""
    return ids.derived(intent, Act.DOWNLOAD_UNRESOLVED)
