"""The edge of the gateway: headers, CSRF, the client's address, limits on forged requests."""
