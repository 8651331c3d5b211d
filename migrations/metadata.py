"""The tables of every feature, gathered for Alembic."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gateway.db import Base

FEATURES = (
    "web",
    "scanning",
    "jobs",
    "identity",
    "catalog",
    "agreements",
    "policy",
    "access",
    "applications",
    "zones",
    "delivery",
    "exports",
    "tasks",
    "emergency",
    "witnessing",
    "oversight",
)
# Tables that a feature keeps in modules of their own.
PARTS = (
    "identity.models_crowd",
    "identity.models_factors",
    "identity.models_federation",
    "identity.models_organisations",
    "identity.models_passports",
    "identity.oauth.models",
)
for module in (*(f"{feature}.models" for feature in FEATURES), *PARTS):
    import_module(f"gateway.{module}")

metadata = Base.metadata


def belongs_here(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the log's own tables, which `audit.schema` defines, out of comparisons."""
    return not (kind == "table" and (name or "").startswith("audit_"))
