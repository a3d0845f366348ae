"""Kubeconfigs of simulated clusters whose tokens make claims about themselves."""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml


def jwt(**claims: Any) -> str:
    """Return a JWT with these claims. Nobody verifies its signature, by which the simulator recognizes its admin."""
    head, body = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ("{}", json.dumps(claims)))
    return f"{head}.{body}.simulator-admin-token"


def with_token(kubeconfig: str, token: str) -> str:
    document = yaml.safe_load(kubeconfig)
    document["users"][0]["user"]["token"] = token
    return yaml.safe_dump(document)


def remote_secret(kubeconfig: str, name: str) -> str:
    """Return the kubeconfig as printed by `istioctl create-remote-secret` for the cluster ID `name`."""
    meta = {"name": f"istio-remote-secret-{name}", "labels": {"istio/multiCluster": "true"}}
    return (
        "# made by a tool\n"
        + yaml.safe_dump({"kind": "Secret", "metadata": meta, "stringData": {name: kubeconfig}})
        + "---\n"
    )
