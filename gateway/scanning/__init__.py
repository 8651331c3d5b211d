"""Personal-data detection: extract, detect, decide. Parsers run only in a sandboxed child."""
