"""kombu's transport for Redis and Valkey, made to survive invalid messages."""

from __future__ import annotations

import itertools
import logging
from queue import Empty
from typing import Any

from celery.signals import task_rejected, task_unknown
from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)
_numbers = itertools.count(1)


class Channel(redis.Channel):
    """Drops a message that can't be understood, which is off the queue once read, and reads the next one."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (Empty, *self.connection_errors):  # type: ignore[attr-defined]
            raise
        except Exception as error:
            dropped(type(error).__name__)
            return True


class Transport(redis.Transport):
    Channel = Channel


def install() -> None:
    """Install the transport for all Redis and Valkey URLs; call it before a connection is made."""
    place = f"{__name__}:Transport"
    TRANSPORT_ALIASES.update(redis=place, rediss=place)


def dropped(reason: str) -> None:
    """Log that a message was dropped, but nothing from it.

    Its sender is unknown, and the sweep finds whatever it may have announced.
    """
    logger.error("a broken message was dropped", extra={"reason": reason, "dropped_count": next(_numbers)})


@task_rejected.connect
def rejected(**kwargs: Any) -> None:
    dropped("rejected")


@task_unknown.connect
def unknown(**kwargs: Any) -> None:
    dropped("unknown task")
