"""What a page asks the clusters of a mesh directly: the live gateway rule, and the Gateways of others that our rule
will meet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from interconnect import clients
from interconnect.domain.gateway_rule import has_our_name, is_ours, opens_the_port, selects_ours
from interconnect.domain.json_types import Json
from interconnect.domain.render import rule_target
from interconnect.domain.results import GatewayShown, RuleResult, WriteShown
from interconnect.domain.writes import Verb
from interconnect.kube import kinds
from interconnect.kube.reading import text
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
        if not is_ours(obj, str(mesh.id)) and (has_our_name(obj, mesh.system_namespace) or selects_ours(obj))
    ]
    return _gateways(mesh, met).to_json()


def _on_the_port(mesh: Mesh) -> list[Json]:
    return [obj for obj in clients.config_api(mesh).list(kinds.GATEWAY) if opens_the_port(obj)]


def _gateways(mesh: Mesh, found: Iterable[Json]) -> RuleResult:
    lines = sorted((_gateway(mesh, obj) for obj in found), key=lambda line: (not line.ours, line.namespace, line.name))
    return RuleResult(tuple(lines[:MOST_GATEWAYS]), max(0, len(lines) - MOST_GATEWAYS))


def _gateway(mesh: Mesh, obj: Json) -> GatewayShown:
    return GatewayShown(
        namespace=text(obj, "metadata", "namespace"),
        name=text(obj, "metadata", "name"),
        ours=is_ours(obj, str(mesh.id)),
        taken=has_our_name(obj, mesh.system_namespace) and not is_ours(obj, str(mesh.id)),
        text=as_yaml(shown(obj)),
    )


def _rule_drift(mesh: Mesh) -> tuple[WriteShown, ...]:
    topology, scene = desired.load(mesh), scene_of(mesh)
    target = rule_target(topology)
    if not topology.enabled or target not in scene.applied:
        return ()
    # The rule alone: nothing else has to be asked for it.
    bare = replace(topology, clusters={}, groups={}, gateways={})
    alone = replace(scene, facts=replace(scene.facts, istiods=()), applied={target: scene.applied[target]})
    return tuple(write_shown(write) for write in preview_agreed(bare, alone).writes if write.verb is not Verb.LOOK)
