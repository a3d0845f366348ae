"""Whether this process can work: the database and the broker answer."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from django.db import DatabaseError, connection

logger = logging.getLogger(__name__)
BROKER_TIMEOUT_SECONDS = 2


def readiness() -> dict[str, bool]:
    """Return, for each part that this process needs, whether it answers.

    The broker is included only if one is configured.
    """
    parts = {"database": _database_answers()}
    if settings.REDIS_URL:
        parts["broker"] = _broker_answers(settings.REDIS_URL)
    return parts


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        logger.warning("the database does not answer", exc_info=True)
        return False
    return True


def _broker_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=BROKER_TIMEOUT_SECONDS, socket_timeout=BROKER_TIMEOUT_SECONDS
        ) as client:
            client.ping()
    except redis.RedisError:
        logger.warning("the broker does not answer", exc_info=True)
        return False
    return True
