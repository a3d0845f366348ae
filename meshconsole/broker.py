"""Redis or Valkey: the two spellings of its address, and what the cache keeps there."""

from __future__ import annotations

import json
from typing import Any


class JsonSerializer:
    """For Django's cache, whose own serializer unpickles: anyone who can write to the cache could run code."""

    def dumps(self, value: Any) -> bytes | int:
        # A number as such, so that the server can count it up.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return None, which means absent, for anything that isn't JSON."""
        try:
            return json.loads(data)
        except ValueError:
            return None


def celery_url(redis_url: str) -> str:
    """`unix:///path?db=0` of redis-py is `redis+socket:///path?virtual_host=0` to kombu; other URLs are the same to
    both.
    """
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    database = dict(pair.partition("=")[::2] for pair in query.split("&") if pair).get("db", "0")
    return f"redis+socket://{path}?virtual_host={database}"
