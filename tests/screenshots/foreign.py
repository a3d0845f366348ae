"""Somebody else on a cluster, who knows nothing of the console: writes objects by their path, as kubectl would."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from typing import Any

import yaml

GATEWAYS = "/apis/networking.istio.io/v1/namespaces/{namespace}/gateways"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


def write(kubeconfig: str, method: str, path: str, body: Any, kind: str = "application/json") -> None:
    """Raises urllib.error.HTTPError with what the cluster has against it."""
    known = yaml.safe_load(kubeconfig)
    cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    headers = {"Authorization": f"Bearer {user['token']}", "Content-Type": kind}
    request = urllib.request.Request(cluster["server"] + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, context=context, timeout=20):
        pass


def create_gateway(
    kubeconfig: str, name: str, namespace: str = "istio-system", hosts: tuple[str, ...] = ("*.local",)
) -> None:
    """A Gateway on port 15443 that the console did not make."""
    server = {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": list(hosts),
    }
    body = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"istio": "eastwestgateway"}, "servers": [server]},
    }
    write(kubeconfig, "POST", GATEWAYS.format(namespace=namespace), body)


def change_the_rule(kubeconfig: str) -> None:
    """By an editor that takes the whole list of servers, as editors do."""
    server = {
        "port": {"number": 15443, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.example.com"],
    }
    path = GATEWAYS.format(namespace="istio-system") + "/cross-network-gateway?fieldManager=kubectl-edit"
    write(kubeconfig, "PATCH", path, {"spec": {"servers": [server]}}, MERGE)


def take_replicas(kubeconfig: str, deployment: str, replicas: int) -> None:
    """Server-side apply by force: the field is somebody else's from now on."""
    path = f"/apis/apps/v1/namespaces/istio-system/deployments/{deployment}?fieldManager=flux&force=true"
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment},
        "spec": {"replicas": replicas},
    }
    write(kubeconfig, "PATCH", path, body, APPLY)
