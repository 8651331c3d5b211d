"""The verifier: re-reads every row of the log and trusts none of them."""

from __future__ import annotations

from audit.verify.findings import Report, VerifyFinding
from audit.verify.run import verify

__all__ = ["Report", "VerifyFinding", "verify"]
