"""The web process stays light, and the client stays apart from the server."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("presidio_analyzer", "spacy", "distributed", "pyarrow", "onnxruntime", "pydicom", "numpy")
SERVER = ("flask", "sqlalchemy", "cryptography", "pydantic", "alembic", "orjson", "cedarpy")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_the_web_process_imports_no_heavy_engine():
    assert loaded_after("import gateway.app").isdisjoint(HEAVY)


def test_the_client_imports_nothing_of_the_server():
    assert loaded_after("import gateway.cli.client, gateway.client").isdisjoint(SERVER)


def test_asking_for_help_imports_no_command():
    loaded = loaded_after("from gateway.cli.main import root; root.list_commands(None)")

    assert loaded.isdisjoint({*SERVER, *HEAVY})
