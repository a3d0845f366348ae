"""kombu's transport for Redis and Valkey, which a message that is none does not end."""

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
    """By the time a message is read it is off the queue: what cannot be understood is dropped, and the next one is
    read.
    """

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
    """For every URL of a Redis or Valkey; called before a connection is made."""
    place = f"{__name__}:Transport"
    TRANSPORT_ALIASES.update(redis=place, rediss=place)


def dropped(reason: str) -> None:
    """Nothing of the message is logged: whoever wrote it is not known, and the sweep finds what it may have meant."""
    logger.error("a broken message was dropped", extra={"reason": reason, "dropped_count": next(_numbers)})


@task_rejected.connect
def rejected(**kwargs: Any) -> None:
    dropped("rejected")


@task_unknown.connect
def unknown(**kwargs: Any) -> None:
    dropped("unknown task")
