"""Words for states: a short label for each code, and a reason where the label alone doesn't say enough.

`state.CODE` is the label, `state.CODE.reason` the reason (with `.said` where Kubernetes gives one), and
`state.CODE.part` the label on a group or a mesh of which it is only a part. Functions that use these are in
`interconnect.wording.phrases`.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

LABELS = {
    "unknown": _("Unknown"),
    "cluster.wrong-cluster": _("Wrong cluster"),
    "cluster.refuses-us": _("Refuses us"),
    "cluster.no-answer": _("Doesn't answer"),
    "cluster.rights-missing": _("Permissions missing"),
    "cluster.unread": _("Partly unreadable"),
    "cluster.reachable": _("Reachable"),
    "cluster.never-seen": _("Not contacted yet"),
    "gateway.missing": _("Missing"),
    "gateway.not-injected": _("Not injected"),
    "gateway.not-ready": _("Not ready"),
    "gateway.degraded": _("Degraded"),
    "gateway.address-changed": _("Address changed"),
    "gateway.address-pending": _("Address pending"),
    "gateway.ready": _("Ready"),
    "gateway.not-created": _("Not created yet"),
    "rule.missing": _("Missing"),
    "rule.changed": _("Changed by %(owners)s"),
    "rule.other-rule": _("Another rule on its port"),
    "rule.in-place": _("In place"),
    "rule.not-written": _("Not written yet"),
    "rule.leaving": _("Being deleted"),
    "rule.not-created": _("Not created"),
    "joined.not-in-effect": _("Not in effect"),
    "joined.no-way-in": _("No way in"),
    "joined.others-decide": _("Others decide"),
    "joined.in-effect-partly": _("In effect on %(listing)s of %(replicas)s istiod replicas"),
    "joined.other-addresses": _("Other addresses too"),
    "joined.degraded": _("Degraded"),
    "joined.address-pending": _("Address pending"),
    "joined.changing": _("Taking effect"),
    "joined.in-effect": _("In effect on %(listing)s of %(replicas)s istiod replicas"),
    "joined.in-effect.one": _("In effect on 1 of 1 istiod replica"),
    "control-plane.wrong-cluster": _("Wrong cluster"),
    "control-plane.refuses-us": _("Refuses us"),
    "control-plane.no-answer": _("Doesn't answer"),
    "control-plane.no-istiod": _("No istiod"),
    "control-plane.replicas-silent": _("%(answering)s of %(replicas)s istiod replicas answer"),
    "control-plane.rights-missing": _("Permissions missing"),
    "control-plane.unread": _("Partly unreadable"),
    "control-plane.restarting": _("Restarting"),
    "control-plane.answers": _("Answers"),
    "control-plane.never-seen": _("Not contacted yet"),
    "group.no-gateway": _("No gateway yet"),
    "group.healthy": _("Healthy"),
    "mesh.drift": _("Changed by %(owners)s"),
    "mesh.drift.unapplied": _("Not applied"),
    "mesh.rollout-failed": _("Rollout failed"),
    "mesh.credential-ends": _("Credential expires soon"),
    "mesh.credential-ends.ended": _("Credential expired"),
    "mesh.not-enabled": _("Not enabled"),
    "mesh.nothing-joined": _("Nothing joined"),
    "mesh.healthy": _("Healthy"),
}

PARTS = {
    "cluster.refuses-us": _("Cluster refuses us"),
    "cluster.no-answer": _("Cluster doesn't answer"),
    "cluster.never-seen": _("Cluster not contacted yet"),
    "cluster.unread": _("Cluster partly unreadable"),
    "gateway.missing": _("Gateway missing"),
    "gateway.not-injected": _("Gateway not injected"),
    "gateway.not-ready": _("Gateway not ready"),
    "gateway.degraded": _("Gateway degraded"),
    "gateway.not-created": _("Gateway not created yet"),
    "rule.missing": _("Gateway rule missing"),
    "rule.changed": _("Gateway rule changed by %(owners)s"),
    "rule.other-rule": _("Another rule on the gateways' port"),
    "rule.not-written": _("Gateway rule not written yet"),
    "control-plane.refuses-us": _("Control plane refuses us"),
    "control-plane.no-answer": _("Control plane doesn't answer"),
    "control-plane.wrong-cluster": _("Control plane is another cluster"),
    "control-plane.restarting": _("Control plane restarting"),
    "control-plane.unread": _("Control plane partly unreadable"),
    "joined.in-effect-partly": _("Partly in effect"),
    "joined.in-effect": _("In effect"),
}

REASONS = {
    "unknown": _("Not checked yet."),
    "unknown.last": _("Last seen %(ago)s: %(last)s."),
    "cluster.rights-missing": _("The credential lacks these permissions: %(rights)s."),
    "cluster.rights-missing.optional": _("The credential lacks optional permissions: %(rights)s."),
    "gateway.missing": _("%(gateway)s no longer exists on the cluster."),
    "gateway.not-injected": _("Its Pods have no Istio proxy."),
    "gateway.not-ready": _("%(available)s of %(replicas)s ready."),
    "gateway.degraded": _("%(available)s of %(replicas)s ready."),
    "gateway.address-changed": _("The load balancer now reports %(addresses)s, not the address in use (%(used)s)."),
    "gateway.address-pending": _("The load balancer hasn't assigned an address yet."),
    "rule.missing": _("It no longer exists on the config cluster. Restore it."),
    "rule.other-rule": _("Also on this port, for the same gateways: %(others)s."),
    "joined.not-in-effect": _("No istiod replica lists its addresses."),
    "joined.no-way-in": _("None of its addresses leads to a ready gateway."),
    "joined.others-decide": _(
        "Labeled Services in %(clusters)s register %(addresses)s for this network, so its own addresses aren't used."
    ),
    "joined.in-effect-partly": _("Not all of its addresses are listed on %(lacking)s."),
    "joined.other-addresses": _("istiod also lists %(extra)s for it, which the console didn't publish."),
    "joined.in-effect.silent": _("No answer from %(silent)s."),
    "joined.degraded": _("These of its addresses don't lead to a ready gateway: %(addresses)s."),
    "joined.address-pending": _("It joins as soon as a load balancer has assigned an address."),
    "joined.changing": _("A rollout is under way: %(listing)s of %(replicas)s istiod replicas have it."),
    "control-plane.no-istiod": _("No istiod runs in the system namespace. Install one."),
    "control-plane.replicas-silent": _("No answer from %(silent)s."),
    "control-plane.rights-missing": _("The credential lacks these permissions: %(rights)s."),
    "mesh.rollout-failed": _("Steps that aren't applied: %(left)s."),
}

# Where Kubernetes says why.
SAID = {
    "gateway.not-ready": _("%(available)s of %(replicas)s ready. Kubernetes says: %(reason)s."),
    "gateway.degraded": _("%(available)s of %(replicas)s ready. Kubernetes says: %(reason)s."),
    "gateway.address-pending": _("The load balancer hasn't assigned an address yet: %(reason)s."),
}

MESSAGES = {
    **{f"state.{code}": label for code, label in LABELS.items()},
    **{f"state.{code}.part": label for code, label in PARTS.items()},
    **{f"state.{code}.reason": reason for code, reason in REASONS.items()},
    **{f"state.{code}.reason.said": reason for code, reason in SAID.items()},
}
