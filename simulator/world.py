"""What the clusters of a fleet start with: namespaces, nodes, injection, a mesh's configuration, a sample workload."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from simulator.controllers import default_account
from simulator.faults import Fault
from simulator.mesh import Mesh

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.host import Host
    from simulator.member import Member
    from simulator.plan import MeshPlan
    from simulator.resources import Json

SYSTEM_NAMESPACE = "istio-system"
ROOT = "-----BEGIN CERTIFICATE-----\nc2ltdWxhdGVkIG1lc2ggcm9vdA==\n-----END CERTIFICATE-----\n"
NODES = 2


def build(fleet: Host, plan: MeshPlan) -> None:
    """Create the clusters of a hosted mesh."""
    hubs = tuple(dict.fromkeys((plan.hub, plan.configured_in)))
    for name in hubs:
        _cluster(fleet.add(name, "10.0.0.0/16", is_member=False))
    for member in plan.members:
        _cluster(fleet.add(member.name, member.pod_cidr))
    fleet.meshes.append(Mesh(fleet, plan.hub, plan.configured_in, plan.names))
    for name in hubs:
        fleet.cluster(name).apply(mesh_config())
        fleet.cluster(name).apply(injection_templates())
    for member in plan.members:
        _member(fleet.cluster(member.name), member.injects, plan.configured_in)
        if plan.samples:
            _sample(fleet.cluster(member.name))
    for manifest in istiod(plan.istiods, plan.configured_in):
        fleet.cluster(plan.hub).apply(manifest)


def load(fleet: Host, state: Json, plans: Iterable[MeshPlan]) -> None:
    """Restore the clusters of a saved state, with their faults."""
    for name, saved in state["clusters"].items():
        member = fleet.add(name, saved["pod_cidr"], saved["is_member"])
        member.cluster.store.load(saved)
        member.fault = Fault(**saved["fault"]) if saved.get("fault") else None
    for plan in plans:
        mesh = Mesh(fleet, plan.hub, plan.configured_in, plan.names)
        fleet.meshes.append(mesh)
        mesh.resume()


def _cluster(member: Member) -> None:
    for name in ("kube-system", "default", "kube-public", SYSTEM_NAMESPACE):
        member.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "kube-apiserver")
        default_account(member.cluster, name)
    subnets = ipaddress.ip_network(member.pod_cidr).subnets(new_prefix=24)
    for index, cidr in zip(range(NODES), subnets, strict=False):
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": f"node-{index}"}
        spec = {"podCIDR": str(cidr), "podCIDRs": [str(cidr)]}
        member.put(
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{index}", "labels": labels}, "spec": spec},
            "kubelet",
        )


def _member(member: Member, network: str, config: str) -> None:
    namespace = {"name": SYSTEM_NAMESPACE, "annotations": {"topology.istio.io/controlPlaneClusters": config}}
    member.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    member.apply(injector(member.name, f"/net/{network}" if network else ""))
    root = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"root-cert.pem": ROOT}}
    member.put({**root, "metadata": {"name": "istio-ca-root-cert", "namespace": SYSTEM_NAMESPACE}}, "pilot-discovery")


def mesh_config(revision: str = "default") -> Json:
    """Return the ConfigMap that an istiod of `revision` reads."""
    suffix = "" if revision == "default" else f"-{revision}"
    meta = {
        "name": f"istio{suffix}",
        "namespace": SYSTEM_NAMESPACE,
        "labels": {
            "istio.io/rev": revision,
            "release": "istio",
            "install.operator.istio.io/owning-resource": "unknown",
        },
    }
    mesh = "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\ntrustDomain: cluster.local\n"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta,
        "data": {"mesh": mesh, "meshNetworks": "networks: {}"},
    }


def injection_templates(revision: str = "default") -> Json:
    """Return the ConfigMap with istiod's injection templates; the injection here doesn't read it."""
    suffix = "" if revision == "default" else f"-{revision}"
    meta = {
        "name": f"istio-sidecar-injector{suffix}",
        "namespace": SYSTEM_NAMESPACE,
        "labels": {"istio.io/rev": revision},
    }
    data = {"config": "policy: enabled\ndefaultTemplates: [sidecar]\n", "values": "{}"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def injector(cluster: str, network: str, name: str = "istio-sidecar-injector", revision: str = "default") -> Json:
    """Return the webhooks of a hosted mesh; `network` is the `/net/…` segment or empty."""
    url = f"https://istiod.example.org:15017/inject/cluster/{cluster}{network}"
    rules = [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]
    selectors = {
        "rev.namespace": (
            [_is("istio.io/rev", revision), _no("istio-injection")],
            [_not("sidecar.istio.io/inject", "false")],
        ),
        "rev.object": ([_no("istio.io/rev"), _no("istio-injection")], [_is("istio.io/rev", revision)]),
        "namespace": ([_is("istio-injection", "enabled")], [_not("sidecar.istio.io/inject", "false")]),
        "object": (
            [_no("istio-injection"), _no("istio.io/rev")],
            [_is("sidecar.istio.io/inject", "true"), _no("istio.io/rev")],
        ),
    }
    webhooks = [
        {
            "name": f"{key}.sidecar-injector.istio.io",
            "clientConfig": {"url": url, "caBundle": "c2ltdWxhdGVk"},
            "sideEffects": "None",
            "rules": rules,
            "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchExpressions": namespace},
            "objectSelector": {"matchExpressions": pod},
        }
        for key, (namespace, pod) in selectors.items()
        if revision == "default" or key.startswith("rev.")
    ]
    meta = {"name": name, "labels": {"app": "sidecar-injector", "istio.io/rev": revision}}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": meta,
        "webhooks": webhooks,
    }


def _is(key: str, value: str) -> Json:
    return {"key": key, "operator": "In", "values": [value]}


def _not(key: str, value: str) -> Json:
    return {"key": key, "operator": "NotIn", "values": [value]}


def _no(key: str) -> Json:
    return {"key": key, "operator": "DoesNotExist"}


def istiod(replicas: int, config: str, revision: str = "default", shared: str = "") -> list[Json]:
    """Return the objects of one istiod revision in the control plane cluster; `shared` is its SHARED_MESH_CONFIG."""
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    labels = {"app": "istiod", "istio": "pilot", "istio.io/rev": revision}
    env = {
        "REVISION": revision,
        "KUBECONFIG": "/var/run/secrets/remote/config",
        "CLUSTER_ID": config,
        "EXTERNAL_ISTIOD": "true",
        **({"SHARED_MESH_CONFIG": shared} if shared else {}),
    }
    container = {
        "name": "discovery",
        "image": "docker.io/istio/pilot:1.31.0",
        "args": ["discovery", "--monitoringAddr=:15014", "--domain", "cluster.local"],
        "ports": [{"containerPort": port, "protocol": "TCP"} for port in (8080, 15010, 15012, 15014, 15017)],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    meta = {"name": name, "namespace": SYSTEM_NAMESPACE, "labels": labels}
    spec = {
        "replicas": replicas,
        "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "25%"}},
        "selector": {"matchLabels": {"app": "istiod", "istio.io/rev": revision}},
        "template": {
            "metadata": {
                "labels": {**labels, "sidecar.istio.io/inject": "false"},
                "annotations": {"prometheus.io/port": "15014"},
            },
            "spec": {"serviceAccountName": name, "containers": [container]},
        },
    }
    ports = [
        {"name": "http-monitoring", "port": 15014, "protocol": "TCP"},
        {"name": "https-dns", "port": 15012, "protocol": "TCP"},
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "istiod"}, "ports": ports},
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
    ]


def _sample(member: Member) -> None:
    """Create `shop/echo`, injected before any network was set."""
    member.put(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
        },
        "somebody",
    )
    meta, labels = {"name": "echo", "namespace": "shop"}, {"app": "echo"}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    member.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}},
        "somebody",
    )
    container = {"name": "app", "image": "echo", "ports": [{"containerPort": 8080, "protocol": "TCP"}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    member.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}, "somebody")
