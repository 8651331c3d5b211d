"""Sumun: the gateway of a data dam. `gateway.app` is the composition root."""
