"""What the operator sees: JSON logs with a request id, and metrics for loopback peers."""
