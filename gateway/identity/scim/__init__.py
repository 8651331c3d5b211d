"""SCIM 2.0 (RFC 7643, RFC 7644): an organisation's directory says who belongs to it."""
