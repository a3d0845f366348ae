"""What a page asks the clusters of a mesh directly: the live gateway rule, and the Gateways of others that our rule
will meet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect import clients
from interconnect.domain.entries import MESH_LABEL, RULE_NAME
from interconnect.domain.json_types import Json
from interconnect.domain.manifests import GATEWAY_SELECTOR
from interconnect.domain.render import rule_target
from interconnect.domain.results import GatewayShown, RuleResult, WriteShown
from interconnect.domain.topology import GATEWAY_PORT
from interconnect.domain.writes import Verb
from interconnect.kube import kinds
from interconnect.kube.reading import items, mapping, number, text
from interconnect.planning.excerpt import as_yaml
from interconnect.planning.preview import preview_agreed, scene_of, shown, write_shown
from interconnect.services.inquiries import Kind
from interconnect.state import desired

if TYPE_CHECKING:
    from collections.abc import Iterable

    from interconnect.models import Inquiry, Mesh

RULE, ENABLING = Kind("rule", shared=True), Kind("enabling", shared=True)
MOST_GATEWAYS = 50


def _mesh(inquiry: Inquiry) -> Mesh:
    if inquiry.mesh is None:
        raise LookupError("this is asked of a mesh")
    return inquiry.mesh


def rule(inquiry: Inquiry) -> Json:
    """Return every Gateway of the config cluster that opens port 15443, ours first, and every difference from what we
    wrote.
    """
    mesh = _mesh(inquiry)
    found = _gateways(mesh, _on_the_port(mesh))
    return replace(found, drift=_rule_drift(mesh)).to_json()


def enabling(inquiry: Inquiry) -> Json:
    """Return the Gateways of others on port 15443 that our rule will meet: they have its name or select the same
    gateways.
    """
    mesh = _mesh(inquiry)
    met = [
        obj
        for obj in _on_the_port(mesh)
        if not _is_ours(mesh, obj) and (_has_our_name(mesh, obj) or _selects_ours(obj))
    ]
    return _gateways(mesh, met).to_json()


def _on_the_port(mesh: Mesh) -> list[Json]:
    return [obj for obj in clients.config_api(mesh).list(kinds.GATEWAY) if _opens_the_port(obj)]


def _gateways(mesh: Mesh, found: Iterable[Json]) -> RuleResult:
    lines = sorted((_gateway(mesh, obj) for obj in found), key=lambda line: (not line.ours, line.namespace, line.name))
    return RuleResult(tuple(lines[:MOST_GATEWAYS]), max(0, len(lines) - MOST_GATEWAYS))


def _opens_the_port(obj: Json) -> bool:
    return any(number(mapping(server, "port"), "number") == GATEWAY_PORT for server in items(obj, "spec", "servers"))


def _gateway(mesh: Mesh, obj: Json) -> GatewayShown:
    return GatewayShown(
        namespace=text(obj, "metadata", "namespace"),
        name=text(obj, "metadata", "name"),
        ours=_is_ours(mesh, obj),
        taken=_has_our_name(mesh, obj) and not _is_ours(mesh, obj),
        text=as_yaml(shown(obj)),
    )


def _is_ours(mesh: Mesh, obj: Json) -> bool:
    return mapping(obj, "metadata", "labels").get(MESH_LABEL) == str(mesh.id)


def _has_our_name(mesh: Mesh, obj: Json) -> bool:
    return (text(obj, "metadata", "namespace"), text(obj, "metadata", "name")) == (mesh.system_namespace, RULE_NAME)


def _selects_ours(obj: Json) -> bool:
    """Whether it applies to our gateways' Pods; Istio takes a Gateway without a selector for all."""
    return mapping(obj, "spec", "selector").items() <= GATEWAY_SELECTOR.items()


def _rule_drift(mesh: Mesh) -> tuple[WriteShown, ...]:
    topology, scene = desired.load(mesh), scene_of(mesh)
    target = rule_target(topology)
    if not topology.enabled or target not in scene.applied:
        return ()
    # The rule alone: nothing else has to be asked for it.
    bare = replace(topology, clusters={}, groups={}, gateways={})
    alone = replace(scene, facts=replace(scene.facts, istiods=()), applied={target: scene.applied[target]})
    return tuple(write_shown(write) for write in preview_agreed(bare, alone).writes if write.verb is not Verb.LOOK)
