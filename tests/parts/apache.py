"""Debian's Apache with mod_auth_openidc on loopback: a relying party in front of one page."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULES = Path("/usr/lib/apache2/modules")
LOADED = (
    "mpm_event", "authn_core", "authz_core", "authz_user", "dir", "auth_openidc",
)  # fmt: skip
START_SECONDS = 60.0
CONFIGURATION = """
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogLevel warn
ServerName localhost
Listen 127.0.0.1:{port}
{modules}
DocumentRoot {folder}/pages
DirectoryIndex index.html
OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {secret}
OIDCRedirectURI http://localhost:{port}/private/back
OIDCCryptoPassphrase a-passphrase-of-the-tests-alone
OIDCScope "openid profile"
OIDCPKCEMethod S256
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRemoteUserClaim sub
<Directory {folder}/pages>
  Require all granted
</Directory>
<Location /private>
  AuthType openid-connect
  Require valid-user
</Location>
"""


@contextmanager
def relying(folder: Path, port: int, provider: tuple[str, str, str]) -> Iterator[str]:
    """Run Apache for one client of a provider: issuer, client id, secret. Yields its page."""
    pages = folder / "pages" / "private"
    pages.mkdir(parents=True)
    (pages / "index.html").write_text("behind the gate", "utf-8")
    issuer, client_id, secret = provider
    modules = "\n".join(f"LoadModule {n}_module {MODULES}/mod_{n}.so" for n in LOADED)
    text = CONFIGURATION.format(
        folder=folder, port=port, modules=modules, issuer=issuer, client_id=client_id,
        secret=secret,
    )  # fmt: skip
    file = folder / "apache.conf"
    file.write_text(text, "utf-8")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    process = subprocess.Popen(["/usr/sbin/apache2", "-f", str(file), "-DFOREGROUND"])
    try:
        _await(port, process)
        yield f"http://localhost:{port}/private/"
    finally:
        process.terminate()
        process.wait(20)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("Apache did not start")
