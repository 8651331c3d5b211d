"""Settings: flag over environment over `sumun.toml`; an unknown key stops the start."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from gateway.errors import OperatorError
from gateway.provider_settings import IdentityProvider
from gateway.visa_settings import VisaIssuer

PREFIX = "SUMUN_"
Named = IdentityProvider | VisaIssuer
# Names that belong to the tests or to the start itself, so they are no settings of the gateway.
NOT_SETTINGS = {"config", "parent", "eval_data", "demo_password", "server", "token"}


class Settings(BaseModel):
    """Every setting of INTERFACE.md; paths are absolute once resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Path("var")
    database_url: str = ""
    storage_url: str = ""
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    public_url: str = "http://localhost:8400"
    cluster_url: str = ""
    accel: Literal["off", "nginx", "s3"] = "off"
    audit_database_url: str = ""
    keys_dir: Path | None = None
    timezone: str = "Asia/Seoul"
    review_months: Literal[1, 2, 3, 6, 12] = 1
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    outbound_networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    witnesses_file: Path | None = None
    witness_seconds: int = Field(default=10, ge=1, le=86_400)
    audit_retention_days: int | None = Field(default=None, ge=0, le=36_500)
    smtp_url: str = ""
    identity_providers: tuple[IdentityProvider, ...] = ()
    visa_issuers: tuple[VisaIssuer, ...] = ()
    staff_second_factor: Literal["required", "off"] = "required"
    tax_service_url: str = "https://api.odcloud.kr/api/nts-businessman"
    # Never shown, not even in an error: it is part of every address that is called.
    tax_service_key: SecretStr = SecretStr("")
    identity_check_url: str = ""
    identity_check_key: SecretStr = SecretStr("")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("trusted_proxies", "outbound_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("review_months", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("database_url", "audit_database_url")
    @classmethod
    def _psycopg3(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("write sqlite:///PATH or postgresql+psycopg://…")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone is called {value!r}") from error
        return value

    @field_validator("identity_providers", "visa_issuers", mode="before")
    @classmethod
    def _from_the_file(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            raise ValueError(f"write [[{info.field_name}]] tables in sumun.toml")
        return value

    @field_validator("identity_providers", "visa_issuers")
    @classmethod
    def _told_apart(cls, value: tuple[Named, ...]) -> tuple[Named, ...]:
        for what in ("id", "issuer"):
            given = [getattr(one, what) for one in value]
            if len(set(given)) != len(given):
                raise ValueError(f"two of them have the same {what}")
        return value

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'sumun.db'}"

    @property
    def storage(self) -> str:
        return self.storage_url or f"file://{self.home / 'objects'}"

    @property
    def keys(self) -> Path:
        return self.keys_dir or self.home / "keys"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def secure(self) -> bool:
        """Whether people reach the gateway over TLS, so cookies can demand it."""
        return self.public_url.startswith("https://")


def _from_file(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get(PREFIX + "CONFIG", "")
    path = Path(named or "sumun.toml")
    if not path.is_file():
        if named:
            raise OperatorError(f"settings file {path} does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"settings file {path} is not valid TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    named = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX) and value
    }
    return {key: value for key, value in named.items() if key not in NOT_SETTINGS}


def _named(place: tuple[int | str, ...]) -> str:
    """A setting as the documentation names it, with the way to a member of a table."""
    head, *rest = (str(part) for part in place) if place else ("",)
    return ".".join((PREFIX + head.upper(), *rest))


def load(
    environment: Mapping[str, str] | None = None,
    **flags: Any,
) -> Settings:
    """The resolved settings.

    `flags` are command-line values; None means "not given". Raises OperatorError, naming the
    setting, for an unknown key or a value that does not parse.
    """
    environment = os.environ if environment is None else environment
    given = {key: value for key, value in flags.items() if value is not None}
    merged = _from_file(environment) | _from_environment(environment) | given
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        # Without the error itself: its text repeats what was given, which may be a secret.
        raise OperatorError(f"setting {_named(first['loc'])}: {first['msg']}") from None
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})
