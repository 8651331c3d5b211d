"""The heavy engines (Presidio, pydicom). Imported by the zygote, never by a server process."""

from __future__ import annotations

import socket

# urllib3, which comes along with Presidio, would open a socket while it is imported, to find out
# about IPv6. A scanner opens none.
socket.has_ipv6 = False
