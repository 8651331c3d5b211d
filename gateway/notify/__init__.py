"""Mail that leaves the gateway: over SMTP, or into a folder where none is set up."""

from gateway.notify.mail import Letter, Transport, send, server_of, transport

__all__ = ["Letter", "Transport", "send", "server_of", "transport"]
