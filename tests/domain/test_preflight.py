"""Findings before a join."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interconnect.domain.networks_text import dump
from interconnect.domain.preflight import (
    CODES,
    ChosenGateway,
    ClusterSeen,
    ConfigMapSeen,
    Finding,
    Observed,
    Severity,
    blocking,
    findings,
)
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.topology import Address, Cluster, Group, Topology
from interconnect.domain.violations import Violation
from tests.domain.samples import FACTS, GREEN, ISTIOD, KEY_B, REF, mesh

SEEN = ClusterSeen(True, True, "ca", "cluster.local", (), frozenset({"shop/echo"}), {}, StaleCount(), "v1.36.1")
OBSERVED = Observed(
    clusters={
        "member-a": replace(SEEN, services=frozenset()),
        "member-b": SEEN,
        "member-c": replace(SEEN, services=frozenset()),
    },
    gateways={KEY_B: ChosenGateway(True, True)},
    config_maps={REF: ConfigMapSeen("networks: {}")},
    data_path=True,
)
GROUPED = replace(
    mesh(joined=GREEN), groups={**mesh(joined=GREEN).groups, "red": Group("red", frozenset({"member-c"}))}
)


def found(observed: Observed = OBSERVED, topology: Topology = GROUPED, facts: Any = FACTS) -> tuple[Finding, ...]:
    return findings(topology, "green", observed, facts)


def only(*arguments: Any, **options: Any) -> Finding:
    [finding] = found(*arguments, **options)
    assert finding.code in CODES
    return finding


def with_cluster(name: str = "member-b", **changes: Any) -> Observed:
    return replace(OBSERVED, clusters={**OBSERVED.clusters, name: replace(OBSERVED.clusters[name], **changes)})


def with_text(text: str, **changes: Any) -> Observed:
    return replace(OBSERVED, config_maps={REF: ConfigMapSeen(text, **changes)})


def test_a_mesh_in_order_has_no_findings() -> None:
    assert found() == ()
    assert findings(GROUPED, "no such", OBSERVED, FACTS) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"answers": False}, "preflight.no-answer"),
        ({"answers": None}, "preflight.no-answer"),
        ({"root_ca": "other"}, "preflight.root-ca"),
        ({"trust_domain": "other"}, "preflight.trust-domain"),
        ({"labelled_services": ("istio-system/eastwest",)}, "preflight.labelled-service"),
    ],
)
def test_an_error_has_a_token_and_blocks_until_it_is_overridden(changes: dict[str, Any], code: str) -> None:
    finding = only(with_cluster(**changes))
    assert (finding.code, finding.severity) == (code, Severity.ERROR)
    assert blocking([finding]) == (finding,)
    assert blocking([finding], frozenset({finding.token})) == ()


def test_a_root_that_differs_says_which_clusters_stand_apart() -> None:
    assert only(with_cluster(root_ca="other")).params["clusters"] == [["member-a", "member-c"], ["member-b"]]


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (None, "preflight.gateway-not-ready"),
        (ChosenGateway(False, True, "Pending"), "preflight.gateway-not-ready"),
        (ChosenGateway(True, False), "preflight.gateway-not-injected"),
    ],
)
def test_a_chosen_gateway_must_be_ready_and_injected(seen: ChosenGateway | None, code: str) -> None:
    finding = only(replace(OBSERVED, gateways={KEY_B: seen} if seen else {}))
    assert (finding.code, finding.severity) == (code, Severity.ERROR)


def test_pods_elsewhere_that_carry_the_name_are_an_error() -> None:
    finding = only(with_cluster("member-c", networks={"green": 3, "red": 1}))
    assert (finding.code, finding.severity, finding.evidence) == (
        "preflight.pods-elsewhere",
        Severity.ERROR,
        {"pods": 3},
    )


@pytest.mark.parametrize(
    ("observed", "code"),
    [
        (with_text("networks: ["), "preflight.networks.there"),
        (with_text("networks: {x: {gateways: [{address: 203.0.113.9, port: 0}]}}"), "preflight.networks.there"),
        (with_text("networks: {green: {}}"), "preflight.name-taken"),
        (with_text("networks: {x: {gateways: [{address: 203.0.113.2, port: 15443}]}}"), "preflight.address-taken"),
        (with_text("networks: {x: {endpoints: [{fromRegistry: member-b}]}}"), "preflight.registry-taken"),
        (with_cluster(system_namespace=False), "preflight.system-namespace"),
    ],
)
def test_a_final_finding_cannot_be_overridden(observed: Observed, code: str) -> None:
    finding = only(observed)
    assert (finding.code, finding.severity, finding.token) == (code, Severity.FINAL, "")
    assert blocking([finding], frozenset({""})) == (finding,)


def test_our_own_networks_in_the_text_are_not_somebody_elses() -> None:
    text = dump({"networks": {"green": {"gateways": [{"address": "203.0.113.2", "port": 15443}]}}})
    assert found(with_text(text, annotation="green")) == ()


def test_an_address_of_another_joined_group_is_taken() -> None:
    topology = GROUPED.with_group(replace(GROUPED.groups["blue"], addresses=(Address("203.0.113.2"),)))
    assert "preflight.address-taken" in [finding.code for finding in found(topology=topology)]


def test_a_cluster_name_that_istiod_refuses_is_final() -> None:
    topology = replace(GROUPED, clusters={**GROUPED.clusters, "bad_id": Cluster("bad_id", "u")})
    topology = topology.with_group(Group("green", frozenset({"bad_id", "member-b"}), GREEN))
    final = [finding.code for finding in found(topology=topology) if finding.severity is Severity.FINAL]
    assert final == ["preflight.networks.rendered", "preflight.cluster-name"]


OLD = {Workload("shop", "Deployment", "web"): 2}


@pytest.mark.parametrize(
    ("observed", "code"),
    [
        (with_cluster(stale=StaleCount(OLD, {}, {"default": 2})), "preflight.stale-pods"),
        (with_cluster(stale=StaleCount({}, OLD)), "preflight.unlabelled-pods"),
        (
            with_cluster("member-c", services=frozenset({"shop/echo", "default/kubernetes"})),
            "preflight.services-unlisted",
        ),
        (with_cluster(version="v1.30.0"), "preflight.kubernetes-skew"),
        (with_cluster(missing_rights=("list pods",)), "preflight.not-checked"),
        (with_cluster(stale=None), "preflight.not-checked"),
        (with_text("", managers=("argocd",)), "preflight.config-map-managed"),
        (replace(OBSERVED, guard=(Violation("guard.not-answering", {"cluster": "member-a"}),)), "preflight.guard"),
        (replace(OBSERVED, data_path=None), "preflight.data-path"),
        (replace(OBSERVED, data_path=False), "preflight.data-path"),
    ],
)
def test_a_warning_does_not_block(observed: Observed, code: str) -> None:
    finding = only(observed)
    assert (finding.code, finding.severity) == (code, Severity.WARNING)
    assert blocking([finding]) == ()


def test_services_that_a_join_merges_are_named_with_their_groups() -> None:
    topology = GROUPED.with_group(replace(GROUPED.groups["red"], addresses=(Address("203.0.113.7"),)))
    finding = only(with_cluster("member-c", services=frozenset({"shop/echo"})), topology)
    named = {"groups": ["red"], "group_count": 1, "services": ["shop/echo"], "count": 1}
    assert (finding.code, finding.params) == ("preflight.services-merged", named)


def test_groups_that_share_the_same_services_are_one_finding_however_many_they_are() -> None:
    topology, observed = GROUPED, with_cluster("member-c", services=frozenset({"shop/echo"}))
    for number in range(30):
        name = f"more-{number:02}"
        topology = replace(topology, clusters={**topology.clusters, name: Cluster(name, f"uid-{name}")})
        topology = topology.with_group(Group(name, frozenset({name})))
        more = replace(observed.clusters["member-c"], services=frozenset({"shop/echo"}))
        observed = replace(observed, clusters={**observed.clusters, name: more})
    (finding,) = [each for each in found(observed, topology) if each.code == "preflight.services-unlisted"]
    assert (finding.params["group_count"], len(finding.params["groups"]), finding.params["count"]) == (31, 20, 1)


def test_services_of_the_system_are_not_what_a_join_merges() -> None:
    system = frozenset({"default/kubernetes", "kube-system/kube-dns", "istio-system/istiod"})
    assert (
        found(
            replace(
                with_cluster(services=system),
                clusters={name: replace(SEEN, services=system) for name in OBSERVED.clusters},
            )
        )
        == ()
    )


def test_clusters_in_no_group_are_named() -> None:
    finding = only(topology=mesh(joined=GREEN))
    assert (finding.code, finding.params) == ("preflight.ungrouped", {"clusters": ["member-c"]})


def test_a_control_plane_of_two_versions_or_that_is_recreated_is_warned_of() -> None:
    istiods = (ISTIOD, replace(ISTIOD, deployment="canary", version="1.30.3", strategy="Recreate"))
    assert {finding.code for finding in found(facts=replace(FACTS, istiods=istiods))} == {
        "preflight.istio-skew",
        "preflight.recreate",
    }


def test_the_gravest_finding_comes_first() -> None:
    severities = [
        finding.severity
        for finding in found(with_text("networks: {green: {}}", managers=("helm",)), mesh(joined=GREEN))
    ]
    assert severities == sorted(severities, key=list(Severity).index)
