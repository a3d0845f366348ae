"""The file of a mesh's whole topology as a value. `parse` reads all of it, or reports everything wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from interconnect.domain.addressing import parse_host
from interconnect.domain.gateways import MAX_REPLICAS
from interconnect.domain.topology import (
    GATEWAY_PORT,
    Autoscaling,
    GatewayKey,
    GatewaySpec,
    MeshKind,
    RestartPolicy,
    ServiceType,
)
from interconnect.files import alphabets
from interconnect.files.errors import CODES, Enough, Errors, FileError, Position, error, in_order
from interconnect.files.reader import Path, Reader, Text, place
from interconnect.files.tree import Mapping as MappingNode
from interconnect.files.tree import Node, Scalar, read_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CODES",
    "Document",
    "FileAddress",
    "FileCluster",
    "FileControlPlane",
    "FileError",
    "FileGroup",
    "parse",
]

VERSION = 1

REVISION_LIMIT = 2**53


@dataclass(frozen=True, slots=True)
class FileControlPlane:
    """What the mesh is registered with, or must agree with once it is registered.

    None or empty means not given. Paths are relative to the file.
    """

    kind: MeshKind | None = None
    kubeconfig: str = ""
    context: str = ""
    config_kubeconfig: str = ""
    config_context: str = ""
    system_namespace: str = ""


@dataclass(frozen=True, slots=True)
class FileCluster:
    """A cluster of the file.

    `kubeconfig` is a path relative to the file; if empty, the stored credential stays. `pod_cidrs` are typed ones.
    """

    kubeconfig: str = ""
    context: str = ""
    uid: str = ""
    pod_cidrs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileAddress:
    """An address of a joined group: what a gateway's load balancer reports (`gateway`), or a fixed one (`address`)."""

    gateway: GatewayKey | None = None
    address: str = ""
    port: int = GATEWAY_PORT


@dataclass(frozen=True, slots=True)
class FileGroup:
    """A network group of the file.

    `joined` is None if the group isn't part of the interconnect; otherwise it has at least one entry.
    """

    clusters: frozenset[str]
    gateways: Mapping[GatewayKey, GatewaySpec] = field(default_factory=dict)
    joined: tuple[FileAddress, ...] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a file.

    `revision`, `control_plane` and `restart` are None when the file doesn't give them; the stored values then stay.
    `positions` maps each path of keys and indexes to its place in the text, for errors found later.
    """

    mesh: str
    enabled: bool
    groups: Mapping[str, FileGroup]
    clusters: Mapping[str, FileCluster] = field(default_factory=dict)
    revision: int | None = None
    control_plane: FileControlPlane | None = None
    restart: RestartPolicy | None = None
    positions: Mapping[Path, Position] = field(default_factory=dict, compare=False, repr=False)

    def error(self, code: str, *path: str | int, **params: object) -> FileError:
        """Return an error about the value at `path`, such as `("groups", "blue", "clusters", 0)`."""
        return error(code, place(self.positions, *path), **params)


def parse(text: str | bytes) -> Document | list[FileError]:
    """Return the document, or every error that could be found, in text order. Touches no file and no network."""
    errors = Errors()
    try:
        root = read_tree(text, errors)
        document = _Parser(Reader(errors)).document(root) if root else None
    except Enough:
        document = None
    return in_order(errors.found) if errors.found or document is None else document


class _Parser:
    """Continues with defaults after each error, so that one pass finds them all. `parse` then drops the result."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def document(self, root: Node) -> Document | None:
        known = ("version", "mesh", "revision", "control_plane", "restart", "enabled", "clusters", "groups")
        fields = self.reader.fields(root, (), known, required=("mesh", "enabled", "groups"))
        if fields is None:
            return None
        self._version(fields.get("version"))
        restart = self._choice(fields, "restart", [policy.value for policy in RestartPolicy])
        groups = self._groups(fields.get("groups"))
        self._one_group_each(groups)
        return Document(
            mesh=self._text(fields, "mesh", alphabets.MESH_NAME),
            enabled=bool("enabled" in fields and self.reader.boolean(fields["enabled"])),
            groups=MappingProxyType(groups),
            clusters=MappingProxyType(self._clusters(fields.get("clusters"))),
            revision=self.reader.integer(fields["revision"], 0, REVISION_LIMIT) if "revision" in fields else None,
            control_plane=self._control_plane(fields.get("control_plane")),
            restart=RestartPolicy(restart) if restart else None,
            positions=MappingProxyType(self.reader.positions),
        )

    def _version(self, node: Node | None) -> None:
        version = self.reader.integer(node, 0, 2**31) if node else VERSION
        if node and version not in (None, VERSION):
            self.reader.refuse("file.version", node.at, version=version, known=VERSION)

    def _text(self, fields: Mapping[str, Node], name: str, kind: Text) -> str:
        return (self.reader.text(fields[name], kind) or "") if name in fields else ""

    def _choice(self, fields: Mapping[str, Node], name: str, choices: list[str]) -> str | None:
        return self.reader.choice(fields[name], choices) if name in fields else None

    def _kubeconfig(self, fields: Mapping[str, Node], name: str) -> str:
        node = fields.get(name)
        inline = isinstance(node, MappingNode) or (isinstance(node, Scalar) and "\n" in node.value)
        if node and inline:
            self.reader.refuse("file.inline-kubeconfig", node.at, key=name)
            return ""
        return self._text(fields, name, alphabets.PATH)

    def _credential(self, fields: Mapping[str, Node], prefix: str = "") -> tuple[str, str]:
        """Return path and context. A context means nothing without the kubeconfig that it selects from."""
        path, context = (
            self._kubeconfig(fields, f"{prefix}kubeconfig"),
            self._text(fields, f"{prefix}context", alphabets.CONTEXT),
        )
        if context and f"{prefix}kubeconfig" not in fields:
            self.reader.refuse("file.context-alone", fields[f"{prefix}context"].at, key=f"{prefix}kubeconfig")
        return path, context

    def _control_plane(self, node: Node | None) -> FileControlPlane | None:
        if node is None:
            return None
        known = ("kind", "kubeconfig", "context", "config_kubeconfig", "config_context", "system_namespace")
        fields = self.reader.fields(node, ("control_plane",), known)
        if fields is None:
            return None
        kind = self._choice(fields, "kind", [kind.value for kind in MeshKind])
        path, context = self._credential(fields)
        config_path, config_context = self._credential(fields, "config_")
        namespace = self._text(fields, "system_namespace", alphabets.NAMESPACE)
        return FileControlPlane(MeshKind(kind) if kind else None, path, context, config_path, config_context, namespace)

    def _clusters(self, node: Node | None) -> dict[str, FileCluster]:
        named = self.reader.named(node, ("clusters",), alphabets.CLUSTER_NAME) if node else None
        return {name: self._cluster(value, ("clusters", name)) for name, value in sorted((named or {}).items())}

    def _cluster(self, node: Node, path: Path) -> FileCluster:
        fields = self.reader.fields(node, path, ("kubeconfig", "context", "uid", "pod_cidrs"))
        if fields is None:
            return FileCluster()
        kubeconfig, context = self._credential(fields)
        uid = self._text(fields, "uid", alphabets.UID)
        return FileCluster(kubeconfig, context, uid, self._cidrs(fields.get("pod_cidrs"), (*path, "pod_cidrs")))

    def _cidrs(self, node: Node | None, path: Path) -> tuple[str, ...]:
        items = self.reader.items(node, path, empty=True) if node else None
        found: dict[str, Position] = {}
        for item in items or ():
            text = self.reader.text(item, alphabets.CIDR)
            if text is None:
                continue
            cidr = alphabets.normal_cidr(text)
            if cidr is None:
                self.reader.refuse("file.cidr", item.at, value=text)
            elif cidr in found:
                self.reader.refuse("file.duplicate-item", item.at, value=text, line=found[cidr].line)
            else:
                found[cidr] = item.at
        return tuple(sorted(found))

    def _groups(self, node: Node | None) -> dict[str, FileGroup]:
        named = self.reader.named(node, ("groups",), alphabets.GROUP_NAME) if node else None
        groups = {name: self._group(value, ("groups", name)) for name, value in sorted((named or {}).items())}
        return {name: group for name, group in groups.items() if group}

    def _group(self, node: Node, path: Path) -> FileGroup | None:
        fields = self.reader.fields(node, path, ("clusters", "gateways", "joined"), required=("clusters",))
        if fields is None:
            return None
        names = (
            self.reader.texts(fields["clusters"], (*path, "clusters"), alphabets.CLUSTER_NAME)
            if "clusters" in fields
            else None
        )
        gateways = self._gateways(fields.get("gateways"), (*path, "gateways"))
        if names is not None:
            self._at_home(gateways, frozenset(names), path)
        joined = self._joined(fields["joined"], (*path, "joined"), gateways) if "joined" in fields else None
        return FileGroup(frozenset(names or ()), MappingProxyType(gateways), joined)

    def _at_home(self, gateways: Mapping[GatewayKey, GatewaySpec], clusters: frozenset[str], path: Path) -> None:
        for key in gateways:
            if key.cluster not in clusters:
                at = self.reader.positions[*path, "gateways", str(key)]
                self.reader.refuse("file.gateway-cluster", at, gateway=str(key), cluster=key.cluster, group=path[-1])

    def _gateways(self, node: Node | None, path: Path) -> dict[GatewayKey, GatewaySpec]:
        pairs = self.reader.mapping(node, path) if node else None
        gateways: dict[GatewayKey, GatewaySpec] = {}
        for name, (key_node, value) in (pairs or {}).items():
            self.reader.positions[*path, name] = key_node.at
            spec = self._gateway(value, (*path, name))
            key = self._gateway_key(key_node)
            if key:
                gateways[key] = spec
        return dict(sorted(gateways.items()))

    def _gateway_key(self, node: Node) -> GatewayKey | None:
        text = self.reader.text(node, alphabets.GATEWAY_KEY)
        if text is None:
            return None
        if not alphabets.GATEWAY_KEY_PATTERN.fullmatch(text):
            self.reader.refuse("file.gateway-key", node.at, value=text)
            return None
        cluster, _, number = text.partition("/")
        return GatewayKey(cluster, int(number))

    def _gateway(self, node: Node, path: Path) -> GatewaySpec:
        known = ("replicas", "autoscaling", "annotations", "load_balancer_ip", "service_type")
        fields = self.reader.fields(node, path, known)
        if fields is None:
            return GatewaySpec()
        if "replicas" in fields and "autoscaling" in fields:
            self.reader.refuse("file.replicas-and-autoscaling", fields["replicas"].at)
        replicas = self.reader.integer(fields["replicas"], 1, MAX_REPLICAS) if "replicas" in fields else None
        service_type = self._choice(fields, "service_type", [kind.value for kind in ServiceType])
        return GatewaySpec(
            replicas=replicas or 1,
            autoscaling=self._autoscaling(fields.get("autoscaling"), (*path, "autoscaling")),
            annotations=self._annotations(fields.get("annotations"), (*path, "annotations")),
            load_balancer_ip=self._ip(fields.get("load_balancer_ip")),
            service_type=ServiceType(service_type) if service_type else ServiceType.LOAD_BALANCER,
        )

    def _autoscaling(self, node: Node | None, path: Path) -> Autoscaling | None:
        fields = self.reader.fields(node, path, ("min", "max"), required=("min", "max")) if node else None
        if not fields or not node or len(fields) < 2:
            return None
        least, most = (self.reader.integer(fields[name], 1, MAX_REPLICAS) for name in ("min", "max"))
        if least is None or most is None:
            return None
        if least > most:
            self.reader.refuse("file.autoscaling-range", fields["min"].at, min=least, max=most)
        return Autoscaling(least, most)

    def _annotations(self, node: Node | None, path: Path) -> tuple[tuple[str, str], ...]:
        named = self.reader.named(node, path, alphabets.ANNOTATION_KEY) if node else None
        read = {key: self.reader.text(value, alphabets.ANNOTATION_VALUE) for key, value in (named or {}).items()}
        return tuple(sorted((key, value) for key, value in read.items() if value is not None))

    def _ip(self, node: Node | None) -> str:
        text = self.reader.text(node, alphabets.IP) if node else None
        if node is None or text is None:
            return ""
        if not alphabets.is_ip(text):
            self.reader.refuse("file.ip", node.at, value=text)
        return text

    def _joined(self, node: Node, path: Path, gateways: Mapping[GatewayKey, GatewaySpec]) -> tuple[FileAddress, ...]:
        found: dict[FileAddress, Position] = {}
        for index, item in enumerate(self.reader.items(node, path) or ()):
            address = self._address(item, (*path, index), gateways)
            if address in found:
                self.reader.refuse(
                    "file.duplicate-item",
                    item.at,
                    value=str(address.gateway or address.address),
                    line=found[address].line,
                )
            elif address:
                found[address] = item.at
        return tuple(found)

    def _address(self, node: Node, path: Path, gateways: Mapping[GatewayKey, GatewaySpec]) -> FileAddress | None:
        fields = self.reader.fields(node, path, ("gateway", "address", "port"))
        if fields is None:
            return None
        port = self.reader.integer(fields["port"], 1, 65535) if "port" in fields else GATEWAY_PORT
        if ("gateway" in fields) == ("address" in fields):
            self.reader.refuse("file.joined-entry", node.at)
            return None
        gateway = self._joined_gateway(fields["gateway"], gateways, path) if "gateway" in fields else None
        host = self._host(fields["address"]) if "address" in fields else ""
        return FileAddress(gateway, host, port) if port and (gateway or host) else None

    def _joined_gateway(self, node: Node, gateways: Mapping[GatewayKey, GatewaySpec], path: Path) -> GatewayKey | None:
        key = self._gateway_key(node)
        if key and key not in gateways:
            self.reader.refuse("file.joined-gateway", node.at, gateway=str(key), group=path[1])
            return None
        return key

    def _host(self, node: Node) -> str:
        text = self.reader.text(node, alphabets.HOST)
        if text is None:
            return ""
        host = parse_host(text)
        if isinstance(host, str):
            return host
        self.reader.refuse(host.code, node.at, **host.params)
        return ""

    def _one_group_each(self, groups: Mapping[str, FileGroup]) -> None:
        home: dict[str, str] = {}
        for name, group in sorted((name, group) for group, entry in groups.items() for name in entry.clusters):
            if home.setdefault(name, group) != group:
                at = self.reader.positions["groups", group, "clusters", name]
                self.reader.refuse("file.cluster-twice", at, cluster=name, group=home[name])
