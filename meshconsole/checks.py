"""System checks of the platform's own settings; ids `meshconsole.E001` and up."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

if TYPE_CHECKING:
    from django.apps import AppConfig


@register()
def leases_outlive_calls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001: a lease that ends during a call would let two workers write at once."""
    if settings.MESHCONSOLE_LEASE_SECONDS > settings.MESHCONSOLE_CALL_DEADLINE_SECONDS:
        return []
    return [
        Error(
            "MESHCONSOLE_LEASE_SECONDS must be greater than MESHCONSOLE_CALL_DEADLINE_SECONDS.", id="meshconsole.E001"
        )
    ]


@register()
def credential_keys_are_usable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E002: an invalid Fernet key would otherwise be found only at the first credential."""
    return [
        Error(
            f"Key {number} of MESHCONSOLE_CREDENTIAL_KEYS is not a Fernet key (32 bytes, URL-safe base64).",
            id="meshconsole.E002",
        )
        for number, key in enumerate(settings.MESHCONSOLE_CREDENTIAL_KEYS, start=1)
        if not _is_fernet_key(key)
    ]


@register()
def denied_networks_are_networks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E003: an invalid entry would otherwise be found only at the first call to a cluster."""
    return [
        Error(f"{entry} in MESHCONSOLE_DENIED_NETWORKS is neither a network nor an address.", id="meshconsole.E003")
        for entry in settings.MESHCONSOLE_DENIED_NETWORKS
        if not _is_network(entry)
    ]


@register(deploy=True)
def a_broker_reaches_other_processes(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W001: without a broker, workers learn of new rollouts only from the sweep."""
    if settings.REDIS_URL:
        return []
    return [Warning("REDIS_URL is not set: workers learn of new rollouts by their sweep only.", id="meshconsole.W001")]


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry)
    except ValueError:
        return False
    return True
