"""Redis or Valkey: the two spellings of its address, and how the cache stores values there."""

from __future__ import annotations

import json
from typing import Any


class JsonSerializer:
    """For Django's cache, whose own serializer unpickles: anyone who can write to the cache could run code."""

    def dumps(self, value: Any) -> bytes | int:
        # Plain numbers, so that the server can increment them.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return None, which means absent, for anything that isn't JSON."""
        try:
            return json.loads(data)
        except ValueError:
            return None


def celery_url(redis_url: str) -> str:
    """Return kombu's form of a Redis URL.

    redis-py's `unix:///path?db=0` is `redis+socket:///path?virtual_host=0` to kombu; other URLs are the same for both.
    """
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    database = dict(pair.partition("=")[::2] for pair in query.split("&") if pair).get("db", "0")
    return f"redis+socket://{path}?virtual_host={database}"
