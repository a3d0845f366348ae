"""The JSON Schema of the file, for editors and other programs. `parse` decides; a test holds that both agree."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12. It cannot say what spans several places, such as a cluster in two groups."""
    loaded: dict[str, Any] = json.loads(
        resources.files("interconnect.files").joinpath("schema.json").read_text("utf-8")
    )
    return loaded
