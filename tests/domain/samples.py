"""A mesh of three members to speak about: blue (member-a) with a gateway, green (member-b) with one, member-c alone."""

from __future__ import annotations

from interconnect.domain.facts import ConfigMapRef, Facts, Istiod, WebhookEntry
from interconnect.domain.topology import Address, Cluster, Gateway, GatewayKey, GatewaySpec, Group, MeshKind, Topology

MESH, HUB, UID_A, UID_B, UID_C = "mesh-1", "uid-hub", "uid-a", "uid-b", "uid-c"
KEY_A, KEY_B = GatewayKey("member-a", 1), GatewayKey("member-b", 1)
GATEWAY_A = Gateway(KEY_A, "gw-a", "eastwest-member-a-1")
GATEWAY_B = Gateway(KEY_B, "gw-b", "eastwest-member-b-1")
REF = ConfigMapRef(HUB, "istio-system", "istio")
ISTIOD = Istiod("istiod", "default", 2, "config", "1.31.0", REF)
ENTRY = WebhookEntry(
    "istio-sidecar-injector", "object.sidecar-injector.istio.io", "url", "https://hub/inject/cluster/member-a"
)
FACTS = Facts(istiods=(ISTIOD,), webhooks={UID_A: (ENTRY,), UID_B: (), UID_C: ()})
GREEN = (Address("203.0.113.2", gateway=KEY_B),)


def mesh(*, joined: tuple[Address, ...] | None = None, spec: GatewaySpec | None = None) -> Topology:
    """`joined` are green's addresses, `spec` is of blue's gateway."""
    clusters = {
        name: Cluster(name, uid) for name, uid in (("member-a", UID_A), ("member-b", UID_B), ("member-c", UID_C))
    }
    groups = {"blue": Group("blue", frozenset({"member-a"})), "green": Group("green", frozenset({"member-b"}), joined)}
    blue = Gateway(KEY_A, "gw-a", "eastwest-member-a-1", spec or GatewaySpec())
    return Topology(
        MESH, MeshKind.HOSTED, HUB, HUB, "istio-system", True, clusters, groups, {KEY_A: blue, KEY_B: GATEWAY_B}
    )
