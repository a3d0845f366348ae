"""What the console is measured against: a client that writes the same objects with the same waits, and nothing else.

No record, no leases, no look at what was there before, no checks, no proof at the end: asyncio streams and JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from interconnect.domain import manifests
from interconnect.domain.entries import NETWORK_LABEL, RULE_NAME, Target
from interconnect.domain.injection import with_network
from interconnect.domain.json_types import Json
from interconnect.domain.names import gateway_name
from interconnect.domain.topology import Gateway, GatewayKey, GatewaySpec

SYSTEM = "istio-system"
MESH = "plain"
NAMESPACE = f"/api/v1/namespaces/{SYSTEM}"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
RULES = f"/apis/networking.istio.io/v1/namespaces/{SYSTEM}/gateways"
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{SYSTEM}/deployments"
PLURALS = {
    "ServiceAccount": f"{NAMESPACE}/serviceaccounts",
    "Service": f"{NAMESPACE}/services",
    "Deployment": DEPLOYMENTS,
}
FIRST_PAUSE, ISTIOD_PAUSE = 0.2, 0.5
APPLY = "application/apply-patch+yaml"


@dataclass
class Result:
    """`calls` by cluster."""

    seconds: float
    calls: Counter[str]


class Connection:
    """One kept connection to one cluster."""

    def __init__(self, name: str, folder: Path, context: ssl.SSLContext, calls: Counter[str]) -> None:
        said = yaml.safe_load((folder / name / "kubeconfig").read_text())
        url = urlsplit(said["clusters"][0]["cluster"]["server"])
        self.host, self.port, self._prefix = url.hostname or "", url.port or 443, url.path
        self._token, self._context, self._calls, self.name = said["users"][0]["user"]["token"], context, calls, name

    async def open(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self.host, self.port, ssl=self._context)
        return self

    async def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Json:
        self._calls[self.name] += 1
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {self._prefix}{path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self._token}\r\n"
        self._writer.write(f"{head}Content-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.lower().startswith("content-length"))
        answer: Json = json.loads(await self._reader.readexactly(length))
        if " 20" not in lines[0]:
            raise RuntimeError(f"{method} {path}: {lines[0]} {answer}")
        return answer

    async def apply(self, path: str, manifest: Json) -> Json:
        return await self.call("PATCH", f"{path}?fieldManager=plain&force=false", manifest, APPLY)

    async def settled(self, path: str, pause: float) -> None:
        while not _settled(await self.call("GET", path)):
            await asyncio.sleep(pause)
            pause = min(2 * pause, 15.0) if pause < ISTIOD_PAUSE else pause

    def close(self) -> None:
        self._writer.close()


def carry_out(folder: Path, hub: str, names: tuple[str, ...]) -> Result:
    """Enable, a group and a gateway for each cluster, and all of them joined with one restart of istiod."""
    calls: Counter[str] = Counter()
    began = time.monotonic()
    asyncio.run(_carry_out(folder, hub, names, calls))
    return Result(time.monotonic() - began, calls)


async def _carry_out(folder: Path, hub: str, names: tuple[str, ...], calls: Counter[str]) -> None:
    said = yaml.safe_load((folder / hub / "kubeconfig").read_text())
    certificate = base64.b64decode(said["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=certificate)
    control_plane = await Connection(hub, folder, context, calls).open()
    await control_plane.apply(f"{RULES}/{RULE_NAME}", manifests.gateway_rule(_rule(), MESH, "cluster.local"))
    addresses = await asyncio.gather(*(_prepare(Connection(name, folder, context, calls)) for name in names))
    await _publish(control_plane, dict(zip(names, addresses, strict=True)))
    control_plane.close()


def _rule() -> Target:
    return Target("", *manifests.RULE, SYSTEM, RULE_NAME)


async def _prepare(cluster: Connection) -> str:
    """Returns the address of the cluster's gateway."""
    await cluster.open()
    network = f"g-{cluster.name}"
    label = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM, "labels": {NETWORK_LABEL: network}}}
    await cluster.apply(f"/api/v1/namespaces/{SYSTEM}", label)
    for configuration in (await cluster.call("GET", WEBHOOKS))["items"]:
        patch = [
            {
                "op": "replace",
                "path": f"/webhooks/{index}/clientConfig/url",
                "value": with_network(entry["clientConfig"]["url"], network),
            }
            for index, entry in enumerate(configuration["webhooks"])
        ]
        await cluster.call(
            "PATCH", f"{WEBHOOKS}/{configuration['metadata']['name']}", patch, "application/json-patch+json"
        )
    key = GatewayKey(cluster.name, 1)
    gateway = Gateway(key, str(uuid.uuid4()), gateway_name(key), GatewaySpec())
    for target, manifest in manifests.gateway_manifests(
        gateway, mesh=MESH, network=network, cluster=cluster.name, namespace=SYSTEM, revision=""
    ):
        await cluster.apply(f"{PLURALS[target.kind]}/{target.name}", manifest)
    await cluster.settled(f"{DEPLOYMENTS}/{gateway.name}", FIRST_PAUSE)
    address = await _address(cluster, gateway.name)
    cluster.close()
    return address


async def _address(cluster: Connection, name: str) -> str:
    pause = FIRST_PAUSE
    while True:
        service = await cluster.call("GET", f"{PLURALS['Service']}/{name}")
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress")
        if ingress:
            return str(ingress[0].get("ip") or ingress[0]["hostname"])
        await asyncio.sleep(pause)
        pause *= 2


async def _publish(control_plane: Connection, addresses: dict[str, str]) -> None:
    networks = {
        f"g-{name}": {"endpoints": [{"fromRegistry": name}], "gateways": [{"address": address, "port": 15443}]}
        for name, address in addresses.items()
    }
    config_map = await control_plane.call("GET", f"{NAMESPACE}/configmaps/istio")
    config_map["data"]["meshNetworks"] = json.dumps({"networks": networks})
    await control_plane.call("PUT", f"{NAMESPACE}/configmaps/istio", config_map)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2030-01-01T00:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": restarted}}}}
    await control_plane.call("PATCH", f"{DEPLOYMENTS}/istiod", patch, "application/strategic-merge-patch+json")
    await control_plane.settled(f"{DEPLOYMENTS}/istiod", ISTIOD_PAUSE)


def _settled(deployment: Json) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == {wanted}
