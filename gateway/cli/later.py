"""A group that holds commands of its own and imports others only when they are named."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LaterGroup(click.Group):
    """`later` maps a command's name to `module:attribute`."""

    def __init__(self, *arguments: Any, later: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._later = later

    def list_commands(self, context: click.Context) -> list[str]:
        """Every name, imported or not."""
        return sorted({*super().list_commands(context), *self._later})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, imported now if it lives elsewhere."""
        if name not in self._later:
            return super().get_command(context, name)
        module, attribute = self._later[name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command
