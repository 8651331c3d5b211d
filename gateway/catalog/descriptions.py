"""Reads the TOML file that describes a dataset."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gateway.catalog.schemas import CatalogFile, DatasetSpec, ProjectSpec, Strict
from gateway.errors import OperatorError

Model = TypeVar("Model", bound=Strict)


class ProjectFile(Strict):
    """A file that describes a construction project alone, or beside a dataset."""

    project: ProjectSpec
    dataset: DatasetSpec | None = None


def read(path: Path) -> CatalogFile:
    """The dataset described in `path`. Raises OperatorError that names every wrong field."""
    return _read(path, CatalogFile)


def read_project(path: Path) -> ProjectSpec:
    """The construction project described in `path`. Raises OperatorError as `read` does."""
    return _read(path, ProjectFile).project


def _read(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} is not valid TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors())
        raise OperatorError(f"{path}: {faults}") from error


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"
