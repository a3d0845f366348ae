"""What istiod reports against what it should know, and whether it may be restarted.

Shapes as in istiod's debug answers: networkz `[{"Network", "Cluster", "Addr", "Port", …}]` or null, with resolved
addresses only; clusterz `[{"id", "secretName", "syncStatus"}]`, the config cluster's entry without `secretName`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from interconnect.domain.violations import Violation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from interconnect.domain.json_types import Json
    from interconnect.domain.seen import ReplicaSeen

CODES = (
    "verify.missing",
    "verify.unexpected",
    "verify.unresolved",
    "verify.registered-by-label",
    "verify.no-answer",
    "guard.not-synced",
    "guard.not-answering",
    "guard.unverifiable",
    "guard.no-answer",
)

SYNCED = "synced"
Endpoint = tuple[str, int]


class GuardChoice(StrEnum):
    """What to do when the guard holds a restart back."""

    FAIL = "fail"  # the rollout fails, and somebody decides
    SKIP = "skip"  # published without the restart
    FORCE = "force"  # restarted all the same


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """What one istiod replica lacks or has in excess, by network. `unresolved` and `labelled` are findings and never a
    mismatch.
    """

    answered: bool = True
    missing: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    unexpected: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    unresolved: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return self.answered and not self.missing and not self.unexpected


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reports by replica. `known` are the networks that some replica shows; None when a replica did not answer."""

    replicas: Mapping[str, ReplicaReport]
    known: frozenset[str] | None

    @property
    def agrees(self) -> bool:
        return bool(self.replicas) and all(report.agrees for report in self.replicas.values())

    def gone(self, network: str) -> bool:
        """Whether every replica has answered and none still knows the network."""
        return self.known is not None and bool(self.replicas) and network not in self.known

    @property
    def violations(self) -> tuple[Violation, ...]:
        return tuple(
            violation for name, report in sorted(self.replicas.items()) for violation in _violations(name, report)
        )


def expected_of(networks: Mapping[str, Any]) -> dict[str, tuple[Endpoint, ...]]:
    """Return the addresses by network of a rendered meshNetworks value."""
    return {
        name: tuple((gateway["address"], int(gateway["port"])) for gateway in network.get("gateways", ()))
        for name, network in networks.items()
    }


def compare(
    answers: Mapping[str, Sequence[Json] | None],
    expected: Mapping[str, Sequence[Endpoint]],
    *,
    unresolved: Mapping[str, Collection[str]] | None = None,
    foreign: Collection[str] = (),
    silent: Collection[str] = (),
) -> Verdict:
    """Compare networkz of every replica with our networks.

    `answers` is by replica (None is istiod's null: no gateway), `silent` are replicas that didn't answer, `unresolved`
    the host names that a replica's pushcontext lists, `foreign` networks that aren't ours and are ignored.
    """
    hosts = unresolved or {}
    reports = {
        name: _report(answer or (), expected, frozenset(hosts.get(name, ())), foreign)
        for name, answer in answers.items()
    }
    reports.update((name, ReplicaReport(answered=False)) for name in silent)
    known = frozenset(str(entry.get("Network", "")) for answer in answers.values() for entry in answer or ())
    return Verdict(reports, None if silent else known)


def compare_seen(
    replicas: Iterable[ReplicaSeen], expected: Mapping[str, Sequence[Endpoint]], *, foreign: Collection[str] = ()
) -> Verdict:
    """Compare what replicas said in a look with our networks, as `compare` does."""
    replicas = list(replicas)
    answering = [each for each in replicas if each.answers]
    return compare(
        {each.name: list(_entries(each)) for each in answering},
        expected,
        unresolved={each.name: [host for hosts in each.unresolved.values() for host in hosts] for each in answering},
        foreign=foreign,
        silent=[each.name for each in replicas if not each.answers],
    )


def _entries(replica: ReplicaSeen) -> Iterator[Json]:
    for network, pairs in replica.networks.items():
        yield from ({"Network": network, "Cluster": "", "Addr": host, "Port": port} for host, port in pairs)
    for network, found in replica.labelled.items():
        for cluster, pairs in found.items():
            yield from ({"Network": network, "Cluster": cluster, "Addr": host, "Port": port} for host, port in pairs)


def guard(
    clusterz: Mapping[str, Sequence[Json] | None],
    answering: Mapping[str, bool],
    registered: Collection[str],
    config_cluster_id: str,
    forgotten: Collection[str] = (),
) -> tuple[Violation, ...]:
    """Return why istiod must not be restarted now; empty when every cluster it serves would be back afterwards.

    `clusterz` is by replica (None: no answer), `answering` by cluster ID whether its API server has just answered us:
    clusterz keeps saying `synced` for one that died. The config cluster is checked with the mesh's own credential.
    Clusters that aren't registered here can't be checked; forgotten ones are ignored.
    """
    return tuple(_guard(clusterz, answering, frozenset(registered), config_cluster_id, frozenset(forgotten)))


def _report(
    answer: Sequence[Json], expected: Mapping[str, Sequence[Endpoint]], hosts: frozenset[str], foreign: Collection[str]
) -> ReplicaReport:
    shown: dict[str, set[Endpoint]] = {}
    labelled: dict[str, set[str]] = {}
    for entry in answer:
        network, cluster = str(entry.get("Network", "")), str(entry.get("Cluster") or "")
        if network in foreign:
            continue
        if cluster:
            labelled.setdefault(network, set()).add(cluster)
        elif entry.get("Port"):
            shown.setdefault(network, set()).add((_normal(str(entry.get("Addr", ""))), int(entry["Port"])))
    missing: dict[str, tuple[Endpoint, ...]] = {}
    unexpected: dict[str, tuple[Endpoint, ...]] = {}
    unresolved: dict[str, tuple[str, ...]] = {}
    for network in sorted({*shown, *expected}):
        lacks, surplus, names = _network(shown.get(network, set()), expected.get(network, ()), hosts)
        missing |= {network: lacks} if lacks else {}
        unexpected |= {network: surplus} if surplus else {}
        unresolved |= {network: names} if names else {}
    registered = {network: tuple(sorted(names)) for network, names in sorted(labelled.items())}
    return ReplicaReport(True, missing, unexpected, unresolved, registered)


def _network(
    shown: set[Endpoint], expected: Sequence[Endpoint], unresolved: frozenset[str]
) -> tuple[tuple[Endpoint, ...], tuple[Endpoint, ...], tuple[str, ...]]:
    fixed = {(_normal(host), port) for host, port in expected if _is_ip(host)}
    named = {(host, port) for host, port in expected if not _is_ip(host)}
    surplus = shown - fixed
    lacks = fixed - shown
    dns = {host for host, _ in named if host.rstrip(".") in {name.rstrip(".") for name in unresolved}}
    for host, port in named:
        # networkz does not say which name an address came from: any address beyond the fixed ones on its port will do.
        if host not in dns and not any(other == port for _, other in surplus):
            lacks.add((host, port))
    ports = {port for _, port in named}
    return tuple(sorted(lacks)), tuple(sorted(item for item in surplus if item[1] not in ports)), tuple(sorted(dns))


def _violations(replica: str, report: ReplicaReport) -> Iterator[Violation]:
    if not report.answered:
        yield Violation("verify.no-answer", {"replica": replica})
    for code, found in (("verify.missing", report.missing), ("verify.unexpected", report.unexpected)):
        for network, endpoints in found.items():
            addresses = [f"{host} port {port}" for host, port in endpoints]
            yield Violation(code, {"replica": replica, "network": network, "addresses": addresses})
    for network, names in report.unresolved.items():
        yield Violation("verify.unresolved", {"replica": replica, "network": network, "hosts": list(names)})
    for network, clusters in report.labelled.items():
        yield Violation(
            "verify.registered-by-label", {"replica": replica, "network": network, "clusters": list(clusters)}
        )


def _guard(
    clusterz: Mapping[str, Sequence[Json] | None],
    answering: Mapping[str, bool],
    registered: frozenset[str],
    config: str,
    forgotten: frozenset[str],
) -> Iterator[Violation]:
    served = _served(clusterz) - forgotten
    for replica, entries in sorted(clusterz.items()):
        if entries is None:
            yield Violation("guard.no-answer", {"replica": replica})
            continue
        states = {str(entry.get("id", "")): str(entry.get("syncStatus", "")) for entry in entries}
        for cluster in sorted(served):
            status = states.get(cluster, "")
            if status != SYNCED:
                yield Violation("guard.not-synced", {"cluster": cluster, "replica": replica, "status": status})
    for cluster in sorted(served):
        if cluster not in registered and cluster != config:
            yield Violation("guard.unverifiable", {"cluster": cluster})
        elif not answering.get(cluster, False):
            yield Violation("guard.not-answering", {"cluster": cluster})


def _served(clusterz: Mapping[str, Iterable[Json] | None]) -> frozenset[str]:
    return frozenset(str(entry.get("id", "")) for entries in clusterz.values() for entry in entries or ()) - {""}


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _normal(host: str) -> str:
    return str(ipaddress.ip_address(host)) if _is_ip(host) else host
