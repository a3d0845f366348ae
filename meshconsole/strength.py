"""What production refuses to start with, in sentences; "" means good enough. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

SHORTEST_SECRET, FEWEST_CHARACTERS = 32, 10
# What examples, tutorials and generators use as placeholders for secrets.
EXAMPLE = re.compile(r"insecure|(change|replace)[-_ ]?(me|this|it)", re.IGNORECASE)
HOST = re.compile(
    r"\.?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:.]+\]", re.IGNORECASE
)


def secret_weakness(secret: str) -> str:
    """Return why a text that signs sessions can be guessed."""
    if len(secret) < SHORTEST_SECRET:
        return f"is shorter than {SHORTEST_SECRET} characters"
    if len(set(secret)) < FEWEST_CHARACTERS or _repeats(secret):
        return "repeats itself"
    if EXAMPLE.search(secret):
        return "comes from an example that others know"
    return ""


def host_weakness(hosts: Iterable[str]) -> str:
    """Return why a list of host names admits names that aren't the console's, or isn't valid."""
    for host in hosts:
        if host == "*" or (host.startswith(".") and host.count(".") < 2):
            return f"{host} stands for names of others too"
        if not HOST.fullmatch(host):
            return (
                f"{host} isn't a host name. Write it without scheme, port and path; .example.org stands "
                f"for all names below example.org"
            )
    return ""


def origin_weakness(origins: Iterable[str]) -> str:
    """Return why a list of origins trusts other people's pages, or a connection that anyone on the path can change."""
    for origin in origins:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        if parts.scheme != "https":
            return f"{origin} doesn't begin with https://"
        if "*" in host and not re.fullmatch(r"\*(\.[a-z0-9-]+){2,}", host):
            return f"{origin} stands for names of others too"
    return ""


def _repeats(secret: str) -> bool:
    """Return whether the secret is one short piece repeated."""
    return (secret + secret).find(secret, 1) < len(secret)
