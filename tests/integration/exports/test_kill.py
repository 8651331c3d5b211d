"""A worker killed in the middle of a package: the next one comes to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from gateway.clock import FixedClock
from gateway.exports.models import ExportState
from gateway.scanning.models import Scan
from tests import world as worlds
from tests.integration.exports.conftest import Stage
from tests.integration.exports.making import package
from tests.integration.exports.test_packages import staged_files

WORKER = Path(__file__).with_name("killed.py")
ROOT = Path(__file__).parents[3]


def test_a_package_whose_worker_was_killed_is_finished_by_the_next_and_nothing_is_left(
    stage: Stage, clock: FixedClock
) -> None:
    made = package(stage, "clean/*")
    counted = worlds.used_bytes(stage.runtime, stage.world.grant)
    kill_while_scanning(stage)
    assert stage.export(made).state == ExportState.SCANNING
    assert len(staged_files(stage)) == 1
    clock.advance(timedelta(minutes=6))
    assert stage.work() == 1
    assert stage.export(made).state == ExportState.RELEASED
    assert staged_files(stage) == []
    assert worlds.used_bytes(stage.runtime, stage.world.grant) == counted
    with stage.runtime.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 1


def kill_while_scanning(stage: Stage) -> None:
    settings = stage.runtime.settings
    command = [sys.executable, str(WORKER), str(settings.home), settings.database]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert int(worker.stdout.readline()) > 0
        worker.send_signal(signal.SIGKILL)
