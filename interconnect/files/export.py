"""Write a topology as a file: sorted, without credentials or paths. Reading it back gives the same topology."""

from __future__ import annotations

from typing import Any

import yaml

from interconnect.domain.json_types import Json
from interconnect.domain.topology import (
    GATEWAY_PORT,
    Address,
    CidrSource,
    Cluster,
    Gateway,
    GatewaySpec,
    RestartPolicy,
    Topology,
)
from interconnect.files.document import VERSION
from interconnect.files.tree import scalar_kind
from meshconsole.text import is_visible


class _Dumper(yaml.SafeDumper):
    """Quotes every string that some YAML reader would take for another type, and writes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if scalar_kind(text) == "string" and is_visible(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)


def export(topology: Topology, *, revision: int, mesh_name: str, restart: RestartPolicy) -> str:
    """Return the whole topology as YAML text, without values at their default and with sorted `joined` addresses."""
    content: Json = {
        "version": VERSION,
        "mesh": mesh_name,
        "revision": revision,
        "control_plane": {"kind": topology.kind.value, "system_namespace": topology.system_namespace},
        "restart": restart.value,
        "enabled": topology.enabled,
        "clusters": {name: _cluster(cluster) for name, cluster in topology.clusters.items()},
        "groups": {name: _group(topology, name) for name in topology.groups},
    }
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1000)
    # Invisible characters are always inside double quotes, where YAML allows them as escaped code points.
    return "".join(char if is_visible(char) else f"\\U{ord(char):08X}" for char in str(text))


def _cluster(cluster: Cluster) -> Json:
    typed = sorted(cidr.network for cidr in cluster.pod_cidrs if cidr.source == CidrSource.TYPED)
    return {"uid": cluster.uid, **({"pod_cidrs": typed} if typed else {})}


def _group(topology: Topology, name: str) -> Json:
    group = topology.groups[name]
    content: Json = {"clusters": sorted(group.clusters)}
    gateways = topology.gateways_of_group(name)
    if gateways:
        content["gateways"] = {str(gateway.key): _gateway(gateway) for gateway in gateways}
    if group.addresses is not None:
        content["joined"] = _joined(group.addresses)
    return content


def _gateway(gateway: Gateway) -> Json:
    spec, usual = gateway.spec, GatewaySpec()
    scale: Json = {"replicas": spec.replicas}
    if spec.autoscaling:
        scale = {"autoscaling": {"min": spec.autoscaling.min, "max": spec.autoscaling.max}}
    optional = {"annotations": dict(spec.annotations), "load_balancer_ip": spec.load_balancer_ip}
    service_type = {} if spec.service_type == usual.service_type else {"service_type": spec.service_type.value}
    return {**scale, **{key: value for key, value in optional.items() if value}, **service_type}


def _joined(addresses: tuple[Address, ...]) -> list[Json]:
    """Return the entries of `joined`.

    A gateway is listed once per port, however many addresses it has: its load balancer determines them.
    """
    of_gateways = sorted({(address.gateway, address.port) for address in addresses if address.gateway})
    by_hand = sorted({(address.host, address.port) for address in addresses if not address.gateway})
    return [
        *({"gateway": str(gateway), **_port(port)} for gateway, port in of_gateways),
        *({"address": host, **_port(port)} for host, port in by_hand),
    ]


def _port(port: int) -> Json:
    return {} if port == GATEWAY_PORT else {"port": port}
