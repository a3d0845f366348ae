"""Exit codes of `manage.py interconnect`."""

from __future__ import annotations

OK = 0
REFUSED = 1
CHANGES = 2  # `plan` only
FAILED = 3
ADDRESS_PENDING = 4
CRITICAL = 5  # `status` only: a critical finding is open
LEFT_RUNNING = 130
