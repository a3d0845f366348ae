"""Every finding of a look, from the smallest thing that is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from interconnect.domain.changes import CreateGateway, CreateGroup, Enable
from interconnect.domain.diagnosis import CODES, diagnose, standstill
from interconnect.domain.facts import Facts, WebhookEntry
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.seen import PODS, MemberDetails, MemberSeen, Readiness, RuleSeen
from interconnect.domain.stale import StaleCount, Workload
from interconnect.domain.status import Level, Statuses
from interconnect.domain.topology import Address, Autoscaling, GatewayKey, GatewaySpec
from interconnect.domain.violations import Violation
from tests.domain import seen
from tests.domain.meshes import after, mesh, uuid
from tests.domain.seen import HOSTS, ISTIOD, NOW, A, B, ago, gateway, member, replica, spoiled, unread, well

ECHO = Workload("shop", "Deployment", "echo")


def drift(kind: str, name: str = "x", field: str = "") -> Violation:
    return Violation("drift.overwritten", {"kind": kind, "name": name, "field": field, "owners": ["helm"]})


def hook(cluster: str) -> WebhookEntry:
    return WebhookEntry("injector", "istio", "path", f"/inject/cluster/{cluster}/net/green")


def failing(code: str) -> Any:
    return member(failure=Violation(code, {}), since=ago(minutes=3))


def of(**changes: Any) -> Statuses:
    return spoiled(members={"member-b": member(seen=MemberSeen(**{"namespace": True} | changes))})


def detailed(**changes: Any) -> Statuses:
    return spoiled(members={"member-b": member(details=replace(member().details, **changes))})


def there(**changes: Any) -> Statuses:
    return spoiled(plane={"seen": replace(well().control_plane.seen, **changes)})


def both(**changes: Any) -> Statuses:
    return spoiled(plane={"replicas": tuple(replica(seen.joined(), name, **changes) for name in ("one", "two"))})


def found_at(**changes: Any) -> Statuses:
    return spoiled(gateways={B: gateway(B, **changes)})


def scaled() -> Statuses:
    topology = seen.joined()
    own = replace(topology.gateways[B], spec=GatewaySpec(autoscaling=Autoscaling(1, 2)))
    return spoiled(topology=topology.with_gateway(own), gateways={B: gateway(B, at_limit=True)})


def by_name() -> Statuses:
    topology = seen.joined()
    green = replace(topology.groups["green"], addresses=(Address("gw.example.org", gateway=None),))
    replicas = (replica(topology, "one", networks={}, unresolved={"green": ("gw.example.org",)}),)
    return spoiled(topology=topology.with_group(green), plane={"replicas": replicas})


def istiods(*items: Any) -> Statuses:
    return spoiled(facts=Facts(istiods=items))


BROKEN = Violation("networks.gateway-port", {"namespace": "istio-system", "name": "istio", "count": 1})
CANARY = replace(ISTIOD, deployment="istiod-canary", revision="canary", version="1.32.0")
GREEN, MEMBER_B = Subject(SubjectKind.GROUP, "green"), Subject(SubjectKind.CLUSTER, "member-b")
GATEWAY_A, MEMBER_A = Subject(SubjectKind.GATEWAY, "member-a/1"), Subject(SubjectKind.CLUSTER, "member-a")
GATEWAY_B, PLANE = Subject(SubjectKind.GATEWAY, "member-b/1"), Subject(SubjectKind.CONTROL_PLANE)
WARNING, CRITICAL, INFO = Severity.WARNING, Severity.CRITICAL, Severity.INFO

CASES: list[tuple[Statuses, str, Subject, Severity]] = [
    (spoiled(plane={"failure": Violation("kube.timeout", {})}), "control-plane.no-answer", PLANE, CRITICAL),
    (spoiled(plane={"failure": Violation("kube.unauthorized", {})}), "control-plane.refuses-us", PLANE, CRITICAL),
    (spoiled(plane={"failure": Violation("kube.wrong-cluster", {})}), "control-plane.wrong-cluster", PLANE, CRITICAL),
    (there(istiods=()), "control-plane.no-istiod", PLANE, CRITICAL),
    (spoiled(plane={"replicas": (replica(seen.joined(), "one"),)}), "control-plane.replicas-silent", PLANE, WARNING),
    (there(lacking=("create pods/portforward",)), "control-plane.rights-missing", PLANE, WARNING),
    (there(unread=(unread("Gateway"),)), "control-plane.unread", PLANE, WARNING),
    (there(rule=RuleSeen(present=False)), "rule.missing", Subject(SubjectKind.RULE), CRITICAL),
    (there(rule=RuleSeen(True, drift("Gateway"))), "rule.changed", Subject(SubjectKind.RULE), CRITICAL),
    (there(rule=RuleSeen(True, None, ("shop/mine",))), "rule.other-rule", Subject(SubjectKind.RULE), WARNING),
    (there(drift=(drift("ConfigMap", "istio", "meshNetworks"),)), "networks.changed", PLANE, CRITICAL),
    (there(invalid=(BROKEN,)), "networks.invalid", PLANE, CRITICAL),
    (both(networks={"old": (("203.0.113.9", 15443),)}), "networks.still-known", PLANE, WARNING),
    (
        istiods(replace(ISTIOD, networks=None)),
        "networks.source-unknown",
        Subject(SubjectKind.ISTIOD, "istiod"),
        WARNING,
    ),
    (
        istiods(replace(ISTIOD, ambient=True)),
        "networks.ambient",
        Subject(SubjectKind.ISTIOD, "istiod"),
        WARNING,
    ),
    (
        istiods(ISTIOD, replace(CANARY, networks=replace(ISTIOD.networks, name="istio-canary"))),
        "networks.revision-lacks-groups",
        Subject(SubjectKind.ISTIOD, "istiod-canary"),
        CRITICAL,
    ),
    (both(networks={}), "group.not-in-effect", GREEN, CRITICAL),
    (found_at(readiness=Readiness.NONE), "group.no-way-in", GREEN, CRITICAL),
    (both(labelled={"green": {"member-b": (("10.0.0.9", 15443),)}}), "group.others-decide", GREEN, CRITICAL),
    (
        spoiled(plane={"replicas": (replica(seen.joined(), "one"), replica(seen.joined(), "two", networks={}))}),
        "group.in-effect-partly",
        GREEN,
        WARNING,
    ),
    (
        both(networks={"green": ((HOSTS[B], 15443), ("198.51.100.9", 15443))}),
        "group.other-addresses",
        GREEN,
        WARNING,
    ),
    (by_name(), "group.host-unresolved", GREEN, WARNING),
    (spoiled(members={"member-b": failing("kube.wrong-cluster")}), "cluster.wrong-cluster", MEMBER_B, CRITICAL),
    (spoiled(members={"member-b": failing("kube.unauthorized")}), "cluster.refuses-us", MEMBER_B, CRITICAL),
    (spoiled(members={"member-b": failing("kube.timeout")}), "cluster.no-answer", MEMBER_B, CRITICAL),
    (of(lacking=("list pods",)), "cluster.rights-missing", MEMBER_B, WARNING),
    (of(unread=(unread("Service"),)), "cluster.unread", MEMBER_B, WARNING),
    (of(namespace=False), "cluster.namespace-missing", MEMBER_B, CRITICAL),
    (of(drift=(drift("Namespace"),)), "cluster.network-label", MEMBER_B, CRITICAL),
    (of(drift=(drift("MutatingWebhookConfiguration"),)), "cluster.injection-path", MEMBER_B, CRITICAL),
    (of(webhooks=(hook("member-x"),)), "cluster.injection-cluster", MEMBER_B, CRITICAL),
    (of(webhooks=(replace(hook("member-b"), without_ca=True),)), "cluster.injection-ca", MEMBER_B, CRITICAL),
    (of(control_planes=("other", "hub ")), "cluster.control-planes", MEMBER_B, WARNING),
    (
        spoiled(members={"member-c": member(seen=MemberSeen(namespace=True, network="green"))}),
        "cluster.label-outside",
        Subject(SubjectKind.CLUSTER, "member-c"),
        CRITICAL,
    ),
    (detailed(root_ca=""), "trust.root-missing", MEMBER_B, CRITICAL),
    (both(clusters={"member-b": "syncing"}), "cluster.not-synced", MEMBER_B, CRITICAL),
    (both(clusters={"member-a": "synced"}), "cluster.unknown-to-istiod", MEMBER_B, CRITICAL),
    (of(notes=(Violation("writes.note.admitted", {"field": ".a"}),)), "cluster.changed-by-admission", MEMBER_B, INFO),
    (found_at(present=False), "gateway.missing", GATEWAY_B, CRITICAL),
    (found_at(injected=False), "gateway.not-injected", GATEWAY_B, CRITICAL),
    (found_at(readiness=Readiness.NONE), "gateway.not-ready", GATEWAY_B, CRITICAL),
    (found_at(readiness=Readiness.SOME), "gateway.degraded", GATEWAY_B, WARNING),
    (of(drift=(drift("Deployment", "eastwest-member-b-1"),)), "gateway.changed", GATEWAY_B, WARNING),
    (found_at(addresses=("203.0.113.99",)), "gateway.address-changed", GATEWAY_B, WARNING),
    (spoiled(gateways={A: gateway(A, addresses=())}), "gateway.address-pending", GATEWAY_A, WARNING),
    (found_at(local_only=True), "gateway.local-traffic", GATEWAY_B, WARNING),
    (found_at(blocked=True), "gateway.budget-blocks", GATEWAY_B, WARNING),
    (scaled(), "gateway.autoscaler-at-limit", GATEWAY_B, WARNING),
    (of(stale=StaleCount({ECHO: 2}, {}, {"old": 2})), "pods.stale", MEMBER_B, WARNING),
    (detailed(unlabelled=StaleCount({}, {ECHO: 2})), "pods.unlabelled", MEMBER_B, INFO),
    (spoiled(members={"member-b": member(ends_at=ago(days=1))}), "credential.ended", MEMBER_B, CRITICAL),
    (
        spoiled(members={"member-b": member(ends_at=NOW + timedelta(days=1))}),
        "credential.ends-soon",
        MEMBER_B,
        WARNING,
    ),
    (detailed(root_ca="another"), "trust.root-ca", Subject(SubjectKind.MESH), CRITICAL),
    (detailed(trust_domain="example.org"), "trust.domain", Subject(SubjectKind.MESH), CRITICAL),
    (istiods(ISTIOD, CANARY), "versions.istio-skew", PLANE, INFO),
    (detailed(version="v1.30.0"), "versions.kubernetes-skew", Subject(SubjectKind.MESH), INFO),
    (there(selectors=False), "discovery.selectors", PLANE, CRITICAL),
]


def findings(statuses: Statuses) -> tuple[Finding, ...]:
    return diagnose(statuses).findings


@pytest.mark.parametrize(("statuses", "code", "subject", "severity"), CASES, ids=[case[1] for case in CASES])
def test_what_is_wrong_is_found_about_its_subject(
    statuses: Statuses, code: str, subject: Subject, severity: Severity
) -> None:
    found = {(each.code, each.subject): each.severity for each in findings(statuses)}
    assert found.get((code, subject)) is severity, found


def test_every_code_is_raised_by_a_case() -> None:
    assert {case[1] for case in CASES} | {"console.standstill"} == set(CODES)


def test_nothing_is_found_where_all_is_well() -> None:
    assert findings(spoiled()) == ()


def test_a_cluster_on_which_no_joined_group_depends_is_only_a_warning() -> None:
    found = {each.code: each.severity for each in findings(spoiled(members={"member-c": failing("kube.timeout")}))}
    assert found == {"cluster.no-answer": WARNING}


@pytest.mark.parametrize(("age", "told"), [(149, False), (150, False), (151, True)])
def test_a_look_that_is_too_old_is_one_finding_of_the_console(age: int, told: bool) -> None:
    found = standstill(NOW - timedelta(seconds=age), NOW, timedelta(seconds=60))
    assert (found is not None) == told
    if found is not None:
        assert (found.code, found.subject.kind, found.severity) == ("console.standstill", SubjectKind.CONSOLE, CRITICAL)


def test_a_look_that_is_too_old_is_not_told_of_everything_in_it() -> None:
    assert findings(Statuses(replace(well(), now=NOW + timedelta(minutes=5)))) == ()


def test_a_mesh_that_nobody_has_looked_at_yet_does_not_stand_still() -> None:
    assert standstill(None, NOW, timedelta(seconds=60)) is None


def test_a_gateway_that_is_gone_is_not_also_told_as_changed() -> None:
    gone = member(seen=MemberSeen(namespace=True, drift=(drift("Deployment", "eastwest-member-b-1"),)))
    statuses = spoiled(members={"member-b": gone}, gateways={B: gateway(B, present=False)})
    assert "gateway.changed" not in {each.code for each in findings(statuses)}


def test_gateways_of_one_name_on_two_clusters_are_two_findings() -> None:
    keys = [GatewayKey(f"production-europe-central-frankfurt-datacenter-{end}", 1) for end in "ab"]
    clusters = [key.cluster for key in keys]
    topology = after(
        mesh(*clusters), Enable(), *(CreateGroup(f"group-{key.cluster[-1]}", frozenset({key.cluster})) for key in keys)
    )
    topology = after(topology, *(CreateGateway(key, uuid(number), GatewaySpec()) for number, key in enumerate(keys)))
    down = dict.fromkeys(keys, gateway(B, Readiness.NONE))
    found = findings(Statuses(replace(well(), topology=topology, gateways=down)))
    assert [each.params["cluster"] for each in found if each.code == "gateway.not-ready"] == clusters


def test_a_root_other_than_the_control_planes_is_found() -> None:
    (found,) = findings(there(root_ca="of-istiod", trust_domain="cluster.local"))
    assert (found.code, found.params["clusters"][-1]) == ("trust.root-ca", ["hub"])
    assert findings(there(root_ca="root", trust_domain="cluster.local")) == ()


def test_however_many_networks_istiod_answers_are_one_finding_of_readable_names() -> None:
    networks = {f"{number:05d}\ud800{'x' * 5000}": (("203.0.113.9", 15443),) for number in range(2000)}
    (found,) = [each for each in findings(both(networks=networks)) if each.code == "networks.still-known"]
    assert found.params["count"] == 2000 and len(found.params["networks"]) == 20
    assert max(map(len, found.params["networks"])) <= 63 and str(found.params["networks"]).encode()
    assert found.detail == ""


def test_a_label_of_somebodys_own_network_is_no_finding() -> None:
    known = member(seen=MemberSeen(namespace=True, network="theirs"))
    facts = Facts(istiods=(ISTIOD,), foreign_networks={"theirs": frozenset()})
    assert findings(spoiled(members={"member-c": known}, facts=facts)) == ()


def test_webhooks_that_were_rewritten_are_one_finding_about_their_cluster() -> None:
    fields = ("webhook:one", "webhook:two")
    statuses = of(drift=tuple(drift("MutatingWebhookConfiguration", "istio", field) for field in fields))
    (found,) = [each for each in findings(statuses) if each.code == "cluster.injection-path"]
    assert found.evidence["fields"] == [f"MutatingWebhookConfiguration istio {field}" for field in fields]


def test_a_webhook_without_a_ca_at_a_url_that_may_be_publicly_trusted_is_a_warning() -> None:
    entry = WebhookEntry("injector", "istio", "url", "https://istiod.example/inject/cluster/member-b", without_ca=True)
    (found,) = findings(of(webhooks=(entry, replace(entry, webhook="other"))))
    assert (found.code, found.severity, found.params["webhooks"]) == ("cluster.injection-ca", WARNING, ["injector"])


@pytest.mark.parametrize("named", [(), ("*",), ("hub",), ("other", "hub"), None])
def test_an_annotation_that_names_our_control_plane_or_none_is_no_finding(named: tuple[str, ...] | None) -> None:
    assert findings(of(control_planes=named)) == ()


def test_the_config_cluster_needs_no_annotation() -> None:
    topology = replace(seen.joined(), config=seen.joined().clusters["member-b"].uid)
    known = {"member-b": member(seen=MemberSeen(namespace=True, control_planes=("other",)))}
    assert "cluster.control-planes" not in {each.code for each in findings(spoiled(topology=topology, members=known))}


def about(statuses: Statuses, subject: Subject) -> set[Level]:
    """The levels of an object, of its group and of the mesh."""
    group = statuses.mesh.topology.group_of("member-b")
    whole = {statuses.whole.state.level}
    of_group = {statuses.groups[group.name].state.level} if group else set()
    match subject.kind:
        case SubjectKind.CLUSTER:
            ending = {each.state.level for each in statuses.credentials if each.subject == subject}
            return {min({statuses.of_cluster(subject.name).level, *ending}, key=lambda each: each.rank)} | whole
        case SubjectKind.GATEWAY:
            return {statuses.gateways[B].level} | of_group | whole
        case SubjectKind.GROUP:
            return {statuses.joined[subject.name].level} | of_group | whole
    return whole


@pytest.mark.parametrize("statuses", [case[0] for case in CASES], ids=[case[1] for case in CASES])
def test_what_is_critical_is_bad_wherever_it_is_shown_and_nothing_else_is(statuses: Statuses) -> None:
    grave = [each for each in findings(statuses) if each.severity is CRITICAL]
    for each in grave:
        assert about(statuses, each.subject) == {Level.BAD}, each
    if not grave:
        assert statuses.whole.state.level is not Level.BAD, statuses.whole


IDLE = [
    (spoiled(gateways={A: gateway(A, Readiness.NONE)}), "gateway.not-ready"),
    (spoiled(gateways={A: gateway(A, present=False)}), "gateway.missing"),
    (spoiled(gateways={A: gateway(A, injected=False)}), "gateway.not-injected"),
    (spoiled(members={"member-a": failing("kube.unauthorized")}), "cluster.refuses-us"),
    (spoiled(members={"member-a": member(ends_at=ago(days=1))}), "credential.ended"),
    (both(clusters=dict.fromkeys(("member-b", "member-c", "member-d"), "synced")), "cluster.unknown-to-istiod"),
    (
        spoiled(members={"member-a": member(seen=MemberSeen(namespace=True, drift=(drift("Namespace"),)))}),
        "cluster.network-label",
    ),
    (spoiled(members={"member-a": member(seen=MemberSeen(namespace=False))}), "cluster.namespace-missing"),
]


@pytest.mark.parametrize(("statuses", "code"), IDLE, ids=[case[1] for case in IDLE])
def test_what_no_joined_group_depends_on_is_a_warning_everywhere(statuses: Statuses, code: str) -> None:
    assert {each.code: each.severity for each in findings(statuses)} == {code: WARNING}
    assert statuses.whole.state.level is not Level.BAD


def test_a_gateway_that_a_joined_group_does_not_use_is_a_warning() -> None:
    topology = seen.joined()
    green = replace(topology.groups["green"], addresses=(Address(HOSTS[A], gateway=A),))
    statuses = spoiled(topology=topology.with_group(green), gateways={B: gateway(B, present=False)})
    assert {each.severity for each in findings(statuses) if each.code == "gateway.missing"} == {WARNING}


def test_what_a_running_rollout_touches_is_held() -> None:
    work = {"busy": frozenset({"member-b"}), "publishing": True, "groups": frozenset({"green"})}
    held = diagnose(spoiled(work=work)).held
    assert {MEMBER_B, GATEWAY_B, GREEN, PLANE} <= held
    assert Subject(SubjectKind.CLUSTER, "member-a") not in held


def test_what_a_running_rollout_leaves_alone_is_not_held() -> None:
    held = diagnose(spoiled(work={"publishing": True, "groups": frozenset({"blue"})})).held
    assert held.isdisjoint({GREEN, Subject(SubjectKind.RULE), Subject(SubjectKind.MESH)})
    assert Subject(SubjectKind.RULE) in diagnose(spoiled(work={"on_rule": True})).held


def test_a_control_plane_that_stops_answering_is_told_while_a_rollout_publishes() -> None:
    silent = tuple(replace(replica(seen.joined(), name), silent_since=NOW) for name in ("one", "two"))
    found = diagnose(spoiled(work={"publishing": True}, plane={"replicas": silent}))
    assert PLANE not in found.held
    assert "control-plane.no-answer" in {each.code for each in found.findings}


def test_a_replica_that_is_silent_is_one_finding() -> None:
    silent = replace(replica(seen.joined(), "one"), silent_since=NOW)
    one = spoiled(plane={"replicas": (silent, replica(seen.joined(), "two"))})
    assert {each.code for each in findings(one)} == {"control-plane.replicas-silent"}


@pytest.mark.parametrize(
    "old",
    [
        spoiled(members={"member-b": member(details=MemberDetails(root_ca="x"), details_at=ago(days=3))}),
        spoiled(members={"member-b": member(details=MemberDetails(trust_domain="x"), details_at=ago(days=3))}),
        spoiled(members={"member-b": member(details=MemberDetails(version="v1.30.0"), details_at=ago(days=3))}),
        spoiled(plane={"seen": replace(well().control_plane.seen, selectors=False), "seen_at": ago(days=1)}),
        spoiled(facts=Facts(istiods=(ISTIOD, CANARY)), plane={"seen_at": ago(days=1)}),
        spoiled(facts=Facts(istiods=(replace(ISTIOD, networks=None),)), plane={"seen_at": ago(days=1)}),
    ],
)
def test_what_was_read_too_long_ago_is_not_found(old: Statuses) -> None:
    assert findings(old) == ()


OPEN = (
    Finding("cluster.network-label", CRITICAL, subject=MEMBER_B),
    Finding("cluster.injection-path", CRITICAL, subject=MEMBER_B),
    Finding("pods.stale", WARNING, subject=MEMBER_B),
    Finding("gateway.changed", WARNING, subject=GATEWAY_B),
    Finding("trust.root-ca", CRITICAL, {"clusters": [["member-a"], ["member-b"]]}),
)
OLD = member(seen_at=ago(hours=4), looked_at=ago(hours=4), details_at=ago(hours=4))
SILENT = replace(OLD, looked_at=NOW, failure=Violation("kube.timeout", {}), since=ago(hours=4))


@pytest.mark.parametrize("known", [OLD, SILENT], ids=["old", "silent"])
def test_what_was_found_on_a_cluster_stays_while_nothing_is_known_of_it(known: Any) -> None:
    statuses = spoiled(members={"member-b": known}, gateways={B: gateway(B, at=ago(hours=4))})
    assert [each.code for each in OPEN if not diagnose(statuses).keeps(each)] == []
    assert diagnose(statuses).keeps(Finding("gateway.missing", CRITICAL, subject=GATEWAY_B))
    assert not diagnose(statuses).keeps(Finding("cluster.network-label", CRITICAL, subject=MEMBER_A))


def test_what_was_found_ends_once_a_look_no_longer_finds_it_or_its_object_is_gone() -> None:
    assert [each.code for each in OPEN if diagnose(spoiled()).keeps(each)] == []
    gone = Finding("cluster.network-label", CRITICAL, subject=Subject(SubjectKind.CLUSTER, "member-z"))
    assert not diagnose(spoiled()).keeps(gone)


def test_what_was_found_on_a_silent_control_plane_stays() -> None:
    changed = Finding("networks.changed", CRITICAL, subject=PLANE)
    rule = Finding("rule.changed", CRITICAL, subject=Subject(SubjectKind.RULE))
    silent = spoiled(plane={"failure": Violation("kube.timeout", {})})
    assert diagnose(silent).keeps(changed) and diagnose(silent).keeps(rule)
    assert not diagnose(there()).keeps(changed) and not diagnose(there()).keeps(rule)


def test_missing_rights_stay_where_nobody_has_looked_closely_for_long() -> None:
    of_plane, of_member = (
        Finding("control-plane.rights-missing", WARNING, subject=PLANE),
        Finding("cluster.rights-missing", WARNING, subject=MEMBER_B),
    )
    old = spoiled(plane={"details_at": ago(days=1)}, members={"member-b": member(details_at=ago(days=1))})
    assert diagnose(old).keeps(of_plane) and diagnose(old).keeps(of_member)
    assert not diagnose(spoiled()).keeps(of_plane) and not diagnose(spoiled()).keeps(of_member)


@pytest.mark.parametrize("code", ["control-plane.no-answer", "control-plane.replicas-silent", "networks.still-known"])
def test_what_was_found_of_replicas_stays_where_they_cannot_be_asked(code: str) -> None:
    found = Finding(code, CODES[code], subject=PLANE)
    assert diagnose(there(unread=(unread(PODS),))).keeps(found) and not diagnose(there()).keeps(found)


def test_no_finding_names_a_cluster_by_its_identity() -> None:
    for statuses, *_rest in CASES:
        for each in findings(statuses):
            assert "uid-" not in str(each.params), each
