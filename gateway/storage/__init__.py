"""Content-addressed, immutable objects on local disk or S3."""

from gateway.storage.store import ObjectMissing, Staged, Store, StoreUnavailable

__all__ = ["ObjectMissing", "Staged", "Store", "StoreUnavailable"]
