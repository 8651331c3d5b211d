"""Reads the TOML file that describes a dataset."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from gateway.catalog.schemas import CatalogFile
from gateway.errors import OperatorError


def read(path: Path) -> CatalogFile:
    """The description in `path`. Raises OperatorError that names every wrong field."""
    try:
        return CatalogFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors())
        raise OperatorError(f"{path}: {faults}") from error


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"
