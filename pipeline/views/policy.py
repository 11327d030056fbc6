"""What a page on its own may do: run these scripts, and ask for nothing from outside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence


def policy(scripts: Sequence[str]) -> str:
    """A Content-Security-Policy under which a page runs these scripts and asks for nothing."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    rules = ("default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", f"script-src {allowed}")
    return "; ".join([*rules, "base-uri 'none'", "form-action 'none'"])
