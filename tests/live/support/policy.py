"""A policy of a cluster that lowers the CPU limit of gateways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interconnect.domain.json_types import Json
    from tests.live.support.client import Client
    from tests.live.support.installation import Undo

POLICIES = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
LIMIT = "/spec/template/spec/containers/0/resources/limits/cpu"


def put_in_force(api: Client, undo: Undo) -> None:
    policy, binding = _small_limits()
    api.create(POLICIES, policy)
    undo(lambda: api.delete(f"{POLICIES}/small-limits"))
    api.create(BINDINGS, binding)
    undo(lambda: api.delete(f"{BINDINGS}/small-limits"))


def _small_limits() -> tuple[Json, Json]:
    """A policy that lowers the CPU limit of gateways, and its binding."""
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "small-limits"}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    patch = f'[JSONPatch{{op: "replace", path: "{LIMIT}", value: "250m"}}]'
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "matchConstraints": {"resourceRules": [{**rule, "resources": ["deployments"]}]},
        "matchConditions": [{"name": "gateways", "expression": "object.metadata.name.startsWith('eastwest-')"}],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    }
    return (
        {**kind, "kind": "MutatingAdmissionPolicy", "spec": spec},
        {**kind, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": "small-limits"}},
    )


def limit(deployment: Json) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"])
