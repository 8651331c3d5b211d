"""The keys folder fails closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import OperatorError
from gateway.keys import KeyStore, Purpose


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    store = KeyStore(tmp_path)
    store.ensure(data_exists=False)
    return store


def test_a_new_home_gets_one_private_key_for_each_purpose(keys: KeyStore, tmp_path: Path):
    material = {keys.current(purpose).material for purpose in Purpose}

    assert len(material) == len(Purpose)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_key_missing_beside_data_stops_the_start(keys: KeyStore, tmp_path: Path, purpose):
    (tmp_path / f"{purpose}.1.key").unlink()

    with pytest.raises(OperatorError, match=str(purpose)):
        keys.ensure(data_exists=True)


def test_a_rotated_key_signs_and_the_one_before_it_still_verifies(keys: KeyStore):
    first = keys.current(Purpose.URL)
    second = keys.add(Purpose.URL)
    third = keys.add(Purpose.URL)

    assert keys.live(Purpose.URL) == (third, second)
    assert first not in keys.live(Purpose.URL)


def test_a_key_that_others_may_read_is_refused(keys: KeyStore, tmp_path: Path):
    (tmp_path / "log.1.key").chmod(0o640)

    with pytest.raises(OperatorError, match="chmod 600"):
        keys.check()


def test_a_truncated_key_is_refused(keys: KeyStore, tmp_path: Path):
    (tmp_path / "url.1.key").write_bytes(b"short")

    with pytest.raises(OperatorError, match="32 bytes"):
        keys.check()
