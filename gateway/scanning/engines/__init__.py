"""The heavy engines (Presidio, pydicom). Imported by the zygote, never by a server process."""
