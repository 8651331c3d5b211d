"""Who received a file, told from the log alone and the manifests that its events name."""

from __future__ import annotations

import json
from typing import Any

from audit.event import Domain
from audit.leaf import decode
from audit.ocsf import Outcome
from audit.search import Entry, Filters
from gateway.journal import Act
from gateway.oversight.reading import reading
from gateway.runtime import Runtime


def of_item(runtime: Runtime, dataset: str, item: str) -> set[str]:
    """The person tokens of everyone to whom bytes of `item` were let go, alone or in a package."""
    downloads = _found(runtime, dataset, Act.DOWNLOAD_AUTHORIZED)
    direct = {row.columns.person for row in downloads if row.columns.item == _item(runtime, item)}
    holding = _packages_with(runtime, dataset, item)
    packed = {row.columns.person for row in downloads if row.columns.ref in holding}
    return {person for person in direct | packed if person}


def token(runtime: Runtime, person_id: Any) -> str:
    """The token under which the log knows a person."""
    return runtime.vault.token(Domain.PERSON, str(person_id))


def _item(runtime: Runtime, item: str) -> str:
    return runtime.vault.token(Domain.ITEM, item)


def _packages_with(runtime: Runtime, dataset: str, item: str) -> set[str | None]:
    """The packages whose manifest, as released, names `item`."""
    return {
        row.columns.ref
        for row in _found(runtime, dataset, Act.EXPORT_RELEASED)
        if item in _members(runtime, str(decode(row.leaf).detail["manifest"]))
    }


def _members(runtime: Runtime, manifest: str) -> set[str]:
    size = runtime.store.size(manifest)
    lines = runtime.store.read(manifest, 0, size).splitlines()
    return {json.loads(line)["path"] for line in lines}


def _found(runtime: Runtime, dataset: str, action: Act) -> list[Entry]:
    with reading(runtime) as opened:
        filters = Filters(dataset=dataset, action=action, outcome=Outcome.SUCCESS)
        return opened.log.search(filters, limit=500)
