"""What `status --json` says, for the tests that read it."""

from __future__ import annotations

from typing import Any


def codes(node: Any) -> set[str]:
    """Every `code` at any depth: findings, alerts, results of steps."""
    if isinstance(node, list):
        return set().union(*map(codes, node))
    if not isinstance(node, dict):
        return set()
    own = {node["code"]} if isinstance(node.get("code"), str) and node["code"] else set()
    return own.union(*map(codes, node.values()))


def stale(status: Any, cluster: str) -> int:
    """How many Pods of a cluster still carry another network than its group's."""
    counted = status["clusters"][cluster]["stale"]
    return int(counted["stale"]) if counted else 0


def rollout(status: Any) -> str:
    """How the last rollout ended, `succeeded`, `failed` or `cancelled`, or that it is `running`."""
    return str(status["rollout"]["status"])


def addresses(status: Any, group: str) -> set[tuple[str, int]]:
    """Where a joined group is reached; empty when it is not joined."""
    return {(entry["host"], entry["port"]) for entry in status["groups"][group]["joined"] or []}


def gateway(status: Any, key: str) -> Any:
    """`name`, `ready`, `replicas` that run, and `addresses` of one gateway, `cluster/number`."""
    return next(
        found for group in status["groups"].values() for name, found in group["gateways"].items() if name == key
    )
