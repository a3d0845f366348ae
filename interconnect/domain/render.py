"""The objects that a topology asks for on the clusters, target by target. Total: every topology can be rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interconnect.domain import manifests
from interconnect.domain.entries import NETWORK_LABEL, RULE_NAME, Rendered, Target, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.facts import ConfigMapRef, Facts, WebhookEntry
    from interconnect.domain.topology import Cluster, Group, Topology

LABEL_FIELD = f"label:{NETWORK_LABEL}"
NETWORKS_FIELD = "meshNetworks"
WEBHOOK_FIELD_PREFIX = "webhook:"


def render(topology: Topology, facts: Facts) -> Rendered:
    """Return every object and foreign field that the topology asks for.

    A target needs facts: without the webhook entries of a cluster, its injection isn't rendered; without a ConfigMap,
    meshNetworks isn't. An awaited address is left out, and so is a group that has no other address.
    """
    rendered: dict[Target, Wanted] = {}
    if topology.enabled:
        target = rule_target(topology)
        rendered[target] = Wanted(manifests.gateway_rule(target, topology.mesh, facts.cluster_domain))
    for group in topology.groups.values():
        for name in sorted(group.clusters):
            cluster = topology.clusters.get(name)
            if cluster is not None:
                rendered.update(_member(topology, group, cluster, facts))
    networks = networks_of(topology)
    if networks:
        rendered.update((networks_target(ref), Wanted(networks)) for ref in config_maps(facts))
    return rendered


def render_member(topology: Topology, cluster: str, facts: Facts) -> Rendered:
    """Return only what the topology asks for on one of its clusters as a member, as in `render`."""
    group = topology.group_of(cluster)
    return {} if group is None else dict(_member(topology, group, topology.clusters[cluster], facts))


def rule_target(topology: Topology) -> Target:
    return Target(topology.config, *manifests.RULE, topology.system_namespace, RULE_NAME)


def label_target(topology: Topology, cluster_uid: str) -> Target:
    return Target(cluster_uid, "v1", "Namespace", "", topology.system_namespace, LABEL_FIELD)


def webhook_target(cluster_uid: str, entry: WebhookEntry) -> Target:
    field = f"{WEBHOOK_FIELD_PREFIX}{entry.webhook}"
    return Target(
        cluster_uid, "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", entry.configuration, field
    )


def networks_target(ref: ConfigMapRef) -> Target:
    return Target(ref.cluster, "v1", "ConfigMap", ref.namespace, ref.name, NETWORKS_FIELD)


def config_maps(facts: Facts) -> tuple[ConfigMapRef, ...]:
    """Return the distinct ConfigMaps from which istiods read meshNetworks."""
    return tuple(dict.fromkeys(istiod.networks for istiod in facts.istiods if istiod.networks is not None))


def networks_of(topology: Topology) -> dict[str, Any]:
    """Return our networks as Istio's MeshNetworks: `{group: {"endpoints": [...], "gateways": [...]}}`, sorted."""
    networks: dict[str, Any] = {}
    for group in topology.joined:
        resolved = sorted({(address.host, address.port) for address in group.addresses or () if not address.awaited})
        if resolved:
            networks[group.name] = {
                "endpoints": [{"fromRegistry": cluster} for cluster in sorted(group.clusters)],
                "gateways": [{"address": host, "port": port} for host, port in resolved],
            }
    return networks


def revision_for(facts: Facts, cluster_uid: str) -> str:
    """Return the revision that a gateway in this cluster asks for; empty when the default revision injects.

    With several revisions it is the oldest, so that an upgrade moves no gateway before the old revision is gone.
    """
    if not facts.istiods or any(istiod.revision in ("", "default") for istiod in facts.istiods):
        return ""
    # Only a default revision (or the tag `default`) has entries that inject without a revision label.
    if any(entry.webhook.startswith(("object.", "namespace.")) for entry in facts.webhooks.get(cluster_uid, ())):
        return ""
    return min(facts.istiods, key=lambda istiod: (_version(istiod.version), istiod.revision)).revision


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.lstrip("v").split("-")[0].split(".") if part.isdecimal())


def _member(topology: Topology, group: Group, cluster: Cluster, facts: Facts) -> Iterator[tuple[Target, Wanted]]:
    yield label_target(topology, cluster.uid), Wanted(group.name)
    for entry in facts.webhooks.get(cluster.uid, ()):
        yield webhook_target(cluster.uid, entry), Wanted(group.name)
    revision = revision_for(facts, cluster.uid)
    for gateway in topology.gateways_of_cluster(cluster.name):
        objects = manifests.gateway_manifests(
            gateway,
            mesh=topology.mesh,
            network=group.name,
            cluster=cluster.uid,
            namespace=topology.system_namespace,
            revision=revision,
        )
        for target, manifest in objects:
            yield target, Wanted(manifest, gateway.id)
