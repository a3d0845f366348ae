"""A second istiod beside the first, as an upgrade by revision makes it: copied from what is there, under another
revision.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from tests.live.support.installation import eventually

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from tests.live.support.client import Client
    from tests.live.support.installation import Live, Undo

REVISION = "canary"


def add_revision(live: Live, undo: Undo, *, shared: str = "") -> None:
    """istiod-canary with ConfigMap istio-canary; `shared` is the ConfigMap that it takes with SHARED_MESH_CONFIG
    instead.
    """
    system = f"/api/v1/namespaces/{live.system}"
    for name in ("istio", "istio-sidecar-injector"):
        _copy(live.config.api, f"{system}/configmaps", name, f"{name}-{REVISION}", undo)
    if shared:
        _copy(live.config.api, f"{system}/configmaps", "istio", shared, undo)
    path = f"/apis/apps/v1/namespaces/{live.system}/deployments"
    live.hub.api.create(path, _deployment(live.hub.api.get(f"{path}/istiod"), shared))
    undo(lambda: _remove(live, f"{path}/istiod-{REVISION}"))
    assert eventually(lambda: len(live.istiods(REVISION)) == 2, 90), "the second istiod does not become ready"


def _remove(live: Live, path: str) -> None:
    live.hub.api.delete(path)
    assert eventually(lambda: not live.istiods(REVISION), 60), "the second istiod does not end"


def _copy(api: Client, path: str, name: str, copied: str, undo: Undo) -> None:
    found = api.get(f"{path}/{name}")
    data = dict(found.get("data") or {})
    if "meshNetworks" in data:
        data["meshNetworks"] = "networks: {}"
    api.create(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": copied}, "data": data})
    undo(lambda: api.delete(f"{path}/{copied}"))


def _deployment(found: Json, shared: str) -> Json:
    template = copy.deepcopy(found["spec"]["template"])
    labels = {**template["metadata"]["labels"], "istio": "istiod", "istio.io/rev": REVISION}
    template["metadata"] = {"labels": labels, "annotations": template["metadata"].get("annotations", {})}
    container = template["spec"]["containers"][0]
    env = [item for item in container.get("env", []) if item["name"] not in ("REVISION", "SHARED_MESH_CONFIG")]
    container["env"] = [*env, {"name": "REVISION", "value": REVISION}]
    if shared:
        container["env"].append({"name": "SHARED_MESH_CONFIG", "value": shared})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"istiod-{REVISION}",
            "labels": {**found["metadata"].get("labels", {}), "istio.io/rev": REVISION},
        },
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "istiod", "istio.io/rev": REVISION}},
            "template": template,
        },
    }
