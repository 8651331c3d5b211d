"""Installs what only the tests need from Debian and npm, or names the one command that would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NPM = Path(__file__).parent / "npm"
PARTS = Path(__file__).parents[2] / ".parts" / "npm"
PACKAGES = {
    "chromium": "chromium",
    "nginx": "nginx-light",
    "wget": "wget",
    "curl": "curl",
    "zip": "zip",
    "node": "nodejs",
    "npm": "npm",
    "apache2": "apache2-bin",
    "oidc-agent": "oidc-agent-cli",
}
FILES = {
    "/usr/lib/apache2/modules/mod_auth_openidc.so": "libapache2-mod-auth-openidc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf": "fonts-nanum",
}


def missing() -> list[str]:
    """The Debian packages whose programs or fonts are not on this machine."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    tools = [package for tool, package in PACKAGES.items() if not shutil.which(tool, path=path)]
    return tools + [package for file, package in FILES.items() if not os.path.exists(file)]


def from_npm() -> None:
    """Install the OpenID peers as locked, into a folder that git does not keep."""
    wanted = (NPM / "package-lock.json").read_bytes()
    stamp = PARTS / "installed-lock.json"
    if stamp.is_file() and stamp.read_bytes() == wanted:
        return
    PARTS.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NPM / name, PARTS / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, check=True, cwd=PARTS, stdout=subprocess.DEVNULL)
    stamp.write_bytes(wanted)


def main() -> int:
    status = from_debian()
    if status == 0:
        from_npm()
    return status


def from_debian() -> int:
    packages = missing()
    if not packages:
        return 0
    command = ["apt-get", "install", "-y", "-qq", *packages]
    if os.geteuid() != 0:
        print(f"the tests need: sudo {' '.join(command)}", file=sys.stderr)
        return 2
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
