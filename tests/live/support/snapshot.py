"""Every object of every cluster as text, to compare byte by byte what was there before with what is there after."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from tests.live.support.client import Client
    from tests.live.support.installation import Live

# What other programs rewrite by themselves, or give new names to, says nothing about the console.
KINDS_LEFT_OUT = {"Pod", "ReplicaSet", "Event", "Lease", "Endpoints", "EndpointSlice", "PortForward"}
METADATA_LEFT_OUT = ("managedFields", "resourceVersion", "generation")
ANNOTATIONS_LEFT_OUT = ("kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision")

Snapshot = dict[str, str]


def snapshot(live: Live) -> Snapshot:
    """Keyed by cluster, resource, namespace and name."""
    return {key: text for name, cluster in live.clusters.items() for key, text in _of_cluster(name, cluster.api)}


def differences(before: Snapshot, after: Snapshot) -> str:
    """Empty when both are the same; else what appeared, went or changed, line by line."""
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    lines: list[str] = []
    for key in changed:
        old, new = before.get(key, "").splitlines(), after.get(key, "").splitlines()
        lines += difflib.unified_diff(old, new, f"{key} before", f"{key} after", n=1, lineterm="")
    return "\n".join(lines)


def _of_cluster(cluster: str, api: Client) -> list[tuple[str, str]]:
    found = []
    for root, resource in _resources(api):
        for item in api.items(f"{root}/{resource}"):
            meta = item["metadata"]
            key = f"{cluster} {root.rpartition('/')[0]}/{resource} {meta.get('namespace', '')}/{meta['name']}"
            found.append((key, json.dumps(_bare(item), indent=1, sort_keys=True)))
    return found


def _resources(api: Client) -> list[tuple[str, str]]:
    """The root and the plural of everything that can be listed, each group in its preferred version."""
    groups = api.get("/apis")["groups"]
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]
    return [
        (root, resource["name"])
        for root in roots
        for resource in api.get(root)["resources"]
        if "/" not in resource["name"] and "list" in resource["verbs"] and resource["kind"] not in KINDS_LEFT_OUT
    ]


def _bare(item: Json) -> Json:
    bare = {key: value for key, value in item.items() if key != "status"}
    bare["metadata"] = {key: value for key, value in item["metadata"].items() if key not in METADATA_LEFT_OUT}
    return _without_annotations(bare)


def _without_annotations(node: Any) -> Any:
    """Also those of a Pod template. What is empty then was made by what is left out."""
    if isinstance(node, list):
        return [_without_annotations(item) for item in node]
    if not isinstance(node, dict):
        return node
    cleaned = {key: _without_annotations(value) for key, value in node.items()}
    annotations = cleaned.get("annotations")
    if isinstance(annotations, dict):
        cleaned["annotations"] = {key: value for key, value in annotations.items() if key not in ANNOTATIONS_LEFT_OUT}
        if not cleaned["annotations"]:
            del cleaned["annotations"]
    return cleaned
