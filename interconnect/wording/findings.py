"""What clusters and istiod were seen to say: preflight, meshNetworks, writes, the restart guard and verification."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

NETWORKS = {
    "networks.unreadable": _(
        "meshNetworks cannot be read (%(reason)s). Repair the ConfigMap; istiod ignores it as it is."
    ),
    "networks.shape": _(
        "In meshNetworks, %(field)s of network %(network)s has the wrong form. Repair it; istiod ignores the "
        "whole value."
    ),
    "networks.endpoint-cidr": _(
        "In meshNetworks, %(field)s of network %(network)s is not a CIDR or an IP: %(value)s. Repair it."
    ),
    "networks.endpoint-registry": _(
        "In meshNetworks, %(field)s of network %(network)s names a cluster that Istio refuses: %(value)s. "
        "Use letters, digits and “-” only."
    ),
    "networks.gateway-service": _(
        "In meshNetworks, %(field)s of network %(network)s is not a service name: %(value)s. Repair it."
    ),
    "networks.gateway-address": _(
        "In meshNetworks, %(field)s of network %(network)s is not an IP or a DNS name: %(value)s. Repair it."
    ),
    "networks.gateway-port": _(
        "In meshNetworks, %(field)s of network %(network)s has no port from 1 to 65535: “%(value)s”. Repair it."
    ),
    "networks.name-taken": _(
        "Somebody else keeps a network %(network)s in meshNetworks. Give the group another name, or take "
        "that entry out."
    ),
    "networks.rewritten": _(
        "Somebody has changed the network %(network)s in ConfigMap %(namespace)s/%(name)s. Look at it, then restore it."
    ),
}

WRITES = {
    "writes.not-ours": _(
        "%(kind)s %(namespace)s/%(name)s exists and is not ours. Rename or delete it, or adopt it where that "
        "is offered."
    ),
    "writes.name-taken": _(
        "%(kind)s %(namespace)s/%(name)s belongs to another gateway (%(gateway)s). Use the next number."
    ),
    "writes.terminating": _(
        "%(kind)s %(namespace)s/%(name)s is still being deleted (finalizers: %(finalizers)s). Wait, or clear "
        "what holds it, and retry."
    ),
    "writes.rule-selector": _(
        "%(kind)s %(namespace)s/%(name)s also asks for %(keys)s, so it selects none of our gateways. Take it "
        "over, or remove them there."
    ),
    "writes.conflict": _(
        "%(owner)s owns the field %(field)s of %(kind)s %(namespace)s/%(name)s. Take it over, or let its "
        "owner give it up, and retry."
    ),
    "writes.namespace-missing": _(
        "The namespace %(name)s does not exist. The console never creates it; create it and retry."
    ),
    "writes.webhook-missing": _(
        "The webhook %(webhook)s of %(name)s is gone. Install the sidecar injector again, then retry."
    ),
    "writes.webhook-path": _(
        "The path of webhook %(webhook)s of %(name)s has no place for a network: %(value)s. Repair it and retry."
    ),
    "writes.webhook-rewritten": _(
        "Somebody has set the network of webhook %(webhook)s of %(name)s to %(network)s, not %(expected)s. "
        "Look at it, then restore it."
    ),
    "writes.config-map-missing": _(
        "The ConfigMap %(namespace)s/%(name)s is gone. Check where istiod reads meshNetworks, then retry."
    ),
    "writes.note.adopted": _("was there before; adopted"),
    "writes.note.already-gone": _("was already gone"),
    "writes.note.changed-since": _("was changed by somebody since; left as it is"),
    "writes.note.left-as-found": _("was so before; left as found"),
    "writes.note.not-ours": _("not ours, left alone"),
    "writes.note.overwritten": _("had been changed by somebody; written again"),
}

RESTART = {
    "guard.no-answer": _(
        "%(replica)s of istiod does not answer, so nobody knows which clusters it serves. Repair it, or "
        "decide without it."
    ),
    "guard.not-synced": _(
        "%(replica)s of istiod is not in step with %(cluster)s (%(status)s). A restart could drop its "
        "endpoints everywhere."
    ),
    "guard.unverifiable": _(
        "istiod serves %(cluster)s, which is not registered here, so it cannot be checked. Register it, or "
        "decide without it."
    ),
    "guard.not-answering": _(
        "%(cluster)s does not answer. An istiod that starts now would drop its endpoints everywhere; repair "
        "it, or decide."
    ),
    "verify.no-answer": _(
        "%(replica)s of istiod does not answer, so what it knows is not verified. Retry when it is ready."
    ),
    "verify.missing": _(
        "%(replica)s of istiod does not know these addresses of network %(network)s: %(addresses)s. Retry, "
        "or restart it."
    ),
    "verify.unexpected": _(
        "%(replica)s of istiod still knows addresses of network %(network)s that it should not: %(addresses)s. Retry."
    ),
    "verify.unresolved": _(
        "%(replica)s of istiod cannot resolve %(hosts)s of network %(network)s. Repair the DNS name; no restart helps."
    ),
    "verify.registered-by-label": _(
        "%(replica)s of istiod has gateways of network %(network)s that a labelled Service registers in "
        "%(clusters)s. Remove that label."
    ),
}

PREFLIGHT = {
    "preflight.networks.rendered": _("What would be written to meshNetworks is not valid: %(violation)s"),
    "preflight.networks.there": _("What stands in ConfigMap %(namespace)s/%(name)s is not valid: %(violation)s"),
    "preflight.cluster-name": _(
        "Istio refuses the cluster name %(cluster)s in a network. Give the cluster another cluster ID in Istio."
    ),
    "preflight.system-namespace": _(
        "The namespace %(namespace)s does not exist in %(cluster)s. The console never creates it; create it first."
    ),
    "preflight.address-taken": _(
        "%(address)s port %(port)s belongs to the network %(network)s. Choose another address."
    ),
    "preflight.name-taken": _(
        "ConfigMap %(namespace)s/%(name)s has a network %(network)s that somebody else keeps. Use another group name."
    ),
    "preflight.registry-taken": _(
        "%(cluster)s is listed in the network %(network)s that somebody else keeps. Take it out there first."
    ),
    "preflight.no-answer": _("%(cluster)s does not answer. Repair the connection or its credential and check again."),
    "preflight.root-ca": _(
        "The clusters do not share one root CA: %(clusters)s. Mutual TLS between them would fail; give them one root."
    ),
    "preflight.trust-domain": _(
        "The clusters do not share one trust domain: %(clusters)s. Mutual TLS between them would fail; use one."
    ),
    "preflight.labelled-service": _(
        "Service %(service)s in %(cluster)s has port 15443 and a network label, so it registers itself with "
        "Istio. Remove the label."
    ),
    "preflight.gateway-not-ready": _("The gateway %(gateway)s is not ready. Wait until it is, or look at its Pods."),
    "preflight.gateway-not-injected": _(
        "The gateway %(gateway)s has no proxy injected. Check the injection webhook, then restart its Pods."
    ),
    "preflight.pods-elsewhere": _(
        "Pods in %(cluster)s already carry the network %(network)s. Restart them, or use another group name."
    ),
    "preflight.ungrouped": _(
        "These clusters are in no group: %(clusters)s. Their addresses are still handed out as they are."
    ),
    "preflight.services-merged": _(
        "Services that become one with those of %(groups)s: %(services)s (services: %(count)s, groups: "
        "%(group_count)s). "
        "Their requests will be shared by all of these groups."
    ),
    "preflight.services-unlisted": _(
        "Services that also run outside the interconnect, in %(groups)s (%(clusters)s): %(services)s "
        "(services: %(count)s, groups: %(group_count)s). A share of their requests will time out; let these "
        "groups join too."
    ),
    "preflight.stale-pods": _(
        "%(pods)s Pods in %(cluster)s still carry another network (%(networks)s). Restart their workloads."
    ),
    "preflight.unlabelled-pods": _(
        "%(pods)s Pods in %(cluster)s carry no network. Their own calls need Istio 1.30 or a restart."
    ),
    "preflight.config-map-managed": _(
        "ConfigMap %(namespace)s/%(name)s is managed by %(managers)s, which may overwrite meshNetworks later."
    ),
    "preflight.guard": _("The control plane could not be restarted now: %(violation)s"),
    "preflight.istio-skew": _("istiod runs in several versions: %(versions)s. Finish the upgrade when you can."),
    "preflight.kubernetes-skew": _(
        "The clusters run several versions of Kubernetes: %(versions)s. Check that Istio supports all of them."
    ),
    "preflight.recreate": _(
        "%(deployment)s is replaced all at once (strategy Recreate): a restart stops the control plane for a moment."
    ),
    "preflight.data-path": _(
        "The data path to %(group)s is not verified from the console. Check it from a Pod after the join."
    ),
    "preflight.not-checked": _(
        "Not everything could be checked in %(cluster)s: %(checks)s. Rights missing: %(rights)s."
    ),
}

MESSAGES = {**NETWORKS, **WRITES, **RESTART, **PREFLIGHT}
