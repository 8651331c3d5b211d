"""After the log's key was replaced: what was published, bundled and pruned before still holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from audit.standalone.verify_bundle import NotVerified, verify
from gateway.clock import to_ms
from gateway.evidence.archive import archive
from gateway.evidence.prune import prune
from gateway.evidence.publication import publish_now
from gateway.evidence.reading import signer
from gateway.evidence.tiles import check
from gateway.journal import Actor
from gateway.runtime import Runtime
from gateway.witnessing.rotation import rotate
from tests.integration.evidence.conftest import Command, fill


def test_publication_goes_on_under_the_new_key(runtime: Runtime) -> None:
    fill(runtime, 300)
    publish_now(runtime)

    rotate(runtime, Actor.operator())
    fill(runtime, 300)
    publish_now(runtime)

    assert check(runtime).clean


def test_a_bundle_carries_the_hand_over_and_verifies_with_either_key(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    fill(runtime, 5)
    kept = tmp_path / "kept"
    kept.write_text(runtime.journal.log.checkpoint().note)
    old = str(signer(runtime).verifier)
    rotate(runtime, Actor.operator())
    fill(runtime, 5)

    made = command("export", "--since", str(kept), "--out", str(tmp_path / "b.zip"))

    assert made.exit_code == 0, made.output
    for key in (old, str(signer(runtime).verifier)):
        manifest, _ = verify(tmp_path / "b.zip", key, kept.read_text())
        assert manifest["key"] != old


def test_a_bundle_of_before_is_not_of_the_new_key_alone(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    fill(runtime, 5)
    command("export", "--out", str(tmp_path / "b.zip"))

    rotate(runtime, Actor.operator())

    with pytest.raises(NotVerified, match=r"whose key you trust.*give the older one"):
        verify(tmp_path / "b.zip", str(signer(runtime).verifier))


def test_a_minimum_signed_before_is_still_believed(
    runtime: Runtime, command: Command, tmp_path: Path
) -> None:
    fill(runtime, 600)
    runtime.clock.advance(timedelta(days=400))  # type: ignore[attr-defined]
    before = to_ms(runtime.clock.now())
    fill(runtime, 1)
    made = archive(runtime, Actor.operator(), before, tmp_path / "archive")
    prune(runtime, Actor.operator(), made)

    rotate(runtime, Actor.operator())

    assert command("verify").exit_code == 0
    assert check(runtime).clean
