"""The two spellings of one Redis or Valkey address."""

from __future__ import annotations


def celery_url(redis_url: str) -> str:
    """`unix:///path?db=0` of redis-py is `redis+socket:///path?virtual_host=0` to kombu; other URLs are the same to both."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    database = dict(pair.partition("=")[::2] for pair in query.split("&") if pair).get("db", "0")
    return f"redis+socket://{path}?virtual_host={database}"
