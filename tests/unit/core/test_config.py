"""Settings: what is given where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import OperatorError


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path):
    file = tmp_path / "sumun.toml"
    file.write_text('timezone = "UTC"\nlog_level = "DEBUG"\npublic_url = "https://a.example"\n')
    environment = {"SUMUN_CONFIG": str(file), "SUMUN_LOG_LEVEL": "ERROR", "SUMUN_HOME": "/x"}

    settings = load(environment, home=tmp_path)

    assert settings.home == tmp_path
    assert settings.log_level == "ERROR"
    assert settings.timezone == "UTC"
    assert settings.secure


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SUMUN_HOEM": "/x"}, "SUMUN_HOEM"),
        ({"SUMUN_ACCEL": "apache"}, "SUMUN_ACCEL"),
        ({"SUMUN_TIMEZONE": "Asia/Atlantis"}, "SUMUN_TIMEZONE"),
        ({"SUMUN_DATABASE_URL": "postgresql://u@h/d"}, "SUMUN_DATABASE_URL"),
        ({"SUMUN_TRUSTED_PROXIES": "everyone"}, "SUMUN_TRUSTED_PROXIES"),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start_and_is_named(environment, named):
    with pytest.raises(OperatorError, match=named):
        load(environment)


def test_a_settings_file_that_is_named_must_exist(tmp_path: Path):
    with pytest.raises(OperatorError, match=r"missing\.toml"):
        load({"SUMUN_CONFIG": str(tmp_path / "missing.toml")})


def test_an_unknown_key_in_the_file_is_an_error(tmp_path: Path):
    file = tmp_path / "sumun.toml"
    file.write_text("databse_url = 'sqlite:///x'\n")

    with pytest.raises(OperatorError, match="SUMUN_DATABSE_URL"):
        load({"SUMUN_CONFIG": str(file)})


def test_proxies_are_given_as_networks_with_commas_between():
    settings = load({"SUMUN_TRUSTED_PROXIES": "10.0.0.0/8, ::1/128"})

    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_the_embedded_default_keeps_everything_under_home(tmp_path: Path):
    settings = load({}, home=tmp_path)

    assert settings.database == f"sqlite:///{tmp_path}/sumun.db"
    assert settings.storage == f"file://{tmp_path}/objects"
    assert settings.keys == tmp_path / "keys"
