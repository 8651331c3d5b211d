"""Installs what only the tests need from Debian, or names the one command that would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "chromium": "chromium",
    "nginx": "nginx-light",
    "wget": "wget",
    "curl": "curl",
    "zip": "zip",
}
FONTS = {
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
    "/usr/share/fonts/truetype/nanum/NanumGothic.ttf": "fonts-nanum",
}


def missing() -> list[str]:
    """The Debian packages whose programs or fonts are not on this machine."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    tools = [package for tool, package in PACKAGES.items() if not shutil.which(tool, path=path)]
    return tools + [package for font, package in FONTS.items() if not os.path.exists(font)]


def main() -> int:
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
