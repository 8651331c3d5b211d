"""npm `oidc-provider` on loopback, and a person who clicks through its pages."""

from __future__ import annotations

import http.cookiejar
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.parts.install import NPM, PARTS

CLIENT_ID, CLIENT_SECRET = "sumun", "a secret of at least 32 characters"
FORM = re.compile(r'<form[^>]*action="([^"]+)"')
PROMPT = re.compile(r'name="prompt" value="([^"]+)"')
MOST_STEPS = 10


@contextmanager
def providing(port: int, redirect_uri: str) -> Iterator[str]:
    """Run the provider for one client; yields its issuer."""
    assert (PARTS / "node_modules").is_dir(), "the tests need: python3 tests/parts/install.py"
    script = PARTS / "provider.mjs"
    shutil.copy(NPM / "provider.mjs", script)
    command = ["node", "--no-warnings", str(script), str(port), redirect_uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("listening"):
                break
        else:
            raise AssertionError("the provider did not start: " + "".join(said))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nothing by itself, so that the way home can be seen."""

    def redirect_request(self, *_given: Any) -> None:
        return None


def sign_in(address: str, account: str, home: str) -> str:
    """Sign in as `account`, consent, and return the address at `home` that it ends at."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(_Stays, cookies)
    url, form = address, None
    for _ in range(MOST_STEPS):
        try:
            with opener.open(url, form, timeout=10) as answer:
                page = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                url, form = urllib.parse.urljoin(url, error.headers["Location"] or ""), None
            if url.startswith(home):
                return url
            continue
        action, prompt = FORM.search(page), PROMPT.search(page)
        assert action, page
        assert prompt, page
        fields = {"prompt": prompt.group(1), "login": account, "password": "any"}
        url = urllib.parse.urljoin(url, action.group(1))
        form = urllib.parse.urlencode(fields).encode()
    raise AssertionError("the provider never sent the browser home")
