"""Gather the group-by-group matrix.

istiod is asked what it tells one proxy of each group, and each joined group's addresses for a workload behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interconnect import clients
from interconnect.domain.checks import Answer, Endpoint, Matrix, Reach, Told, Way, told_of
from interconnect.domain.seen import ROOT_CA
from interconnect.kube import debug, kinds, probe
from interconnect.kube.errors import KubeError
from interconnect.kube.reading import items, number, text
from interconnect.observing.istiods import side_by_side, sources

if TYPE_CHECKING:
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Address, Group, Topology
    from interconnect.models import Mesh

MOST_NAMED, MOST_WRONG = 5, 200


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What istiod has loaded: endpoints by service, resolved gateways, and the proxies, each with its replica."""

    endpoints: Mapping[str, Sequence[debug.Endpoint]]
    gateways: Mapping[str, frozenset[Endpoint]]
    proxies: tuple[tuple[debug.Proxy, debug.Source], ...]

    def of(self, services: Iterable[str]) -> Iterator[debug.Endpoint]:
        return (endpoint for service in services for endpoint in self.endpoints[service])


def matrix(mesh: Mesh, topology: Topology, facts: Facts) -> Matrix:
    """Return the matrix. Raises KubeError.

    It takes one call to istiod per group and one per address of a joined group, so it is a worker's job.
    """
    loaded = _load(mesh, facts)
    groups = list(topology.groups.values())
    services = {group.name: _services(loaded, group, mesh.system_namespace) for group in groups}
    told: dict[tuple[str, str], Told] = {}
    evidence: dict[tuple[str, str], tuple[str, ...]] = {}
    asked: dict[str, str] = {}
    for source, answer in zip(groups, side_by_side(lambda each: _ask(mesh, loaded, each), groups), strict=True):
        if answer is None:
            continue
        asked[source.name], assigned = answer
        for target in groups:
            service = next((name for name in services[target.name] if name in assigned), "")
            if service and target is not source:
                pair = (source.name, target.name)
                told[pair], evidence[pair] = _judged(loaded, target, service, assigned[service])
    joined = topology.joined
    ways = side_by_side(
        lambda group: _way(mesh, topology, group, _reached(loaded, group, services[group.name])), joined
    )
    wrong = [(pair, lines) for pair, lines in sorted(evidence.items()) if told[pair] is not Told.GATEWAY]
    return Matrix(told, dict(wrong[:MOST_WRONG]), dict(zip([group.name for group in joined], ways, strict=True)), asked)


def _load(mesh: Mesh, facts: Facts) -> _Loaded:
    replicas = [source for istiod in facts.istiods for source in sources(mesh, istiod).values()]
    if not replicas:
        return _Loaded({}, {}, ())
    gateways: dict[str, set[Endpoint]] = {}
    for entry in debug.networkz_of(replicas[0]):
        gateways.setdefault(entry.network, set()).add((entry.address, entry.port))
    proxies = [(proxy, source) for source in replicas for proxy in debug.proxies_of(source)]
    endpoints: dict[str, list[debug.Endpoint]] = {}
    for endpoint in debug.endpoint_shards_of(replicas[0]):
        endpoints.setdefault(endpoint.service, []).append(endpoint)
    resolved = {name: frozenset(found) for name, found in gateways.items()}
    return _Loaded(endpoints, resolved, tuple(sorted(proxies, key=_sidecars_first)))


def _sidecars_first(pair: tuple[debug.Proxy, debug.Source]) -> tuple[bool, str]:
    return pair[0].kind != "sidecar", pair[0].id


def _services(loaded: _Loaded, group: Group, system_namespace: str) -> tuple[str, ...]:
    """Return the services with a Pod in the group that takes mutual TLS, since gateways pass nothing else on.

    Those whose Pods carry the group's network come first.
    """
    found: dict[str, tuple[bool, str, str]] = {}
    for item in loaded.of(loaded.endpoints):
        if item.cluster in group.clusters and item.mtls and item.namespace != system_namespace:
            rank = (item.network != group.name, item.namespace, item.service)
            found[item.service] = min(rank, found.get(item.service, rank))
    return tuple(sorted(found, key=found.__getitem__))


def _reached(loaded: _Loaded, group: Group, services: Sequence[str]) -> debug.Endpoint | None:
    """Return an endpoint that the group's gateway can pass a call on to: it knows only Pods that carry its network."""
    found = (
        item
        for item in loaded.of(services)
        if item.network == group.name and item.mtls and item.cluster in group.clusters
    )
    return next(found, None)


def _ask(mesh: Mesh, loaded: _Loaded, group: Group) -> tuple[str, Mapping[str, frozenset[debug.Told]]] | None:
    """Return one proxy of the group and everything that it is told, by service.

    Proxies in the system namespace are passed over: they are gateways, which see only one network.
    """
    system = f".{mesh.system_namespace}"
    for proxy, source in loaded.proxies:
        if proxy.cluster not in group.clusters or proxy.id.endswith(system):
            continue
        try:
            found = debug.edsz_of(source, proxy.id)
        except KubeError:
            return None
        if found is not None:
            return proxy.id, _by_service(found)
    return None


def _by_service(assigned: debug.Assigned) -> Mapping[str, frozenset[debug.Told]]:
    """Return what is assigned by service, with all ports and subsets of a service together.

    `outbound|8080|v1|echo.shop.svc.cluster.local` belongs to `echo.shop.svc.cluster.local`.
    """
    found: dict[str, frozenset[debug.Told]] = {}
    for name, addresses in assigned.items():
        service = name.rpartition("|")[2]
        found[service] = found.get(service, frozenset()) | addresses
    return found


def _judged(
    loaded: _Loaded, target: Group, service: str, assigned: frozenset[debug.Told]
) -> tuple[Told, tuple[str, ...]]:
    """Return how `target` is reached at `service` by what a proxy was told, and the evidence.

    A Pod counts toward the group that it runs in, whatever network it carries: that decides who can reach it.
    """
    listed = {(address.host, address.port) for address in target.addresses or ()}
    gateways = loaded.gateways.get(target.name, frozenset()) | listed
    pods = loaded.endpoints[service]
    # Pods of two clusters may have the same address; istiod says which cluster's it means.
    certain = {(item.address, item.port) for item in assigned if item.cluster in target.clusters}
    told = certain | {
        (item.address, item.port) for item in assigned if not item.cluster or (item.address, item.port) in gateways
    }
    raw = certain | _addresses(item for item in pods if item.cluster in target.clusters)
    others = _addresses(item for item in pods if item.cluster not in target.clusters) - certain
    verdict = told_of(told, gateways=gateways, raw=raw, others=others)
    wrong = sorted(told & raw - gateways - others) if verdict in (Told.RAW, Told.MIXED) else []
    return verdict, (service, *(f"{host}:{port}" for host, port in wrong[:MOST_NAMED]))


def _addresses(endpoints: Iterable[debug.Endpoint]) -> set[Endpoint]:
    return {(address, item.port) for item in endpoints for address in item.addresses}


def _way(mesh: Mesh, topology: Topology, group: Group, service: debug.Endpoint | None) -> Way:
    addresses = [address for address in group.addresses or () if not address.awaited]
    # There is nothing behind the addresses of simulated clusters.
    if service is None or not addresses or mesh.simulated:
        return Way(Reach.UNTESTED)
    try:
        port = _service_port(mesh, topology, service)
        root = _root(mesh, topology, group)
    except KubeError:
        return Way(Reach.UNTESTED, service.service)
    if not port or not root:
        return Way(Reach.UNTESTED, service.service)
    return _probed(addresses, service.service, port, root)


def _probed(addresses: Iterable[Address], service: str, port: int, root: str) -> Way:
    deny, name = clients.deny_list(), probe.sni(service, port)

    def probed(address: Address) -> probe.ProbeResult:
        before = clients.before_call
        return probe.probe(address.host, address.port, deny=deny, before=before, server_name=name, root_pem=root)

    found = [(address, probed(address)) for address in addresses]
    reach = Reach.SERVED if all(result.path is probe.Path.SERVED for _address, result in found) else Reach.FAILED
    answers = (
        Answer(f"{address.host}:{address.port}", result.path, result.spiffe or result.evidence)
        for address, result in found
    )
    return Way(reach, service, tuple(answers))


def _service_port(mesh: Mesh, topology: Topology, service: debug.Endpoint) -> int:
    """Return the service's own port, by which the gateway routes; the endpoint knows only its name and the Pod's."""
    if service.cluster not in topology.clusters:
        return 0
    name = service.service.partition(".")[0]
    api = clients.member_api(mesh, topology.clusters[service.cluster].uid)
    ports = items(api.get(kinds.SERVICE, name, service.namespace) or {}, "spec", "ports")
    named = [port for port in ports if text(port, "name") == service.port_name]
    return next((number(port, "port") for port in named or ports), 0)


def _root(mesh: Mesh, topology: Topology, group: Group) -> str:
    """Return the root that the other groups trust: their workloads must be able to verify what answers there."""
    others = [name for name in topology.clusters if name not in group.clusters and topology.group_of(name) is not None]
    for name in (*others[:3], *sorted(group.clusters)[:1]):
        try:
            found = clients.member_api(mesh, topology.clusters[name].uid).get(
                kinds.CONFIG_MAP, ROOT_CA, mesh.system_namespace
            )
        except KubeError:
            continue
        if found and (pem := text(found, "data", "root-cert.pem")):
            return pem
    return ""
