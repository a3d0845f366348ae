"""ResourceQuotas, as far as they limit the number of Pods in a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import errors
from simulator.resources import BY_KIND

if TYPE_CHECKING:
    from simulator.resources import Json
    from simulator.store import Store

PODS, QUOTAS = BY_KIND["v1", "Pod"], BY_KIND["v1", "ResourceQuota"]


def admit_pod(store: Store, namespace: str, name: str) -> None:
    """Raise ApiError 403 if a quota of the namespace leaves no room for another Pod.

    As on a real cluster, a quota counts once its controller has taken it over into the status.
    """
    for quota in store.list(QUOTAS, namespace):
        hard = quota.get("status", {}).get("hard", {}).get("pods")
        used = len(store.list(PODS, namespace))
        if hard is not None and used >= int(hard):
            limits = f"requested: pods=1, used: pods={used}, limited: pods={hard}"
            raise errors.forbidden_pod(name, f"exceeded quota: {quota['metadata']['name']}, {limits}")


def take_over(quota: Json, pods: int) -> None:
    """Put into the status what the quota allows, and how many Pods there are."""
    hard = quota.get("spec", {}).get("hard", {})
    quota["status"] = {"hard": dict(hard), "used": {key: str(pods) for key in hard if key == "pods"}}
