"""Topologies as the domain allows them, for round trips through a file."""

from __future__ import annotations

from hypothesis import strategies as st

from interconnect.domain.addressing import canonical
from interconnect.domain.gateways import valid_spec
from interconnect.domain.names import gateway_name
from interconnect.domain.topology import (
    Address,
    Autoscaling,
    CidrSource,
    Cluster,
    Gateway,
    GatewayKey,
    GatewaySpec,
    Group,
    MeshKind,
    PodCidr,
    ServiceType,
    Topology,
)

# Names that a careless writer of YAML would get wrong are as likely as others.
AWKWARD = ["no", "y", "on", "null", "010", "1e3", "0x1f", "12", "2024-01-01", "0o7", "1-1"]
group_names = st.one_of(st.sampled_from(AWKWARD), st.from_regex(r"\A[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?\Z"))
cluster_names = st.one_of(
    st.sampled_from([*AWKWARD, "Kubernetes", "NO", "True"]),
    st.from_regex(r"\A[a-zA-Z0-9]([-a-zA-Z0-9]{0,10}[a-zA-Z0-9])?\Z"),
)
annotation_keys = st.one_of(
    st.sampled_from(["no", "example.org/1e3", "a.b/c_d"]), st.from_regex(r"\A[a-z]([-a-z0-9]{0,8}[a-z0-9])?\Z")
)
annotation_values = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=30)
ports = st.sampled_from([15443, 443, 65535, 1])
hosts = st.sampled_from(["192.0.2.1", "203.0.113.9", "2001:db8::1", "gw.example.org", "no", "2.example.org"])
networks = st.sampled_from(["10.10.0.0/16", "10.20.0.0/16", "2001:db8::/32"])

specs = st.builds(
    GatewaySpec,
    replicas=st.integers(1, 100),
    autoscaling=st.none() | st.integers(1, 50).map(lambda least: Autoscaling(least, least + 3)),
    annotations=st.dictionaries(annotation_keys, annotation_values, max_size=3).map(
        lambda pairs: tuple(sorted(pairs.items()))
    ),
    load_balancer_ip=st.sampled_from(["", "203.0.113.7", "2001:db8::7"]),
    service_type=st.sampled_from(list(ServiceType)),
).filter(lambda spec: not tuple(valid_spec(spec)))


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    names = draw(st.lists(cluster_names, max_size=5, unique=True))
    clusters = {name: Cluster(name, f"uid-{index}", draw(cidrs())) for index, name in enumerate(names)}
    groups: dict[str, Group] = {}
    gateways: dict[GatewayKey, Gateway] = {}
    free = list(names)
    used = set[tuple[str, int]]()
    for group in draw(st.lists(group_names, max_size=3, unique=True)):
        if not free:
            break
        members = frozenset(free[: (size := draw(st.integers(1, len(free))))])
        free = free[size:]
        numbered = draw(
            st.lists(st.tuples(st.sampled_from(sorted(members)), st.integers(1, 9999)), max_size=3, unique=True)
        )
        own = {
            key: Gateway(key, f"id-{key}", gateway_name(key), draw(specs))
            for key in (GatewayKey(*pair) for pair in numbered)
        }
        gateways |= own
        groups[group] = Group(group, members, draw(joined(sorted(own), used)) if own else None)
    return Topology(
        "mesh-id",
        MeshKind.HOSTED,
        "hub",
        "hub",
        enabled=bool(groups),
        clusters=clusters,
        groups=groups,
        gateways=gateways,
    )


@st.composite
def cidrs(draw: st.DrawFn) -> tuple[PodCidr, ...]:
    source = draw(st.sampled_from(list(CidrSource)))
    return tuple(PodCidr(network, source) for network in sorted(draw(st.sets(networks))))


@st.composite
def joined(draw: st.DrawFn, keys: list[GatewayKey], used: set[tuple[str, int]]) -> tuple[Address, ...] | None:
    """`used` are the hosts with their ports that the mesh has so far, each of which it has once."""
    if draw(st.booleans()):
        return None
    by_hand = {Address(host, port) for host, port in draw(st.sets(st.tuples(hosts, ports), max_size=3))}
    of_gateways = set()
    for key, port in draw(st.sets(st.tuples(st.sampled_from(keys), ports), min_size=0 if by_hand else 1, max_size=3)):
        chosen = draw(st.sets(hosts, max_size=2))
        of_gateways |= {Address(host, port, key) for host in chosen} or {Address("", port, key)}
    addresses = []
    for address in sorted(by_hand | of_gateways, key=str):
        if address.awaited or (address.host, address.port) not in used:
            addresses.append(address)
            used.add((address.host, address.port))
    return canonical(addresses) if addresses else None
