"""Databases of earlier states of the product, as people have them, which every later state must take
over: README.md.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
COMMITS = ("ced7f05",)

# They protect nothing: everybody can read what is sealed in these databases, which is tokens of simulated clusters.
SECRET_KEY = "the key of kept databases, which signs nothing that matters, and is long enough"
CREDENTIAL_KEYS = "a2VwdC1kYXRhYmFzZXMta2V5LW9mLW5vLXZhbHVlLTE="

DATABASE = {"sqlite": "sqlite3", "postgresql": "sql"}


def database_file(commit: str, vendor: str) -> Path:
    return FOLDER / commit / f"{vendor}.{DATABASE[vendor]}.gz"


def clusters_file(commit: str, vendor: str) -> Path:
    """The simulated clusters that belong to the database, as they were when its last worker died."""
    return FOLDER / commit / f"{vendor}.clusters.json.gz"


def database(commit: str, vendor: str) -> bytes:
    return gzip.decompress(database_file(commit, vendor).read_bytes())


def clusters(commit: str, vendor: str) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(clusters_file(commit, vendor).read_bytes())))
