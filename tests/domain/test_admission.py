"""Admission may change what is sent: what a gateway needs must be as sent, everything else as the cluster made it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.agreement import admission, agrees, blamed, breaks_traffic, differences
from interconnect.domain.drift import admitted_among, drift_of, notes_of, writes_owed
from interconnect.domain.entries import Absent, Admitted, Applied, AppliedState, Present, Target, Unknown
from interconnect.domain.render import networks_target, render, rule_target, webhook_target
from interconnect.domain.violations import Violation
from interconnect.domain.writes import Agree, Verb, Write, arrived, decide, note_of, pod_label_changed
from tests.domain.samples import ENTRY, FACTS, GREEN, MESH, REF, UID_A, mesh

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json

TOPOLOGY = mesh(joined=GREEN)
RENDERED = render(TOPOLOGY, FACTS)
RULE = rule_target(TOPOLOGY)
CPU = ("spec", "template", "spec", "containers", "[name=istio-proxy]", "resources", "limits", "cpu")
PROXY = CPU[:5]


def target_of(kind: str) -> Target:
    return next(target for target, wanted in RENDERED.items() if target.kind == kind and wanted.gateway == "gw-a")


DEPLOYMENT, SERVICE = target_of("Deployment"), target_of("Service")


def answered(target: Target, path: tuple[str | int, ...], value: Any = None) -> Json:
    """The manifest of the target as a cluster answers that sets this field; None takes it away."""
    answer = copy.deepcopy(RENDERED[target].value)
    answer["metadata"] |= {"uid": "u", "resourceVersion": "1"}
    node: Any = answer
    for key in path[:-1]:
        node = node[key]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return answer


PROXY_INDEX = ("spec", "template", "spec", "containers", 0)
LIMITED = answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), "250m")
NETWORK = "topology.istio.io/network"


@pytest.mark.parametrize(
    ("target", "path", "value"),
    [
        (DEPLOYMENT, ("metadata", "labels", "meshconsole.io/mesh"), None),
        (DEPLOYMENT, ("spec", "selector", "matchLabels", "meshconsole.io/gateway"), "other"),
        (DEPLOYMENT, ("spec", "template", "metadata", "labels", NETWORK), None),
        (DEPLOYMENT, ("spec", "template", "metadata"), None),
        (DEPLOYMENT, ("spec", "template", "metadata", "annotations", "inject.istio.io/templates"), "sidecar"),
        (DEPLOYMENT, (*PROXY_INDEX, "env", 0, "value"), "other"),
        (DEPLOYMENT, (*PROXY_INDEX, "ports"), []),
        (DEPLOYMENT, ("spec", "template", "spec", "containers"), []),
        (DEPLOYMENT, ("spec", "replicas"), 0),
        (SERVICE, ("spec", "selector"), None),
        (SERVICE, ("spec", "ports", 1, "targetPort"), 8443),
        (RULE, ("spec", "servers", 0, "hosts"), ["*.example.org"]),
        (RULE, ("spec", "selector", "istio"), "ingressgateway"),
    ],
)
def test_a_needed_leaf_must_be_as_sent(target: Target, path: tuple[str | int, ...], value: Any) -> None:
    found = admission(RENDERED[target].value, answered(target, path, value))
    assert found.needed
    assert found.admitted == ()


@pytest.mark.parametrize(
    ("target", "path", "value"),
    [
        (DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), "250m"),
        (DEPLOYMENT, (*PROXY_INDEX, "resources"), None),
        (DEPLOYMENT, (*PROXY_INDEX, "image"), "mirror.example.org/auto"),
        (DEPLOYMENT, (*PROXY_INDEX, "securityContext", "capabilities", "drop"), ["NET_RAW", "ALL"]),
        (DEPLOYMENT, ("spec", "template", "spec", "terminationGracePeriodSeconds"), 60),
        (DEPLOYMENT, ("spec", "template", "metadata", "annotations", "prometheus.io/scrape"), None),
        (DEPLOYMENT, ("spec", "replicas"), 2),
        (SERVICE, ("spec", "type"), "ClusterIP"),
    ],
)
def test_any_other_leaf_is_as_the_cluster_makes_it(target: Target, path: tuple[str | int, ...], value: Any) -> None:
    sent, answer = RENDERED[target].value, answered(target, path, value)
    found = admission(sent, answer)
    assert found.needed == ()
    assert found.admitted
    assert not agrees(sent, answer)
    assert agrees(sent, answer, admitted=found.admitted)


def test_what_the_server_adds_is_no_change() -> None:
    assert admission(RENDERED[SERVICE].value, answered(SERVICE, ("spec", "clusterIP"), "10.0.0.1")) == ((), ())


def test_a_change_tells_what_was_sent_and_what_is_there() -> None:
    [change] = admission(RENDERED[SERVICE].value, answered(SERVICE, ("spec", "ports", 1, "targetPort"), 1)).needed
    assert change == (("spec", "ports", "[port=15443,protocol=TCP]", "targetPort"), 15443, 1)


def test_only_changed_leaves_are_kept() -> None:
    assert admission(RENDERED[DEPLOYMENT].value, LIMITED).admitted == (Admitted(CPU, "250m"),)


def test_both_the_sent_and_the_admitted_value_agree() -> None:
    sent, known = RENDERED[DEPLOYMENT].value, (Admitted(CPU, "250m"),)
    assert agrees(sent, sent, admitted=known)
    assert agrees(sent, answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), "0.25"), admitted=known)
    third = answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), "300m")
    assert differences(sent, third, admitted=known) == (CPU,)


def test_what_was_taken_away_may_come_back_in_part() -> None:
    sent = RENDERED[DEPLOYMENT].value
    known = admission(sent, answered(DEPLOYMENT, (*PROXY_INDEX, "resources"), None)).admitted
    assert agrees(sent, answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), None), admitted=known)
    lacking = answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits"), None)
    assert not agrees(sent, lacking, admitted=(Admitted(CPU, None),))


def row(target: Target, **changes: Any) -> Applied:
    known = Applied(RENDERED[target].value, AppliedState.WRITTEN, object_uid="u", gateway=RENDERED[target].gateway)
    return replace(known, **changes)


def decided(target: Target, applied: Applied, live: Json) -> Any:
    return decide(target, RENDERED[target], applied, Present(live), mesh=MESH)


def test_what_admission_made_of_our_write_is_no_drift() -> None:
    assert decided(DEPLOYMENT, row(DEPLOYMENT, admitted=(Admitted(CPU, "250m"),)), LIMITED) == Agree()


def test_a_value_that_is_neither_ours_nor_admitted_is_drift() -> None:
    third = answered(DEPLOYMENT, (*PROXY_INDEX, "resources", "limits", "cpu"), "300m")
    decision = decided(DEPLOYMENT, row(DEPLOYMENT, admitted=(Admitted(CPU, "250m"),)), third)
    assert (decision.verb, decision.note) == (Verb.APPLY, "writes.note.overwritten")


def fields(manager: str, tree: Json, time: str = "2026-01-01T00:00:00Z") -> Json:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": tree}


def nested(path: tuple[str, ...]) -> Json:
    tree: Json = {}
    for key in reversed(path):
        tree = {key: tree}
    return tree


CPU_FIELDS = nested(
    (
        "f:spec",
        "f:template",
        "f:spec",
        "f:containers",
        'k:{"name":"istio-proxy"}',
        "f:resources",
        "f:limits",
        "f:cpu",
    )
)


def test_only_an_owner_of_that_very_field_is_blamed() -> None:
    others = [
        fields("kube-controller-manager", nested(("f:metadata", "f:annotations", "f:revision"))),
        fields("kubectl-edit", CPU_FIELDS),
        fields("meshconsole", CPU_FIELDS),
    ]
    assert blamed({"metadata": {"managedFields": others}}, [CPU]) == ("kubectl-edit",)
    assert blamed({"metadata": {"managedFields": others[:1]}}, [CPU]) == ()
    assert blamed({"metadata": {}}, [CPU]) == ()


def test_who_owns_a_whole_map_owns_what_is_in_it() -> None:
    live = {"metadata": {"managedFields": [fields("helm", nested(("f:spec", "f:selector")))]}}
    assert blamed(live, [("spec", "selector", "app")]) == ("helm",)
    assert blamed(live, [("spec", "type")]) == ()


def test_the_latest_of_several_owners_comes_first() -> None:
    entries = [fields("first", CPU_FIELDS, "2026-01-01T00:00:01Z"), fields("last", CPU_FIELDS, "2026-01-01T00:00:02Z")]
    assert blamed({"metadata": {"managedFields": entries}}, [CPU, PROXY]) == ("last", "first")


def sent(target: Target, verb: Verb = Verb.APPLY, **options: Any) -> Write:
    return Write(target, verb, body=options.pop("body", RENDERED[target].value), **options)


def test_an_answer_that_lacks_what_is_needed_names_field_and_values() -> None:
    answer = answered(SERVICE, ("spec", "selector"), None)
    found = arrived(sent(SERVICE), RENDERED[SERVICE], answer)
    assert isinstance(found, Violation)
    assert found.code == "writes.needed-changed"
    assert found.params["kind"] == "Service"
    assert (found.params["field"], found.params["sent"], found.params["got"]) == (
        ".spec.selector",
        "meshconsole.io/gateway=gw-a",
        "",
    )


def test_the_answer_to_a_removal_or_a_handover_is_not_judged() -> None:
    answer = answered(SERVICE, ("spec", "selector"), None)
    assert arrived(sent(SERVICE, removes=True), RENDERED[SERVICE], answer) == ()
    assert arrived(sent(SERVICE, manager="meshconsole-handover"), RENDERED[SERVICE], answer) == ()
    assert arrived(sent(SERVICE), None, answer) == ()


def test_a_webhook_path_that_did_not_take_the_network_is_found() -> None:
    target = webhook_target(UID_A, FACTS.webhooks[UID_A][0])
    write = sent(target, Verb.JSON_PATCH)
    configuration = {"webhooks": [{"name": ENTRY.webhook, "clientConfig": {"url": f"{ENTRY.value}/net/blue"}}]}
    assert arrived(write, RENDERED[target], configuration) == ()
    configuration["webhooks"][0]["clientConfig"] = {"service": {"path": "/inject"}}
    found = arrived(write, RENDERED[target], configuration)
    assert isinstance(found, Violation)
    assert (found.params["field"], found.params["got"]) == (
        f".webhooks[name={ENTRY.webhook}].clientConfig.service.path",
        "",
    )
    assert isinstance(arrived(write, RENDERED[target], {}), Violation)


def test_mesh_networks_that_lost_a_network_of_ours_is_found() -> None:
    target = networks_target(REF)
    write = sent(target, Verb.PUT, body={"data": {}})
    found = arrived(write, RENDERED[target], {"data": {"meshNetworks": "networks: {other: {}}"}})
    assert isinstance(found, Violation)
    assert (found.params["field"], found.params["sent"], found.params["got"]) == (".data.meshNetworks", ["green"], [])


def test_a_note_says_what_the_cluster_makes_of_a_leaf() -> None:
    changed, gone = note_of(DEPLOYMENT, Admitted(CPU, "250m")), note_of(DEPLOYMENT, Admitted(CPU, None))
    assert (changed.code, changed.params["value"]) == ("writes.note.admitted", "250m")
    assert (gone.code, gone.params["name"]) == ("writes.note.taken-away", DEPLOYMENT.name)


def test_a_label_that_a_pod_lacks_is_needed() -> None:
    found = pod_label_changed("uid", {"metadata": {"name": "p", "namespace": "s"}}, NETWORK, "blue")
    assert (found.code, found.params["kind"], found.params["name"]) == ("writes.needed-changed", "Pod", "p")


def owed_under(live: Json, applied: Applied) -> tuple[list[Write], dict[Target, Present]]:
    there = {DEPLOYMENT: Present(live)}
    rows = {DEPLOYMENT: applied}
    return writes_owed([DEPLOYMENT], {DEPLOYMENT: RENDERED[DEPLOYMENT]}, rows, there, mesh=MESH), there


def test_a_look_finds_by_one_dry_run_what_a_later_policy_makes_of_an_object() -> None:
    owed, live = owed_under(LIMITED, row(DEPLOYMENT))
    asked: list[Target] = []

    def dry_run(write: Write) -> Json:
        asked.append(write.target)
        return LIMITED

    found, _untried = admitted_among(owed, RENDERED, {DEPLOYMENT: row(DEPLOYMENT)}, live, dry_run, mesh=MESH)
    assert found == {DEPLOYMENT: (Admitted(CPU, "250m"),)}
    assert asked == [DEPLOYMENT]
    kept = row(DEPLOYMENT, admitted=found[DEPLOYMENT])
    assert owed_under(LIMITED, kept)[0] == []
    assert [note.code for note in notes_of({DEPLOYMENT: kept}, live)] == ["writes.note.admitted"]


def test_a_note_ends_when_the_value_is_put_back() -> None:
    rows = {DEPLOYMENT: row(DEPLOYMENT, admitted=(Admitted(CPU, "250m"),))}
    assert len(notes_of(rows, {DEPLOYMENT: Present(LIMITED)})) == 1
    assert len(notes_of(rows, {DEPLOYMENT: Unknown()})) == 1
    assert notes_of(rows, {DEPLOYMENT: Present(RENDERED[DEPLOYMENT].value)}) == ()
    assert notes_of(rows, {DEPLOYMENT: Absent()}) == ()


@pytest.mark.parametrize("answer", [None, RENDERED[DEPLOYMENT].value])
def test_what_a_dry_run_does_not_explain_stays_drift(answer: Json | None) -> None:
    owed, live = owed_under(LIMITED, row(DEPLOYMENT))
    found, _untried = admitted_among(owed, RENDERED, {DEPLOYMENT: row(DEPLOYMENT)}, live, lambda _: answer, mesh=MESH)
    assert found == {}


def test_a_row_that_never_arrived_is_not_tried() -> None:
    intended = row(DEPLOYMENT, state=AppliedState.INTENDED)
    owed, live = owed_under(LIMITED, intended)
    assert admitted_among(owed, RENDERED, {DEPLOYMENT: intended}, live, pytest.fail, mesh=MESH) == ({}, frozenset())


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        (("spec", "selector", "meshconsole.io/gateway"), True),
        (("spec", "ports", "[port=15443]", "targetPort"), True),
        (("spec",), True),
        (("metadata", "labels", "app.kubernetes.io/managed-by"), False),
        (("spec", "type"), False),
    ],
)
def test_traffic_depends_on_a_services_selector_and_ports(path: tuple[str, ...], needed: bool) -> None:
    assert breaks_traffic("Service", [path]) is needed


def test_a_difference_that_could_not_be_tried_is_tried_again_and_one_that_was_is_not() -> None:
    owed, live = owed_under(LIMITED, row(DEPLOYMENT))
    rows = {DEPLOYMENT: row(DEPLOYMENT)}
    _found, untried = admitted_among(owed, RENDERED, rows, live, lambda _: None, mesh=MESH)
    again = drift_of(owed, live, untried=untried)
    asked: list[object] = []
    admitted_among(owed, RENDERED, rows, live, asked.append, mesh=MESH, known=again)
    assert len(asked) == 1
    admitted_among(owed, RENDERED, rows, live, pytest.fail, mesh=MESH, known=drift_of(owed, live))
