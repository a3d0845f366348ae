"""What every replica of a mesh's istiods says, and which clusters answer the console."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from django.db import connections

from interconnect import clients
from interconnect.domain import networks, verify
from interconnect.domain.entries import NETWORKS_ANNOTATION
from interconnect.domain.facts import ConfigMapRef, Facts, Istiod
from interconnect.domain.json_types import Json
from interconnect.domain.networks import DATA_KEY
from interconnect.domain.seen import ReplicaSeen
from interconnect.kube import debug, istiod, kinds
from interconnect.kube.errors import KubeError
from interconnect.kube.patience import more_patience, patiently
from interconnect.models import Cluster, Connection, Mesh
from interconnect.state import observed

if TYPE_CHECKING:
    from interconnect.domain.violations import Violation

ANSWER_SECONDS = 5.0
_Result = TypeVar("_Result")
_Item = TypeVar("_Item")


def side_by_side(ask: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return `ask` of each item, at most sixteen at once; each thread gives its database connection back."""

    def one(context: Context, item: _Item) -> _Result:
        try:
            return context.run(clients.patiently, ask, item)
        finally:
            connections.close_all()

    todo = list(items)
    if len(todo) < 2:
        return [clients.patiently(ask, item) for item in todo]
    with ThreadPoolExecutor(min(16, len(todo))) as pool:
        # The context carries the lease of the step that asks, so that every thread that asks for the step holds it.
        return list(pool.map(one, [copy_context() for _ in todo], todo))


def read_istiods(mesh: Mesh) -> tuple[tuple[Istiod, ...], dict[str, frozenset[tuple[str, int]]]]:
    """Return the istiods that exist now, and the addresses that others keep in their meshNetworks."""
    found = istiod.istiods(
        clients.control_plane_api(mesh),
        config_uid=mesh.config_uid,
        control_plane_uid=mesh.control_plane.uid,
        system_namespace=mesh.system_namespace,
        config_api=clients.config_api(mesh),
    )
    found = tuple(placed(mesh, item) for item in found)
    foreign: dict[str, frozenset[tuple[str, int]]] = {}
    for ref in dict.fromkeys(item.networks for item in found if item.networks):
        config_map = clients.system_api(mesh, ref.cluster).get(kinds.CONFIG_MAP, ref.name, ref.namespace) or {}
        annotation = (config_map.get("metadata", {}).get("annotations") or {}).get(NETWORKS_ANNOTATION)
        foreign |= networks.foreign_addresses((config_map.get("data") or {}).get(DATA_KEY), annotation)
    return found, foreign


def look_at_istiods(mesh: Mesh) -> Facts:
    """Read the istiods, remember them, and return what is then known of the mesh."""
    found, foreign = read_istiods(mesh)
    observed.note_istiods(mesh, found, foreign=foreign)
    return observed.facts(mesh)


def placed(mesh: Mesh, found: Istiod) -> Istiod:
    """Return the istiod with the place of meshNetworks from the mesh's settings, if somebody has set it."""
    if not mesh.networks_config_map:
        return found
    return replace(
        found,
        networks=ConfigMapRef(
            mesh.networks_cluster or mesh.config_uid, mesh.system_namespace, mesh.networks_config_map
        ),
    )


def sources(mesh: Mesh, item: Istiod) -> dict[str, debug.Source]:
    """Return the debug interface of each ready replica by name; only one if a direct URL leads to the mesh's istiod."""
    api, namespace = clients.control_plane_api(mesh), mesh.system_namespace
    if mesh.istiod_url:
        return {mesh.istiod_url: debug.UrlSource(mesh.istiod_url, api.transport.deny, api.transport.before)}
    return {pod: debug.PodSource(api, namespace, pod) for pod in istiod.replicas(api, item, namespace)}


def ask_each(ask: Callable[[debug.Source], _Result], replicas: dict[str, debug.Source]) -> dict[str, _Result | None]:
    """Return the answers by replica; None for one that gave no answer."""

    def one(source: debug.Source) -> _Result | None:
        try:
            return clients.twice(lambda: ask(source))
        except KubeError:
            return None

    return dict(zip(replicas, side_by_side(one, replicas.values()), strict=True))


def verdict(mesh: Mesh, item: Istiod, expected: Json, foreign: Iterable[str]) -> verify.Verdict:
    """Return whether every replica of this istiod knows exactly our networks as they should be."""
    return verdict_of(replicas_seen(item.deployment, sources(mesh, item), expected, foreign), expected, foreign)


def verdict_of(replicas: Iterable[ReplicaSeen], expected: Json, foreign: Iterable[str]) -> verify.Verdict:
    """Return the same of replicas that have been asked already."""
    return verify.compare_seen(replicas, verify.expected_of(expected), foreign=frozenset(foreign))


def replicas_seen(
    deployment: str,
    replicas: Mapping[str, debug.Source],
    expected: Json,
    foreign: Iterable[str] = (),
    *,
    clusters: bool = False,
) -> tuple[ReplicaSeen, ...]:
    """Return what each replica says now, in one call each, one more with `clusters`, and one more where a host name of
    the `expected` networks doesn't seem to resolve. Raises Permanent `forbidden` where the credential may not ask.
    """
    wanted, ignored = verify.expected_of(expected), frozenset(foreign)

    def one(item: tuple[str, debug.Source]) -> ReplicaSeen:
        name, source = item
        try:
            seen = _replica_seen(name, deployment, source, clusters=clusters)
            return _with_unresolved(seen, source, wanted, ignored)
        except KubeError as error:
            if error.code == "forbidden":
                raise
            return ReplicaSeen(name, deployment, answers=False, failure=error.violation())

    return tuple(side_by_side(one, replicas.items()))


def _replica_seen(name: str, deployment: str, source: debug.Source, *, clusters: bool) -> ReplicaSeen:
    networks: dict[str, list[tuple[str, int]]] = {}
    labelled: dict[str, dict[str, list[tuple[str, int]]]] = {}
    for entry in clients.twice(lambda: debug.networkz_of(source)):
        of_label = labelled.setdefault(entry.network, {}).setdefault(entry.cluster, []) if entry.cluster else None
        into = networks.setdefault(entry.network, []) if of_label is None else of_label
        into.append((entry.address, entry.port))
    known = clients.twice(lambda: debug.clusterz_of(source)) if clusters else ()
    return ReplicaSeen(
        name,
        deployment,
        networks={network: tuple(pairs) for network, pairs in networks.items()},
        labelled={
            network: {cluster: tuple(pairs) for cluster, pairs in found.items()} for network, found in labelled.items()
        },
        clusters={entry.id: entry.status for entry in known},
    )


def _with_unresolved(
    seen: ReplicaSeen, source: debug.Source, wanted: Mapping[str, Sequence[tuple[str, int]]], foreign: frozenset[str]
) -> ReplicaSeen:
    named = any(not _numeric(host) for pairs in wanted.values() for host, _ in pairs)
    if not named or verify.compare_seen([seen], wanted, foreign=foreign).agrees:
        return seen
    found: dict[str, list[str]] = {}
    for network, host, _port in sorted(clients.twice(lambda: debug.unresolved_of(source))):
        found.setdefault(network, []).append(host)
    return replace(seen, unresolved={network: tuple(hosts) for network, hosts in found.items()})


def _numeric(host: str) -> bool:
    return not any(char.isalpha() for char in host) or ":" in host


def remote_clusters(mesh: Mesh, istiods: Iterable[Istiod]) -> frozenset[str]:
    """Return the IDs of the clusters that these istiods know; empty when none of them answers."""
    found = [
        entries for item in istiods for entries in ask_each(debug.clusterz_of, sources(mesh, item)).values() if entries
    ]
    return frozenset(entry.id for entries in found for entry in entries)


def guard(mesh: Mesh, facts: Facts, *, answered: Collection[str] = ()) -> tuple[Violation, ...]:
    """Return why istiod must not be restarted now, if it must not.

    Every cluster that it serves must be synced and answer us within seconds. Those that have just `answered` aren't
    asked again.
    """
    clusterz: dict[str, list[Json] | None] = {}
    for item in facts.istiods:
        for name, entries in ask_each(debug.clusterz_of, sources(mesh, item)).items():
            clusterz[name] = (
                None if entries is None else [{"id": entry.id, "syncStatus": entry.status} for entry in entries]
            )
    rows: list[tuple[str, Connection]] = [
        (row.name, row.connection) for row in Cluster.objects.filter(mesh=mesh).select_related("connection")
    ]
    config_id = next((item.cluster_id for item in facts.istiods), "")
    asked = [(name, row) for name, row in rows if name not in answered]
    answers = dict.fromkeys(answered, True)
    answers |= dict(zip([name for name, _ in asked], side_by_side(answers_now, [row for _, row in asked]), strict=True))
    if config_id not in answers:
        answers[config_id] = answers_now(mesh.config)
    return verify.guard(
        clusterz, answers, list(answers), config_id, frozenset(mesh.forgotten.values()) - answers.keys()
    )


def answers_now(row: Connection) -> bool:
    """Return whether the cluster answers a fresh try, whatever the breaker says.

    Another cluster that has taken over its address doesn't count.
    """
    transport = clients.api_of(row).transport
    try:
        with more_patience(ANSWER_SECONDS):
            clients.twice(lambda: patiently(lambda left: transport.identify(deadline=left), ANSWER_SECONDS))
    except KubeError:
        return False
    return True
