"""Agreement files that are not what was registered are named, at the start and by the doctor."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.agreements import service
from gateway.doctor import Check, examine
from gateway.errors import OperatorError
from gateway.policy import service_releases as releases
from gateway.policy.models import PolicyRelease, ReleaseState
from gateway.runtime import Runtime
from policies import agreements as files
from policies.agreements import AgreementText


def looked_at(runtime: Runtime, name: str) -> Check:
    (found,) = [one for one in examine(runtime.settings) if one.name == name]
    return found


def altered(text: AgreementText, file: str) -> AgreementText:
    """The text as it loads after somebody changed one of its three files."""
    changes = {
        "ko.md": {"ko": text.ko + "\n제99조\n"},
        "en.md": {"en": text.en + "\nArticle 99\n"},
        "terms.toml": {},
    }
    return dataclasses.replace(text, sha256="5" * 64, **changes[file])


@pytest.mark.parametrize("file", ["ko.md", "en.md", "terms.toml"])
def test_a_file_that_was_changed_is_named_by_the_start_and_by_the_doctor(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    service.sync_files(runtime)
    assert looked_at(runtime, "agreements").ok
    texts = [altered(text, file) if text.code == "health" else text for text in files.load()]
    monkeypatch.setattr(files, "load", lambda: texts)

    with pytest.raises(OperatorError, match=f"policies/agreements/health/v1/{file}: not the"):
        service.sync_files(runtime)
    doctor = looked_at(runtime, "agreements")
    assert (doctor.ok, f"health/v1/{file}" in doctor.found) == (False, True)


def test_the_doctor_names_a_release_whose_record_was_changed(runtime: Runtime) -> None:
    releases.sync_program(runtime)
    assert looked_at(runtime, "rules").ok
    with runtime.db.write() as session:
        row = session.query(PolicyRelease).filter_by(state=ReleaseState.IN_FORCE).one()
        row.sha256 = "6" * 64

    doctor = looked_at(runtime, "rules")
    assert (doctor.ok, "6" * 64 in doctor.found) == (False, True)
