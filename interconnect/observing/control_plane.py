"""One look at a mesh's control plane: both API servers, what the console wrote there, and every istiod replica."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings

from interconnect import clients
from interconnect.domain import networks
from interconnect.domain.drift import drift_of, writes_owed
from interconnect.domain.entries import NETWORKS_ANNOTATION, OF_THE_MESH, Absent, Live, Present, Target, Unknown
from interconnect.domain.gateway_rule import is_ours, opens_the_port, selects_ours
from interconnect.domain.label_selectors import selects
from interconnect.domain.networks import DATA_KEY
from interconnect.domain.plan import expected_networks
from interconnect.domain.render import networks_target, render, rule_target
from interconnect.domain.rights import ClusterRole, needed
from interconnect.domain.seen import PODS, ROOT_CA, ControlPlaneDetails, ControlPlaneSeen, ReplicaSeen, RuleSeen
from interconnect.kube import debug, istiod, kinds, probe, rights
from interconnect.kube.errors import KubeError
from interconnect.kube.reading import items, mapping, text
from interconnect.observing.istiods import placed, replicas_seen
from interconnect.observing.member import mesh_config_of, root_ca, trust_domain_of
from interconnect.observing.reads import Reads

if TYPE_CHECKING:
    from interconnect.domain.facts import ConfigMapRef, Facts, Istiod
    from interconnect.domain.json_types import Json
    from interconnect.domain.rights import Right
    from interconnect.domain.violations import Violation
    from interconnect.kube.api import Api
    from interconnect.models import Mesh
    from interconnect.observing.member import Asked

Foreign = Mapping[str, frozenset[tuple[str, int]]]


def look(mesh: Mesh, asked: Asked) -> tuple[ControlPlaneSeen, Foreign]:
    """Look once; return that, and the addresses that others keep in meshNetworks.

    At most eight calls, two more where a ConfigMap can't be told from istiod's Deployment, and three per replica.
    """
    seconds, part, reads = float(settings.MESHCONSOLE_PROBE_CALL_SECONDS), "control-plane", Reads()
    try:
        plane = clients.control_plane_api(mesh).within(seconds)
        plane.transport.identify(deadline=seconds)
        part = "config"
        config = clients.config_api(mesh).within(seconds)
        if mesh.config_id != mesh.control_plane_id:
            config.transport.identify(deadline=seconds)
        return _look(_Place(mesh, asked, plane, config, reads))
    except KubeError as error:
        if error.code == "forbidden":
            # It answers, and doesn't say which cluster it is: nothing more is asked of it.
            reads.miss(error)
            return _unread(asked, reads)
        failure = error.violation()
        return ControlPlaneSeen(failure=replace(failure, params={**failure.params, "part": part})), {}


def look_closely(mesh: Mesh, istiods: Iterable[Istiod]) -> ControlPlaneDetails:
    """Read what changes rarely. Raises KubeError when one of the API servers doesn't answer."""
    seconds, found = float(settings.MESHCONSOLE_PROBE_CALL_SECONDS), tuple(istiods)
    plane, config = (api.within(seconds) for api in (clients.control_plane_api(mesh), clients.config_api(mesh)))
    of_plane = _needed(ClusterRole.CONTROL_PLANE, mesh, mesh.control_plane.uid, found)
    of_config = _needed(ClusterRole.CONFIG, mesh, mesh.config_uid, found)
    if mesh.config_id == mesh.control_plane_id:
        lacking = rights.lacking(plane, (*of_plane, *of_config))
    else:
        lacking = (*rights.lacking(plane, of_plane), *rights.lacking(config, of_config))
    return ControlPlaneDetails(missing=tuple(sorted({str(right) for right in lacking})))


def _needed(role: ClusterRole, mesh: Mesh, cluster: str, istiods: Collection[Istiod]) -> tuple[Right, ...]:
    """Return the rights of a role by the names that the istiods have, as far as these are known."""
    names = {}
    if istiods:
        names["deployments", "istiod"] = [each.deployment for each in istiods]
    if istiods and all(each.networks for each in istiods):
        refs = dict.fromkeys(each.networks for each in istiods if each.networks)
        names["configmaps", "istio"] = [ref.name for ref in refs if ref.cluster == cluster]
    return needed(role, mesh.system_namespace, renamed=names)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to look, what to compare with, and what couldn't be read."""

    mesh: Mesh
    asked: Asked
    plane: Api
    config: Api
    reads: Reads

    def api_of(self, uid: str) -> Api:
        return self.config if uid == self.mesh.config_uid else self.plane


def _look(place: _Place) -> tuple[ControlPlaneSeen, Foreign]:
    reads, namespace = place.reads, place.mesh.system_namespace
    # Without the istiods nobody knows what else to read.
    read = reads.ask(lambda: _istiods(place), "")
    if read is None:
        return _unread(place.asked, reads)
    by_name, found = read
    maps = {ref: _config_map(place, ref) for ref in dict.fromkeys(item.networks for item in found if item.networks)}
    foreign = _foreign(place, maps.values())
    facts = replace(place.asked.facts, istiods=found, foreign_networks=foreign)
    gateways = reads.ask(lambda: place.config.list(kinds.GATEWAY), "Gateway")
    drift = _drift(place, facts, maps, gateways)
    config = next((mesh_config_of(each.object) for each in maps.values() if isinstance(each, Present)), None)
    replicas = _replicas(place, found, by_name, facts)
    seen = ControlPlaneSeen(
        istiods=found,
        replicas=replicas,
        direct=bool(place.mesh.istiod_url),
        restarting=any(probe.deployment_status(by_name[item.deployment]).rolling for item in found),
        rule=_rule(place, gateways, drift),
        drift=tuple(each for each in drift if each.params.get("kind") != "Gateway"),
        root_ca=reads.ask(lambda: root_ca(place.config, namespace), "ConfigMap", ROOT_CA),
        invalid=_invalid(maps),
        trust_domain=None if config is None else trust_domain_of(config),
        selectors=None if config is None else _covered(place, config),
    )
    return replace(seen, lacking=tuple(reads.lacking), unread=reads.unread), foreign


def _unread(asked: Asked, reads: Reads) -> tuple[ControlPlaneSeen, Foreign]:
    """The API servers answer, and nothing could be read."""
    return ControlPlaneSeen(lacking=tuple(reads.lacking), unread=reads.unread), asked.facts.foreign_networks


def _istiods(place: _Place) -> tuple[dict[str, Json], tuple[Istiod, ...]]:
    """Return the Deployments of istiods by name, and the istiods among them that are the mesh's."""
    mesh = place.mesh
    deployments = istiod.deployments_of(place.plane, mesh.system_namespace)
    found = istiod.istiods(
        place.plane,
        config_uid=mesh.config_uid,
        control_plane_uid=mesh.control_plane.uid,
        system_namespace=mesh.system_namespace,
        config_api=place.config,
        deployments=deployments,
    )
    return {text(each, "metadata", "name"): each for each in deployments}, tuple(placed(mesh, item) for item in found)


def _config_map(place: _Place, ref: ConfigMapRef) -> Live:
    found = place.reads.ask(
        lambda: (place.api_of(ref.cluster).get(kinds.CONFIG_MAP, ref.name, ref.namespace),), "ConfigMap", ref.name
    )
    if found is None:
        return Unknown()
    return Absent() if found[0] is None else Present(found[0])


def _foreign(place: _Place, maps: Collection[Live]) -> Foreign:
    """Return what others keep in meshNetworks, as known before of what wasn't read."""
    unread = any(isinstance(each, Unknown) for each in maps)
    foreign = dict(place.asked.facts.foreign_networks) if unread else {}
    for each in maps:
        if isinstance(each, Present):
            annotation = mapping(each.object, "metadata", "annotations").get(NETWORKS_ANNOTATION)
            foreign |= networks.foreign_addresses(_networks_text(each), annotation)
    return foreign


def _invalid(maps: Mapping[ConfigMapRef, Live]) -> tuple[Violation, ...]:
    """For each ConfigMap whose meshNetworks istiod can't use the first reason, and how many there are."""
    found: list[Violation] = []
    for ref, each in maps.items():
        problems = networks.problems_in(_networks_text(each)) if isinstance(each, Present) else ()
        if problems:
            where = {"namespace": ref.namespace, "name": ref.name, "count": len(problems)}
            found.append(replace(problems[0], params={**problems[0].params, **where}))
    return tuple(found)


def _networks_text(config_map: Present) -> str | None:
    return mapping(config_map.object, "data").get(DATA_KEY)


def _drift(
    place: _Place, facts: Facts, maps: Mapping[ConfigMapRef, Live], gateways: list[Json] | None
) -> tuple[Violation, ...]:
    """What differs from what the console wrote: the rule, and meshNetworks in each ConfigMap."""
    topology = place.asked.topology
    rendered = {target: wanted for target, wanted in render(topology, facts).items() if target.kind in OF_THE_MESH}
    applied = {target: row for target, row in place.asked.applied.items() if target.kind in OF_THE_MESH}
    live: dict[Target, Live] = {networks_target(ref): found for ref, found in maps.items()}
    rule = rule_target(topology)
    ours = [each for each in gateways or () if _at(each, rule)]
    if gateways is not None:
        kind = {"apiVersion": rule.api_version, "kind": rule.kind}
        live[rule] = Present(kind | ours[0]) if ours else Absent()
    targets = list(dict.fromkeys((*rendered, *applied)))
    owed = writes_owed(targets, rendered, applied, live, mesh=topology.mesh, consents=place.asked.consents)
    return drift_of(owed, live)


def _at(obj: Json, target: Target) -> bool:
    return (text(obj, "metadata", "namespace"), text(obj, "metadata", "name")) == (target.namespace, target.name)


def _rule(place: _Place, gateways: list[Json] | None, drift: Iterable[Violation]) -> RuleSeen | None:
    if gateways is None:
        return None
    topology = place.asked.topology
    rule, mesh = rule_target(topology), str(place.mesh.id)
    others = [each for each in gateways if opens_the_port(each) and selects_ours(each) and not _at(each, rule)]
    return RuleSeen(
        present=any(_at(each, rule) for each in gateways),
        changed=next((each for each in drift if each.params.get("kind") == "Gateway"), None),
        others=tuple(
            sorted(
                f"{text(each, 'metadata', 'namespace')}/{text(each, 'metadata', 'name')}"
                for each in others
                if not is_ours(each, mesh)
            )
        ),
    )


def _replicas(
    place: _Place, found: Iterable[Istiod], deployments: Mapping[str, Json], facts: Facts
) -> tuple[ReplicaSeen, ...]:
    """Every replica of every istiod; those that aren't ready say nothing."""
    topology = place.asked.topology
    expected = expected_networks(topology, render(topology, facts), facts)
    reads = place.reads
    pods = reads.ask(lambda: place.plane.list(kinds.POD, place.mesh.system_namespace, labels="app=istiod"), PODS)
    seen: list[ReplicaSeen] = []
    for item in found:
        sources = _sources(place, deployments[item.deployment], pods or ())
        asked = reads.ask(
            lambda item=item, sources=sources: replicas_seen(  # type: ignore[misc]
                item.deployment, sources, expected[item.deployment], facts.foreign_networks, clusters=True
            ),
            PODS,
        )
        seen += asked or ()
        if not place.mesh.istiod_url:
            unready = istiod.unready_of(deployments[item.deployment], pods or ())
            seen += (ReplicaSeen(name, item.deployment, answers=False) for name in unready)
    return tuple({each.name: each for each in seen}.values())


def _sources(place: _Place, deployment: Json, pods: Iterable[Json]) -> dict[str, debug.Source]:
    if place.mesh.istiod_url:
        transport = place.plane.transport
        return {place.mesh.istiod_url: debug.UrlSource(place.mesh.istiod_url, transport.deny, transport.before)}
    names = istiod.pods_of(deployment, pods)
    seconds = float(settings.MESHCONSOLE_PROBE_CALL_SECONDS)
    return {name: debug.PodSource(place.plane, place.mesh.system_namespace, name, seconds) for name in names}


def _covered(place: _Place, config: Json) -> bool | None:
    """Whether the mesh's discoverySelectors select the system namespace; without any they select everything."""
    selectors = items(config, "discoverySelectors")
    if not selectors:
        return True
    name = place.mesh.system_namespace
    namespace = place.reads.ask(lambda: place.config.get(kinds.NAMESPACE, name), "Namespace", name)
    labels = mapping(namespace, "metadata", "labels")
    return None if namespace is None else any(selects(each, labels) for each in selectors)
