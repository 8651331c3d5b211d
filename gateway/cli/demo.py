"""`sumun demo`."""

from __future__ import annotations

import click

from gateway.cli.common import Home, fail, home_option
from gateway.cli.serve import DEFAULT_PORT, check_free


@click.command()
@click.option("--port", type=int, help=f"Default {DEFAULT_PORT}; any free one with --no-serve.")
@click.option("--no-serve", is_flag=True, help="End after the last step.")
@home_option
def demo(home: Home, port: int | None, no_serve: bool) -> None:
    """Run the main job end to end on real sample data; each step is printed and checked."""
    from gateway.demo.run import run
    from gateway.demo.stage import StepFailed
    from gateway.demo.web import free_port

    try:
        chosen = port or (free_port() if no_serve else DEFAULT_PORT)
        check_free("127.0.0.1", chosen)
        run(home.settings(), chosen, serve=not no_serve)
    except StepFailed as failed:
        raise fail(f"this does not hold: {failed}") from failed
