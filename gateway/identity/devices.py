"""What a person calls the machine they sit at, read from what its browser says."""

from __future__ import annotations

# The first that fits counts: Edge says Chrome too, Chrome says Safari too, Android says Linux.
BROWSERS = (("Edg", "Edge"), ("Whale/", "Whale"), ("SamsungBrowser/", "Samsung Internet"),
            ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
SYSTEMS = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
           ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip


def device_of(user_agent: str) -> str:
    """Browser and system such as "Firefox · Windows"; the plain text when neither is known."""
    found = [
        next((name for sign, name in known if sign in user_agent), "")
        for known in (BROWSERS, SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or user_agent
