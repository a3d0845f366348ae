"""What every replica of a mesh's istiods says, and which clusters answer the console."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
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
    replicas = sources(mesh, item)
    known = ask_each(debug.networkz_of, replicas)
    answers = {name: [_gateway(entry) for entry in entries] for name, entries in known.items() if entries is not None}
    silent = [name for name, entries in known.items() if entries is None]
    wanted = verify.expected_of(expected)
    result = verify.compare(answers, wanted, foreign=frozenset(foreign), silent=silent)
    if result.agrees or not any(not _numeric(host) for pairs in wanted.values() for host, _ in pairs):
        return result
    unresolved = {
        name: [host for _, host, _ in found or ()] for name, found in ask_each(debug.unresolved_of, replicas).items()
    }
    return verify.compare(answers, wanted, unresolved=unresolved, foreign=frozenset(foreign), silent=silent)


def _gateway(entry: debug.NetworkGateway) -> Json:
    return {"Network": entry.network, "Cluster": entry.cluster, "Addr": entry.address, "Port": entry.port}


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
