"""What is stored as JSON, or sent as such."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""One decoded JSON object."""
