"""The JSON Schema of the file, for editors and other programs. `parse` decides; a test checks that both agree."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12).

    It can't express rules that span several places, such as a cluster in two groups.
    """
    loaded: dict[str, Any] = json.loads(
        resources.files("interconnect.files").joinpath("schema.json").read_text("utf-8")
    )
    return loaded
