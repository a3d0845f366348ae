"""Findings in words: the title of each code, what was seen, how grave it is, and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from interconnect.domain.findings import Severity, SubjectKind
from interconnect.wording.findings import PREFLIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_stubs_ext import StrPromise

_READY = _("%(available)s of %(replicas)s replicas of %(gateway)s are ready.")
_READY_SAID = _("%(available)s of %(replicas)s replicas of %(gateway)s are ready. Kubernetes says: %(reason)s.")

# `CODE.said` is the sentence where Kubernetes gives a reason.
# What a preflight or a verification finds too has its sentence there, what a registration finds in `kubeconfig`, and
# `networks.source-unknown` in `engine`: it also fails a step.
MESSAGES: Mapping[str, StrPromise] = {
    "console.standstill": _("Nothing has been checked since %(since)s. Check that the workers and beat are running."),
    "control-plane.no-answer": _("The control plane doesn't answer. %(violation)s"),
    "control-plane.refuses-us": _("The control plane refuses the console's credential. %(violation)s"),
    "control-plane.wrong-cluster": _("The control plane's credential leads to another cluster. %(violation)s"),
    "control-plane.no-istiod": _("No istiod runs in the mesh's system namespace."),
    "control-plane.replicas-silent": _(
        "%(answering)s of %(replicas)s istiod replicas answer. These don't: %(silent)s."
    ),
    "control-plane.rights-missing": _("The control plane's credential lacks these permissions: %(rights)s."),
    "control-plane.unread": _(
        "The control plane answers, but some of what the console checks there can't be read. %(violation)s"
    ),
    "rule.missing": _("The gateway rule is gone from the config cluster, so gateways turn calls away."),
    "rule.changed": _("The gateway rule isn't as the console wrote it. %(violation)s"),
    "rule.other-rule": _("Other Gateway objects open the same port on the console's gateways: %(others)s."),
    "networks.changed": _("meshNetworks doesn't hold the joined groups as published. %(violation)s"),
    "networks.invalid": PREFLIGHT["preflight.networks.there"],
    "networks.still-known": _("istiod still lists networks that aren't joined: %(networks)s. Replicas: %(replicas)s."),
    "networks.ambient": _(
        "%(istiod)s runs with AMBIENT_ENABLE_MULTI_NETWORK. It can break calls through the gateways' port 15443, and "
        "send proxies to gateways on port 15008 that they can't use."
    ),
    "networks.revision-lacks-groups": _(
        "Revision %(revision)s (%(istiod)s) lacks the joined groups %(groups)s: its proxies don't use "
        "their gateways. Restore it."
    ),
    "group.not-in-effect": _("No istiod replica lists %(group)s with the addresses in use (%(addresses)s)."),
    "group.no-way-in": _("None of the addresses in use leads to a ready gateway of %(group)s: %(addresses)s."),
    "group.others-decide": _(
        "A labeled Service in %(clusters)s registers %(addresses)s for %(group)s. istiod uses these there "
        "instead of the addresses in use."
    ),
    "group.in-effect-partly": _(
        "%(listing)s of %(replicas)s istiod replicas list %(group)s as they should. These don't: %(lacking)s."
    ),
    "group.other-addresses": _(
        "istiod also lists %(extra)s for %(group)s, which the console didn't publish. Calls may go there."
    ),
    "group.host-unresolved": _("istiod can't resolve these addresses of %(group)s: %(hosts)s."),
    "cluster.wrong-cluster": _("The credential of %(cluster)s leads to another cluster. %(violation)s"),
    "cluster.refuses-us": _("%(cluster)s refuses the console's credential. %(violation)s"),
    "cluster.no-answer": _("No answer from %(cluster)s. %(violation)s"),
    "cluster.rights-missing": _("The console's credential for %(cluster)s lacks these permissions: %(rights)s."),
    "cluster.unread": _("%(cluster)s answers, but some of what the console checks there can't be read. %(violation)s"),
    "cluster.namespace-missing": PREFLIGHT["preflight.system-namespace"],
    "cluster.network-label": _("The network label of the system namespace isn't as the console set it. %(violation)s"),
    "cluster.injection-path": _("The injection webhook doesn't give new Pods the group's network. %(violation)s"),
    "cluster.injection-cluster": _(
        "The injection webhook of %(cluster)s gives new Pods another cluster ID: %(others)s."
    ),
    "cluster.injection-ca": _(
        "The API server of %(cluster)s has no CA bundle for these injection webhooks: %(webhooks)s. Unless istiod's "
        "certificate is publicly trusted, their calls fail and new Pods don't start."
    ),
    "cluster.control-planes": _(
        "The system namespace of %(cluster)s names these control planes: %(named)s. This mesh's istiod (%(missing)s) "
        "isn't among them and doesn't write its root certificate there."
    ),
    "cluster.label-outside": _(
        "%(cluster)s is in no network group, but its system namespace carries the network label %(network)s."
    ),
    "cluster.not-synced": _(
        "These istiod replicas haven't read all of %(cluster)s: %(replicas)s. They report “%(status)s”."
    ),
    "cluster.unknown-to-istiod": _("These istiod replicas don't serve %(cluster)s: %(replicas)s."),
    "cluster.changed-by-admission": _(
        "Admission on %(cluster)s changed these fields that the console set: %(fields)s."
    ),
    "gateway.missing": _("The Deployment of %(gateway)s is gone from %(cluster)s."),
    "gateway.not-injected": _("The Pods of %(gateway)s run without the gateway proxy of their network. %(violation)s"),
    "gateway.not-ready": _READY,
    "gateway.not-ready.said": _READY_SAID,
    "gateway.degraded": _READY,
    "gateway.degraded.said": _READY_SAID,
    "gateway.changed": _("An object of the gateway isn't as the console wrote it. %(violation)s"),
    "gateway.address-changed": _("%(gateway)s is in use at %(used)s, but its load balancer now reports %(addresses)s."),
    "gateway.address-pending": _("The load balancer of %(gateway)s hasn't assigned an address yet."),
    "gateway.address-pending.said": _(
        "The load balancer of %(gateway)s hasn't assigned an address yet. Kubernetes says: %(reason)s."
    ),
    "gateway.local-traffic": _(
        "The Service of %(gateway)s has externalTrafficPolicy: Local. Calls that reach a node without one of its Pods "
        "are lost."
    ),
    "gateway.budget-blocks": _(
        "%(replicas)s of %(replicas)s replicas of %(gateway)s are ready, but its PodDisruptionBudget "
        "allows no eviction."
    ),
    "gateway.autoscaler-at-limit": _(
        "The autoscaler of %(gateway)s wants more replicas than its maximum of %(maximum)s."
    ),
    "pods.stale": PREFLIGHT["preflight.stale-pods"],
    "pods.unlabelled": PREFLIGHT["preflight.unlabelled-pods"],
    "trust.root-ca": PREFLIGHT["preflight.root-ca"],
    "trust.domain": PREFLIGHT["preflight.trust-domain"],
    "trust.root-missing": _("%(cluster)s has no ConfigMap %(namespace)s/istio-ca-root-cert, so new Pods don't start."),
    "versions.istio-skew": PREFLIGHT["preflight.istio-skew"],
    "versions.kubernetes-skew": PREFLIGHT["preflight.kubernetes-skew"],
    "discovery.selectors": _("istiod's discovery selectors leave out the system namespace %(namespace)s."),
}

TITLES: Mapping[str, StrPromise] = {
    "console.standstill": _("Nothing is being checked"),
    "control-plane.no-answer": _("Control plane doesn't answer"),
    "control-plane.refuses-us": _("Control plane refuses the console"),
    "control-plane.wrong-cluster": _("Another cluster instead of the control plane"),
    "control-plane.no-istiod": _("No istiod"),
    "control-plane.replicas-silent": _("Some istiod replicas don't answer"),
    "control-plane.rights-missing": _("Permissions missing on the control plane"),
    "control-plane.unread": _("Control plane partly unreadable"),
    "rule.missing": _("Gateway rule missing"),
    "rule.changed": _("Gateway rule changed"),
    "rule.other-rule": _("Another Gateway on the same port"),
    "networks.changed": _("meshNetworks changed"),
    "networks.invalid": _("meshNetworks isn't valid"),
    "networks.still-known": _("Removed network still known"),
    "networks.source-unknown": _("Source of meshNetworks unknown"),
    "networks.ambient": _("Ambient multi-network is on"),
    "networks.revision-lacks-groups": _("Revision without the joined groups"),
    "group.not-in-effect": _("Joined group not in effect"),
    "group.no-way-in": _("No way into a joined group"),
    "group.others-decide": _("Labeled Service decides a group's addresses"),
    "group.in-effect-partly": _("Not in effect on every istiod replica"),
    "group.other-addresses": _("Other addresses besides the group's own"),
    "group.host-unresolved": _("Gateway host name doesn't resolve"),
    "cluster.wrong-cluster": _("Another cluster answers"),
    "cluster.refuses-us": _("Cluster refuses the console"),
    "cluster.no-answer": _("Cluster doesn't answer"),
    "cluster.rights-missing": _("Permissions missing on a cluster"),
    "cluster.unread": _("Cluster partly unreadable"),
    "cluster.namespace-missing": _("System namespace missing"),
    "cluster.network-label": _("Network label changed"),
    "cluster.injection-path": _("Injection webhook changed"),
    "cluster.injection-cluster": _("Injection webhook of another cluster"),
    "cluster.injection-ca": _("Injection webhook without a CA bundle"),
    "cluster.control-planes": _("System namespace names other control planes"),
    "cluster.label-outside": _("Network label outside the groups"),
    "cluster.not-synced": _("Cluster not in sync with istiod"),
    "cluster.unknown-to-istiod": _("Cluster unknown to istiod"),
    "cluster.changed-by-admission": _("Changed by admission"),
    "gateway.missing": _("Gateway missing"),
    "gateway.not-injected": _("Gateway not injected"),
    "gateway.not-ready": _("Gateway not ready"),
    "gateway.degraded": _("Gateway degraded"),
    "gateway.changed": _("Gateway changed"),
    "gateway.address-changed": _("Gateway address changed"),
    "gateway.address-pending": _("Gateway address pending"),
    "gateway.local-traffic": _("Gateway only serves its own nodes"),
    "gateway.budget-blocks": _("Disruption budget blocks draining"),
    "gateway.autoscaler-at-limit": _("Autoscaler at its limit"),
    "pods.stale": _("Pods still carry another network"),
    "pods.unlabelled": _("Pods carry no network"),
    "credential.ended": _("Credential expired"),
    "credential.ends-soon": _("Credential expires soon"),
    "trust.root-ca": _("Different root CAs"),
    "trust.domain": _("Different trust domains"),
    "trust.root-missing": _("Root certificate missing"),
    "versions.istio-skew": _("Several versions of Istio"),
    "versions.kubernetes-skew": _("Kubernetes versions too far apart"),
    "discovery.selectors": _("Discovery selectors leave out the system namespace"),
    "preflight.networks.rendered": _("Joined groups don't make a valid meshNetworks"),
    "preflight.cluster-name": _("Istio rejects the cluster name"),
    "preflight.address-taken": _("Address of another network"),
    "preflight.name-taken": _("Network name taken"),
    "preflight.registry-taken": _("Cluster in another network"),
    "preflight.labelled-service": _("Labeled Service on port 15443"),
    "preflight.pods-elsewhere": _("Pods elsewhere carry the group's network"),
    "preflight.services-unlisted": _("Services shared with groups outside"),
    "preflight.config-map-managed": _("meshNetworks is managed by a tool"),
    "preflight.guard": _("A restart of istiod would be held back"),
    "preflight.recreate": _("istiod is replaced all at once"),
    "preflight.not-checked": _("Some checks couldn't run"),
}
"""By code, of every finding that has a help page of its own (`interconnect.domain.helping`)."""

SEVERITIES: Mapping[Severity, StrPromise] = {
    Severity.FINAL: _("Critical"),
    Severity.ERROR: _("Critical"),
    Severity.CRITICAL: _("Critical"),
    Severity.WARNING: _("Warning"),
    Severity.INFO: _("Info"),
}
SUBJECTS: Mapping[SubjectKind, StrPromise] = {
    SubjectKind.CONSOLE: _("Console"),
    SubjectKind.MESH: _("Mesh"),
    SubjectKind.CONTROL_PLANE: _("Control plane"),
    SubjectKind.RULE: _("Gateway rule"),
    SubjectKind.GROUP: _("Network group"),
    SubjectKind.CLUSTER: _("Cluster"),
    SubjectKind.GATEWAY: _("Gateway"),
    SubjectKind.ISTIOD: _("istiod"),
}
