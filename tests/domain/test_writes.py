"""What one target needs, from what it shall be, what was applied and what is live."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from interconnect.domain.agreement import agrees, differences, quantity, reverse_patch
from interconnect.domain.entries import Absent, Applied, AppliedState, Present, Target, Unknown, Wanted
from interconnect.domain.facts import WebhookEntry
from interconnect.domain.networks import networks_in
from interconnect.domain.render import label_target, networks_target, render, rule_target, webhook_target
from interconnect.domain.writes import Agree, Verb, Write, conflict, decide, may_force
from tests.domain.cluster_model import Model, a_cluster, json_patch, leaves_of, merge_patch, place, set_managed
from tests.domain.samples import FACTS, GREEN, MESH, REF, UID_A, mesh

TOPOLOGY = mesh(joined=GREEN)
RENDERED = render(TOPOLOGY, FACTS)
RULE = rule_target(TOPOLOGY)
LABEL = label_target(TOPOLOGY, UID_A)
WEBHOOK = webhook_target(UID_A, FACTS.webhooks[UID_A][0])
NETWORKS = networks_target(REF)
[SERVICE] = [target for target, wanted in RENDERED.items() if target.kind == "Service" and wanted.gateway == "gw-a"]


def row(target: Target, **changes: Any) -> Applied:
    return replace(Applied(RENDERED[target].value, AppliedState.WRITTEN, gateway=RENDERED[target].gateway), **changes)


def decided(
    target: Target, applied: Applied | None, live: Any, *, wanted: bool = True, consents: tuple[str, ...] = ()
) -> Any:
    now = live if isinstance(live, (Absent, Unknown)) else Present(live)
    return decide(target, RENDERED[target] if wanted else None, applied, now, mesh=MESH, consents=frozenset(consents))


def applied_object(target: Target) -> dict:
    """The object as the API server holds it after our apply."""
    model = Model()
    model._apply(place(target), copy.deepcopy(RENDERED[target].value), "meshconsole", False)
    return model.objects[place(target)]


def code(decision: Write) -> str:
    assert decision.verb is Verb.REFUSE
    assert decision.violation is not None
    return decision.violation.code


def test_an_unknown_live_state_is_never_taken_for_absent() -> None:
    assert decided(SERVICE, row(SERVICE), Unknown("forbidden")).verb is Verb.LOOK
    assert decided(SERVICE, row(SERVICE), Unknown(), wanted=False).verb is Verb.LOOK


def test_an_object_that_is_not_there_is_applied() -> None:
    decision = decided(SERVICE, None, Absent())
    assert (decision.verb, decision.body, decision.force) == (Verb.APPLY, RENDERED[SERVICE].value, False)


def test_an_object_that_is_as_it_shall_be_and_on_record_agrees() -> None:
    assert decided(SERVICE, row(SERVICE), applied_object(SERVICE)) == Agree()


@pytest.mark.parametrize("applied", [None, row(SERVICE, state=AppliedState.INTENDED), row(SERVICE, value={})])
def test_what_is_not_on_record_is_written_again(applied: Applied | None) -> None:
    assert decided(SERVICE, applied, applied_object(SERVICE)).verb is Verb.APPLY


def test_a_leaf_that_somebody_changed_or_took_away_disagrees() -> None:
    live = applied_object(SERVICE)
    live["spec"]["ports"][1]["targetPort"] = 1
    assert differences(RENDERED[SERVICE].value, live) == (("spec", "ports", "[port=15443,protocol=TCP]", "targetPort"),)
    del live["spec"]["selector"]
    decision = decided(SERVICE, row(SERVICE), live)
    assert (decision.verb, decision.note) == (Verb.APPLY, "writes.note.overwritten")


def test_what_the_api_server_and_others_add_does_not_disagree() -> None:
    live = applied_object(SERVICE)
    live["spec"] |= {"clusterIP": "10.0.0.1", "sessionAffinity": "None"}
    live["spec"]["ports"] = [{**port, "nodePort": 30000} for port in reversed(live["spec"]["ports"])]
    live["metadata"]["annotations"] = {"somebody.example/else": "1"}
    assert agrees(RENDERED[SERVICE].value, live)


def test_a_leaf_of_ours_that_the_manifest_lacks_disagrees() -> None:
    live = applied_object(SERVICE)
    paths = {path for path, _ in leaves_of(RENDERED[SERVICE].value) if path[0] not in ("apiVersion", "kind")}
    set_managed(live, {"meshconsole": paths | {("spec", "loadBalancerIP")}, "other": {("spec", "externalName")}})
    assert ("spec", "loadBalancerIP") in differences(RENDERED[SERVICE].value, live)
    assert ("spec", "externalName") not in differences(RENDERED[SERVICE].value, live)


def test_ownership_of_list_items_is_read_by_their_keys() -> None:
    manifest = {"spec": {"ports": [{"port": 15443, "protocol": "TCP", "name": "tls"}], "names": ["a"]}}
    item, gone = 'k:{"port":15443,"protocol":"TCP"}', 'k:{"port":1,"protocol":"TCP"}'
    fields = {
        "f:spec": {
            "f:ports": {item: {".": {}, "f:name": {}, "f:nodePort": {}}, gone: {}},
            "f:names": {'v:"a"': {}, 'v:"b"': {}},
        }
    }
    live = {
        **manifest,
        "metadata": {"managedFields": [{"manager": "meshconsole", "operation": "Apply", "fieldsV1": fields}]},
    }
    assert differences(manifest, live) == (
        ("spec", "ports", "[port=15443,protocol=TCP]", "nodePort"),
        ("spec", "ports", "[port=1,protocol=TCP]"),
        ("spec", "names", "[b]"),
    )


@pytest.mark.parametrize(
    ("one", "other"), [("1000m", "1"), ("1Gi", "1024Mi"), ("0.1", "100m"), ("2", 2), ("1e3", "1k")]
)
def test_quantities_are_equal_by_amount(one: str, other: object) -> None:
    assert quantity(one) == quantity(other)
    assert agrees({"limits": {"cpu": one}}, {"limits": {"cpu": other}})
    assert not agrees({"labels": {"cpu": one}}, {"labels": {"cpu": other}})


@pytest.mark.parametrize("text", ["", "x", "1x", None, True, "1 Gi"])
def test_other_text_is_no_quantity(text: object) -> None:
    assert quantity(text) is None


def test_an_object_of_our_name_that_is_not_ours_is_refused_for_good() -> None:
    decision = decided(SERVICE, None, {"metadata": {"name": SERVICE.name, "uid": "u"}})
    assert code(decision) == "writes.not-ours"
    assert decision.token == ""


def test_only_the_rule_can_be_adopted_and_then_what_we_set_is_put_back() -> None:
    theirs = {
        "metadata": {"name": RULE.name, "uid": "u", "labels": {"app": "sample"}},
        "spec": {"selector": {"istio": "theirs"}, "servers": [{"hosts": ["*.local"]}]},
    }
    refused = decided(RULE, None, theirs)
    assert code(refused) == "writes.not-ours"
    decision = decided(RULE, None, theirs, consents=(refused.token,))
    assert (decision.verb, decision.adopts, decision.consent) == (Verb.APPLY, True, refused.token)
    assert decision.note == "writes.note.adopted"
    live = copy.deepcopy(theirs)
    merge_patch(
        live, {"metadata": {"labels": RENDERED[RULE].value["metadata"]["labels"]}, "spec": RENDERED[RULE].value["spec"]}
    )
    leaving = decided(RULE, row(RULE, found=decision.found, adopted=True, object_uid="u"), live, wanted=False)
    assert leaving.verb is Verb.MERGE_PATCH
    merge_patch(live, leaving.body)
    assert live == theirs


def test_the_consent_to_adopt_is_for_that_very_object() -> None:
    first = decided(RULE, None, {"metadata": {"uid": "one"}})
    assert code(decided(RULE, None, {"metadata": {"uid": "two"}}, consents=(first.token,))) == "writes.not-ours"


def test_a_rule_that_asks_for_one_more_label_than_ours_is_not_changed_silently() -> None:
    live = applied_object(RULE)
    live["spec"]["selector"]["extra"] = "label"
    refused = decided(RULE, row(RULE), live)
    assert code(refused) == "writes.rule-selector"
    decision = decided(RULE, row(RULE), live, consents=(refused.token,))
    assert decision.verb is Verb.MERGE_PATCH
    merge_patch(live, decision.body)
    assert decided(RULE, row(RULE), live) == Agree()


def test_another_meshs_rule_cannot_be_adopted() -> None:
    assert decided(RULE, None, {"metadata": {"uid": "u", "labels": {"meshconsole.io/mesh": "other"}}}).token == ""


def test_of_an_adopted_object_only_what_still_is_ours_is_put_back() -> None:
    found = reverse_patch(
        RENDERED[RULE].value, {"metadata": {}, "spec": {"selector": {"istio": "theirs"}, "servers": []}}
    )
    live = applied_object(RULE)
    live["spec"]["selector"] = {"istio": "changed since"}
    patch = decided(
        RULE, row(RULE, found=found, adopted=True, object_uid=live["metadata"]["uid"]), live, wanted=False
    ).body
    assert "selector" not in patch["spec"]
    assert patch["spec"]["servers"] == []


def test_a_name_that_another_gateway_has_is_taken() -> None:
    live = applied_object(SERVICE)
    live["metadata"]["labels"]["meshconsole.io/gateway"] = "another"
    assert code(decided(SERVICE, None, live)) == "writes.name-taken"


def test_an_object_that_is_being_deleted_is_waited_for() -> None:
    live = applied_object(SERVICE)
    live["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["lb.example/cleanup"]}
    decision = decided(SERVICE, None, live)
    assert code(decision) == "writes.terminating"
    assert decision.violation.params["finalizers"] == ["lb.example/cleanup"]


def test_an_object_that_leaves_is_deleted_under_its_uid() -> None:
    live = applied_object(SERVICE)
    decision = decided(SERVICE, row(SERVICE, object_uid="uid-1"), live, wanted=False)
    assert (decision.verb, decision.uid, decision.removes) == (Verb.DELETE, "uid-1", True)


def test_what_is_gone_already_or_was_never_ours_is_forgotten() -> None:
    gone = decided(SERVICE, row(SERVICE), Absent(), wanted=False)
    assert (gone.verb, gone.note) == (Verb.FORGET, "writes.note.already-gone")
    intended = row(SERVICE, state=AppliedState.INTENDED)
    assert decided(SERVICE, intended, {"metadata": {"uid": "theirs"}}, wanted=False).verb is Verb.FORGET


def test_an_object_of_ours_whose_label_somebody_took_off_is_not_deleted_without_a_word() -> None:
    live = applied_object(SERVICE)
    del live["metadata"]["labels"]["meshconsole.io/mesh"]
    mine = row(SERVICE, object_uid="uid-1")
    refused = decided(SERVICE, mine, live, wanted=False)
    assert code(refused) == "writes.not-ours"
    assert decided(SERVICE, mine, live, wanted=False, consents=(refused.token,)).verb is Verb.DELETE


def test_an_object_of_another_uid_is_not_deleted_whatever_its_labels() -> None:
    live = applied_object(SERVICE)
    decision = decided(SERVICE, row(SERVICE, object_uid="uid-before"), live, wanted=False)
    assert (decision.verb, decision.note) == (Verb.FORGET, "writes.note.not-ours")


def test_without_a_uid_an_apply_of_our_fields_proves_an_object_ours() -> None:
    intended = row(SERVICE, state=AppliedState.INTENDED)
    live = applied_object(SERVICE)
    decision = decided(SERVICE, intended, live, wanted=False)
    assert (decision.verb, decision.uid) == (Verb.DELETE, live["metadata"]["uid"])


@pytest.mark.parametrize("spoil", ["manager", "operation", "field", "gateway", "mesh"])
def test_an_object_that_lacks_a_proof_is_not_ours(spoil: str) -> None:
    live = applied_object(SERVICE)
    [entry] = live["metadata"]["managedFields"]
    if spoil in ("manager", "operation"):
        entry[spoil] = {"manager": "kubectl-client-side-apply", "operation": "Update"}[spoil]
    elif spoil == "field":
        del entry["fieldsV1"]["f:spec"]["f:selector"]
    else:
        del live["metadata"]["labels"][f"meshconsole.io/{spoil}"]
    decision = decided(SERVICE, row(SERVICE, state=AppliedState.INTENDED), live, wanted=False)
    assert (decision.verb, decision.note) == (Verb.FORGET, "writes.note.not-ours")
    assert code(decided(SERVICE, None, live)) == "writes.not-ours"


def namespace(label: str | None, manager: str = "") -> dict:
    live = a_cluster(UID_A, url="/inject", label=label)[place(LABEL)]
    if manager:
        set_managed(live, {manager: {("metadata", "labels", "topology.istio.io/network")}})
    return live


def test_the_label_is_applied_with_the_namespaces_uid_so_that_none_is_created() -> None:
    decision = decided(LABEL, None, namespace(None))
    assert decision.verb is Verb.APPLY
    assert decision.body["metadata"] == {
        "name": "istio-system",
        "uid": "ns-uid-a",
        "labels": {"topology.istio.io/network": "blue"},
    }
    assert decision.found is None


def test_a_missing_system_namespace_is_never_created() -> None:
    assert code(decided(LABEL, None, Absent())) == "writes.namespace-missing"
    assert decided(LABEL, row(LABEL), Absent(), wanted=False).verb is Verb.FORGET


def test_a_label_that_somebody_else_owns_is_taken_over_only_with_consent() -> None:
    live = namespace("old", "helm")
    refused = decided(LABEL, None, live)
    assert code(refused) == "writes.conflict"
    assert refused.violation.params["owner"] == "helm"
    decision = decided(LABEL, None, live, consents=(refused.token,))
    assert (decision.verb, decision.force, decision.found) == (Verb.APPLY, True, "old")


def test_a_label_of_ours_that_changes_needs_no_consent() -> None:
    decision = decided(LABEL, row(LABEL, value="before"), namespace("before"))
    assert (decision.verb, decision.force) == (Verb.APPLY, False)


def test_force_needs_a_consent_to_every_conflict() -> None:
    one, two = ((".spec.a", "helm"), (".spec.b", "kubectl"))
    consents = frozenset({conflict(SERVICE, *one).token})
    assert may_force(SERVICE, [one], consents)
    assert not may_force(SERVICE, [one, two], consents)


@pytest.mark.parametrize("found", [None, "before"])
def test_the_label_found_before_is_put_back_if_it_still_is_ours(found: str | None) -> None:
    live = namespace("blue")
    decision = decided(LABEL, row(LABEL, found=found), live, wanted=False)
    assert decision.verb is Verb.JSON_PATCH
    json_patch(live, decision.body)
    assert live["metadata"]["labels"].get("topology.istio.io/network") == found
    changed = decided(LABEL, row(LABEL, found=found), namespace("somebody's"), wanted=False)
    assert (changed.verb, changed.note) == (Verb.FORGET, "writes.note.changed-since")


def test_a_label_that_was_the_same_before_is_left() -> None:
    left = decided(LABEL, row(LABEL, found="blue"), namespace("blue"), wanted=False)
    assert (left.verb, left.note) == (Verb.FORGET, "writes.note.left-as-found")


def webhooks(url: str) -> dict:
    return {
        "metadata": {"name": WEBHOOK.name},
        "webhooks": [{"name": "object.sidecar-injector.istio.io", "clientConfig": {"url": url}}],
    }


def test_a_webhook_keeps_its_earlier_network_for_later() -> None:
    decision = decided(WEBHOOK, None, webhooks("https://hub/inject/net/default"))
    assert (decision.verb, decision.found) == (Verb.JSON_PATCH, "default")
    assert decision.body[-1]["value"] == "https://hub/inject/net/blue"


def test_a_webhook_that_leaves_gets_its_segment_back_whatever_surrounds_it_by_then() -> None:
    live = webhooks("https://elsewhere/inject/cluster/new/net/blue?x")
    decision = decided(WEBHOOK, row(WEBHOOK, found=None), live, wanted=False)
    assert decision.body[-1]["value"] == "https://elsewhere/inject/cluster/new?x"


def test_a_webhook_path_that_somebody_rewrote_is_not_overwritten_silently() -> None:
    live = webhooks("https://hub/inject/net/theirs")
    refused = decided(WEBHOOK, row(WEBHOOK), live)
    assert code(refused) == "writes.webhook-rewritten"
    assert decided(WEBHOOK, row(WEBHOOK), live, consents=(refused.token,)).verb is Verb.JSON_PATCH
    assert decided(WEBHOOK, row(WEBHOOK), live, wanted=False).verb is Verb.FORGET


def test_a_webhook_that_an_upgrade_has_reset_is_set_again_without_a_question() -> None:
    decision = decided(WEBHOOK, row(WEBHOOK), webhooks("https://hub/inject"))
    assert (decision.verb, decision.note) == (Verb.JSON_PATCH, "writes.note.overwritten")


def test_a_webhook_that_is_gone_is_forgotten_when_it_leaves_and_missed_when_it_stays() -> None:
    assert code(decided(WEBHOOK, row(WEBHOOK), webhooks("/mutate"))) == "writes.webhook-missing"
    assert decided(WEBHOOK, row(WEBHOOK), webhooks("/mutate"), wanted=False).verb is Verb.FORGET
    entry = WebhookEntry("c", "w", "path", "/inject/:ENV:net=n:")
    live = {"webhooks": [{"name": "w", "clientConfig": {"service": {"path": entry.value}}}]}
    target = webhook_target(UID_A, entry)
    decision = decide(target, Wanted("blue"), None, Present(live), mesh=MESH)
    assert isinstance(decision, Write)
    assert code(decision) == "writes.webhook-path"


def config_map(text: str | None, annotation: str | None = None) -> dict:
    data = {"mesh": "x", **({"meshNetworks": text} if text is not None else {})}
    annotations = {"meshconsole.io/networks": annotation} if annotation else {}
    metadata = {"name": "istio", "resourceVersion": "3", **({"annotations": annotations} if annotations else {})}
    return {"metadata": metadata, "data": data}


def written(text: str | None) -> tuple[Applied, dict]:
    decision = decided(NETWORKS, None, config_map(text))
    assert decision.verb is Verb.PUT
    return row(NETWORKS, found=decision.found), decision.body


@pytest.mark.parametrize("text", [None, "networks: {}", "# by hand\nnetworks:\n  x: {}\n"])
def test_mesh_networks_are_put_with_the_resource_version_and_leave_no_trace(text: str | None) -> None:
    mine, live = written(text)
    assert live["metadata"]["resourceVersion"] == "3"
    assert decided(NETWORKS, mine, live) == Agree()
    leaving = decided(NETWORKS, mine, live, wanted=False)
    assert (leaving.verb, leaving.body, leaving.removes) == (Verb.PUT, config_map(text), True)
    assert decided(NETWORKS, mine, config_map(text), wanted=False).verb is Verb.FORGET


def test_a_network_of_ours_that_somebody_rewrote_is_named_and_not_overwritten_silently() -> None:
    mine, live = written("networks: {}")
    live["data"]["meshNetworks"] = live["data"]["meshNetworks"].replace("15443", "443")
    for wanted in (True, False):
        refused = decided(NETWORKS, mine, live, wanted=wanted)
        assert code(refused) == "networks.rewritten"
        assert refused.violation.params["network"] == "green"
        assert decided(NETWORKS, mine, live, wanted=wanted, consents=(refused.token,)).verb is Verb.PUT


def test_networks_of_ours_that_an_installer_has_dropped_are_written_again_without_a_question() -> None:
    mine, _ = written("networks: {}")
    decision = decided(NETWORKS, mine, config_map("networks: {}", "green"))
    assert (decision.verb, decision.note) == (Verb.PUT, "writes.note.overwritten")


def test_an_intended_write_that_never_arrived_does_not_look_like_somebody_elses() -> None:
    mine, live = written("networks: {}")
    decision = decided(NETWORKS, replace(mine, state=AppliedState.INTENDED, value={"blue": {}}), live)
    assert decision.verb is Verb.PUT
    assert list(networks_in(decision.body["data"]["meshNetworks"])) == ["green"]


def test_a_foreign_network_of_the_same_name_is_refused_and_kept() -> None:
    assert code(decided(NETWORKS, None, config_map("networks: {green: {}}"))) == "networks.name-taken"


def test_a_value_that_istiod_would_ignore_is_not_written() -> None:
    broken = "networks: {x: {endpoints: [{fromRegistry: bad_id}]}}"
    assert code(decided(NETWORKS, None, config_map(broken))) == "networks.endpoint-registry"


def test_ours_can_be_taken_out_of_a_value_that_others_have_broken() -> None:
    mine, live = written("networks: {}")
    live["data"]["meshNetworks"] += "  x:\n    endpoints:\n    - fromRegistry: bad_id\n"
    assert decided(NETWORKS, mine, live, wanted=False).verb is Verb.PUT


def test_a_config_map_that_is_not_there_is_not_made() -> None:
    assert code(decided(NETWORKS, None, Absent())) == "writes.config-map-missing"
    assert decided(NETWORKS, row(NETWORKS), Absent(), wanted=False).verb is Verb.FORGET
