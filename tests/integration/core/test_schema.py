"""The migrations and the models say the same."""

from __future__ import annotations

import threading

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway import schema
from gateway.db import Database
from gateway.runtime import Runtime
from migrations.metadata import belongs_here, metadata


def test_the_migrated_database_is_what_the_models_describe(runtime: Runtime):
    with runtime.db.read_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": belongs_here})
        difference = compare_metadata(context, metadata)

    assert difference == []


def test_upgrading_twice_changes_nothing(runtime: Runtime):
    assert schema.upgrade(runtime.db) == schema.head() == schema.current(runtime.db)


def test_processes_that_upgrade_at_once_do_so_one_after_the_other(tmp_path):
    url = f"sqlite:///{tmp_path}/new.db"
    errors: list[Exception] = []

    def run() -> None:
        db = Database(url)
        try:
            schema.upgrade(db)
        except Exception as error:  # what is collected is asserted below
            errors.append(error)
        finally:
            db.dispose()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
