"""Looks at one member cluster: the fast look of every period, the slow one of every hour, and what a join's preflight
needs to know.

Each part that the console isn't allowed to read is *not known*, never assumed to be good.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from interconnect.clients import twice
from interconnect.domain import stale
from interconnect.domain.drift import admitted_among, drift_of, notes_of, writes_owed
from interconnect.domain.entries import (
    CONTROL_PLANES_ANNOTATION,
    GATEWAY_LABEL,
    NETWORK_LABEL,
    OF_THE_MESH,
    Absent,
    Live,
    Present,
    Target,
    Unknown,
)
from interconnect.domain.injection import obstacle
from interconnect.domain.json_types import Json
from interconnect.domain.preflight import ClusterSeen
from interconnect.domain.render import label_target, render_member
from interconnect.domain.rights import ClusterRole
from interconnect.domain.seen import MESH_CONFIG, ROOT_CA, STALE_PODS, GatewaySeen, MemberDetails, MemberSeen
from interconnect.domain.topology import GATEWAY_PORT
from interconnect.kube import cidrs, istiod, kinds, probe, rights
from interconnect.kube.api import LIST_DEADLINE
from interconnect.kube.errors import Conflict, KubeError, Permanent, Temporary
from interconnect.kube.reading import items, mapping, number, text
from interconnect.observing.gateways import gateway_seen, of_gateway, with_autoscaler, with_budget, with_service
from interconnect.observing.reads import Reads
from interconnect.observing.stale import count_stale, of_other_networks, unlabelled

if TYPE_CHECKING:
    from interconnect.domain.entries import Admitted, Applied
    from interconnect.domain.facts import Facts
    from interconnect.domain.topology import Cluster, Topology
    from interconnect.domain.violations import Violation
    from interconnect.domain.writes import Write
    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind

MOST_CALLS = 12
CALLS_IN_A_LOOK = 4  # the deadlines of so many calls are the time of a whole look
_Result = TypeVar("_Result")
Hinders = Callable[[Mapping[str, str]], "Violation | None"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a look compares a member with: the topology, what is known so far, what was written to this cluster, and the
    drift that the look before told.
    """

    topology: Topology
    facts: Facts
    applied: Mapping[Target, Applied]
    consents: frozenset[str] = frozenset()
    drift: tuple[Violation, ...] = ()


def look(api: Api, cluster: Cluster, asked: Asked) -> MemberSeen:
    """Look once at a member cluster: at most MOST_CALLS calls, however many gateways it has.

    A call that gets no answer ends the look: then the cluster is silent, and isn't asked again.
    """
    reader = _Reader(api)
    try:
        api.transport.identify(deadline=api.deadline)
        reader.calls += 1
        return _looked(reader, cluster, asked)
    except KubeError as error:
        if error.code != "forbidden":
            return MemberSeen(failure=error.violation())
        # It answers, and doesn't say which cluster it is: nothing more is asked of it.
        reader.miss(error)
        return MemberSeen(lacking=tuple(reader.lacking), unread=reader.unread)


def look_closely(api: Api, *, system_namespace: str, group: str) -> MemberDetails:
    """Read what changes rarely. Raises KubeError when the cluster doesn't answer."""
    reader = _Reader(api, most=None, seconds=LIST_DEADLINE)
    found = rights.missing(api, ClusterRole.MEMBER, system_namespace)
    pools = reader.ask(lambda: cidrs.pod_cidrs(api), "Pod CIDRs")
    details = MemberDetails(
        version=reader.ask(api.version, "version") or "",
        missing=tuple(sorted(str(right) for right in found if not right.optional)),
        optional=tuple(sorted(str(right) for right in found if right.optional)),
        pod_cidrs=tuple(pools or ()),
        root_ca=reader.ask(lambda: root_ca(api, system_namespace), "ConfigMap", ROOT_CA),
        trust_domain=reader.ask(lambda: own_trust_domain(api, system_namespace), "ConfigMap", MESH_CONFIG),
        # Last, since there may be many.
        unlabelled=reader.ask(
            lambda: stale.count(unlabelled(api, group, deadline=reader.left), group or None), STALE_PODS
        ),
    )
    return replace(details, unread=reader.unread)


class _Reader(Reads):
    """Reads within the calls and the time of a look."""

    def __init__(self, api: Api, most: int | None = MOST_CALLS, seconds: float | None = None) -> None:
        super().__init__()
        self.api = api
        self.most = most
        self.calls = 0
        self.until = time.monotonic() + (CALLS_IN_A_LOOK * api.deadline if seconds is None else seconds)

    @property
    def left(self) -> float:
        """Seconds until the end of the look."""
        return self.until - time.monotonic()

    @property
    def has_calls(self) -> bool:
        return (self.most is None or self.calls < self.most) and self.left > 0

    def ask(self, read: Callable[[], _Result], kind: str, name: str = "") -> _Result | None:
        """Return what was read; None also where there is no time or no call left for it."""
        if not self.has_calls:
            self.miss(Temporary("timeout", phase="list"), kind, name)
            return None
        self.calls += 1
        return super().ask(read, kind, name)

    def dry_run(self, write: Write) -> Json | None:
        """Return what the cluster would make of a write, nothing if somebody else owns what differs; None if that
        can't be tried.
        """
        if not self.has_calls:
            return None
        self.calls += 1
        try:
            return self.api.apply(write.body, uid=write.uid, manager=write.manager, force=write.force, dry_run=True)
        except Conflict:
            return {}
        except KubeError as error:
            if error.code == "timeout":
                # What hangs once hangs again: a webhook that isn't there costs one deadline, not one for each object.
                self.until = time.monotonic()
            return None

    def list(self, kind: Kind, namespace: str = "", **options: Any) -> list[Json] | None:
        found = self.ask(lambda: self.api.list(kind, namespace, **options), kind.kind)
        return None if found is None else [{"apiVersion": kind.api_version, "kind": kind.kind} | each for each in found]


def _looked(reader: _Reader, cluster: Cluster, asked: Asked) -> MemberSeen:
    topology, namespace = asked.topology, asked.topology.system_namespace
    group = topology.group_of(cluster.name)
    # None is an answer here, so that it is told apart from what may not be read.
    holder = reader.ask(lambda: (reader.api.get(kinds.NAMESPACE, namespace),), "Namespace")
    configurations = reader.list(kinds.MUTATING_WEBHOOK)
    entries = None if configurations is None else istiod.injection_entries(configurations)
    facts = asked.facts
    if entries is not None:
        facts = replace(facts, webhooks={cluster.uid: entries})
    rendered = render_member(topology, cluster.name, facts)
    live: dict[Target, Live] = {}
    if holder is not None:
        live[label_target(topology, cluster.uid)._replace(field="")] = (
            Absent() if holder[0] is None else Present(holder[0])
        )
    for each in configurations or ():
        live[_target(cluster.uid, each)] = Present(each)
    targets = [target for target in dict.fromkeys((*rendered, *asked.applied)) if target.kind not in OF_THE_MESH]
    objects = _objects(reader, targets, namespace)
    live |= {_target(cluster.uid, each): Present(each) for found in objects.values() for each in found or ()}
    gateways = _gateways(reader, topology, cluster, objects, _hinders(holder[0] if holder else None, configurations))
    own = group.name if group else ""
    pods = reader.ask(
        lambda: stale.count(of_other_networks(reader.api, own, deadline=reader.left), own or None), STALE_PODS
    )
    known = {target: _live(target, live, objects, configurations) for target in targets}
    owed = writes_owed(targets, rendered, asked.applied, known, mesh=topology.mesh, consents=asked.consents)
    admitted, untried = admitted_among(
        owed, rendered, asked.applied, known, reader.dry_run, mesh=topology.mesh, known=asked.drift
    )
    return MemberSeen(
        lacking=tuple(reader.lacking),
        namespace=None if holder is None else holder[0] is not None,
        network=None
        if not holder or holder[0] is None
        else mapping(holder[0], "metadata", "labels").get(NETWORK_LABEL, ""),
        control_planes=_control_planes(holder[0]) if holder and holder[0] is not None else None,
        webhooks=entries,
        gateways=gateways,
        stale=pods,
        drift=drift_of([write for write in owed if write.target not in admitted], known, untried=untried),
        notes=notes_of(_with_admitted(asked.applied, admitted), known),
        admitted=admitted,
        unread=reader.unread,
    )


def _control_planes(namespace: Json) -> tuple[str, ...]:
    """The cluster IDs as istiod compares them: by comma, spaces included."""
    named = text(namespace, "metadata", "annotations", CONTROL_PLANES_ANNOTATION)
    return tuple(each for each in named.split(",") if each)


def _hinders(
    namespace: Json | None, webhooks: list[Json] | None
) -> Callable[[Mapping[str, str]], Violation | None] | None:
    """Return what says why Pods with given labels would be made without injection; None where that wasn't read."""
    if namespace is None or webhooks is None:
        return None
    return lambda labels: obstacle(namespace, labels, webhooks)


def _with_admitted(
    applied: Mapping[Target, Applied], found: Mapping[Target, tuple[Admitted, ...]]
) -> Mapping[Target, Applied]:
    return {target: replace(row, admitted=found.get(target, row.admitted)) for target, row in applied.items()}


def _target(uid: str, obj: Json) -> Target:
    metadata = obj["metadata"]
    return Target(uid, obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"])


def _live(
    target: Target, live: Mapping[Target, Live], objects: Mapping[Kind, list[Json] | None], webhooks: list[Json] | None
) -> Live:
    """What is not in a list that was read is absent; what is in none is unknown."""
    holder = target._replace(field="")
    if holder in live:
        return live[holder]
    kind = kinds.of_target(target)
    listed = webhooks if kind == kinds.MUTATING_WEBHOOK else objects.get(kind)
    return Unknown() if listed is None else Absent()


def _objects(reader: _Reader, targets: Iterable[Target], namespace: str) -> dict[Kind, list[Json] | None]:
    """Return our objects by kind, each kind in one call: those with the name of one that should be there or that was
    written, whatever labels somebody has left them.
    """
    wanted: dict[Kind, set[str]] = {}
    for target in targets:
        if not target.field:
            wanted.setdefault(kinds.of_target(target), set()).add(target.name)
    found: dict[Kind, list[Json] | None] = {}
    for kind, names in wanted.items():
        listed = reader.list(kind, namespace)
        found[kind] = None if listed is None else [each for each in listed if each["metadata"]["name"] in names]
    return found


def _gateways(
    reader: _Reader,
    topology: Topology,
    cluster: Cluster,
    objects: Mapping[Kind, list[Json] | None],
    hinders: Hinders | None,
) -> dict[str, GatewaySeen]:
    own = topology.gateways_of_cluster(cluster.name)
    deployments = objects.get(kinds.DEPLOYMENT)
    if not own or deployments is None:
        return {}
    group, namespace = topology.group_of(cluster.name), topology.system_namespace
    pods = reader.list(kinds.POD, namespace, labels=GATEWAY_LABEL)
    found: dict[str, GatewaySeen] = {}
    for gateway in own:
        seen = gateway_seen(
            _named(deployments, gateway.name),
            None if pods is None else of_gateway(pods, gateway.id),
            group.name if group else "",
            hinders,
        )
        services = objects.get(kinds.SERVICE)
        if seen.present and services is not None:
            seen = with_service(seen, _named(services, gateway.name))
        seen = with_budget(seen, _named(objects.get(kinds.DISRUPTION_BUDGET) or (), gateway.name))
        found[gateway.id] = with_autoscaler(seen, _named(objects.get(kinds.AUTOSCALER) or (), gateway.name))
    pending = {each.id: each.name for each in own if found[each.id].present and found[each.id].addresses == ()}
    return found | _with_reasons(reader, namespace, pending, found)


def _with_reasons(
    reader: _Reader, namespace: str, pending: Mapping[str, str], found: Mapping[str, GatewaySeen]
) -> dict[str, GatewaySeen]:
    """The gateways in `pending` (names by ID) with the reason why their load balancers have no address, from the Events
    of all Services in one call.
    """
    if not pending:
        return {}
    events = reader.list(kinds.EVENT, namespace, fields="involvedObject.kind=Service") or []
    reasons = {key: probe.newest_reason(events, name) for key, name in pending.items()}
    return {key: replace(found[key], address_reason=reason) for key, reason in reasons.items()}


def _named(objects: Iterable[Json], name: str) -> Json | None:
    return next((each for each in objects if each["metadata"]["name"] == name), None)


def inspect(api: Api, *, system_namespace: str, group: str | None) -> ClusterSeen:
    """Look once at a cluster that is in `group`, or in none."""
    lacking: list[str] = []

    def allowed(read: Callable[[], _Result]) -> _Result | None:
        try:
            return twice(read)
        except Permanent as error:
            if error.code != "forbidden":
                raise
            lacking.append(f"{error.params.get('verb', '')} {error.params.get('resource', '')}")
            return None

    try:
        version = twice(api.version)
        namespace = allowed(lambda: api.get(kinds.NAMESPACE, system_namespace, metadata_only=True) is not None)
        pods = allowed(lambda: count_stale(api, group or ""))
        return ClusterSeen(
            answers=True,
            system_namespace=namespace,
            root_ca=allowed(lambda: root_ca(api, system_namespace)) or None,
            trust_domain=allowed(lambda: trust_domain(api, system_namespace)),
            labelled_services=allowed(lambda: _labelled_services(api)),
            services=allowed(lambda: _services(api)),
            networks=None if pods is None else pods.networks,
            stale=pods,
            version=version,
            missing_rights=tuple(sorted(set(lacking))),
        )
    except KubeError:
        return ClusterSeen(answers=False)


def root_ca(api: Api, namespace: str) -> str:
    """Return the SHA-256 of the mesh's root that this cluster's Pods trust; empty if they have none."""
    found = api.get(kinds.CONFIG_MAP, ROOT_CA, namespace)
    pem = text(found, "data", "root-cert.pem") if found else ""
    return hashlib.sha256(pem.strip().encode()).hexdigest() if pem else ""


def trust_domain(api: Api, namespace: str) -> str:
    """Return the trust domain: a member may have its own mesh configuration; without one it has istiod's default."""
    return trust_domain_of(mesh_config_of(api.get(kinds.CONFIG_MAP, MESH_CONFIG, namespace)))


def own_trust_domain(api: Api, namespace: str) -> str:
    """Return the trust domain of a member's own mesh configuration; empty where it has none, and takes istiod's."""
    found = api.get(kinds.CONFIG_MAP, MESH_CONFIG, namespace)
    return trust_domain_of(mesh_config_of(found)) if found else ""


def mesh_config_of(config_map: Json | None) -> Json:
    """Return Istio's MeshConfig in a ConfigMap; empty where there is none, or none that can be read."""
    try:
        config = yaml.safe_load(text(config_map, "data", "mesh"))
    except yaml.YAMLError:
        config = {}
    return config if isinstance(config, dict) else {}


def trust_domain_of(mesh_config: Json) -> str:
    return text(mesh_config, "trustDomain") or "cluster.local"


def _labelled_services(api: Api) -> tuple[str, ...]:
    found = api.list(kinds.SERVICE, labels=NETWORK_LABEL)
    return tuple(
        sorted(
            _name(service)
            for service in found
            if any(number(port, "port") == GATEWAY_PORT for port in items(service, "spec", "ports"))
        )
    )


def _services(api: Api) -> frozenset[str]:
    return frozenset(_name(service) for service in api.list(kinds.SERVICE, metadata_only=True))


def _name(service: Json) -> str:
    return f"{text(service, 'metadata', 'namespace')}/{text(service, 'metadata', 'name')}"
