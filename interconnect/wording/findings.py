"""What clusters and istiod were seen to say: preflight, meshNetworks, writes, the restart guard and verification."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

NETWORKS = {
    "networks.unreadable": _("Can't read meshNetworks (%(reason)s). Fix the ConfigMap; istiod ignores it as it is."),
    "networks.shape": _(
        "In meshNetworks, %(field)s of network %(network)s is malformed. Fix it; istiod ignores the whole value."
    ),
    "networks.endpoint-cidr": _(
        "In meshNetworks, %(field)s of network %(network)s isn't a CIDR or an IP: %(value)s. Fix it."
    ),
    "networks.endpoint-registry": _(
        "In meshNetworks, %(field)s of network %(network)s names a cluster that Istio rejects: "
        "%(value)s. Use only letters, digits and “-”."
    ),
    "networks.gateway-service": _(
        "In meshNetworks, %(field)s of network %(network)s isn't a service name: %(value)s. Fix it."
    ),
    "networks.gateway-address": _(
        "In meshNetworks, %(field)s of network %(network)s isn't an IP or a DNS name: %(value)s. Fix it."
    ),
    "networks.gateway-port": _(
        "In meshNetworks, %(field)s of network %(network)s has no port from 1 to 65535: “%(value)s”. Fix it."
    ),
    "networks.name-taken": _(
        "Somebody else manages a network %(network)s in meshNetworks. Give the group another name, or "
        "remove that entry."
    ),
    "networks.rewritten": _(
        "Somebody changed the network %(network)s in ConfigMap %(namespace)s/%(name)s. Review the "
        "change, then restore it."
    ),
}

WRITES = {
    "writes.not-ours": _(
        "%(kind)s %(namespace)s/%(name)s exists and isn't ours. Rename or delete it, or adopt it where that is offered."
    ),
    "writes.name-taken": _(
        "%(kind)s %(namespace)s/%(name)s belongs to another gateway (%(gateway)s). Use the next number."
    ),
    "writes.terminating": _(
        "%(kind)s %(namespace)s/%(name)s is still being deleted (finalizers: %(finalizers)s). Wait, "
        "or remove what blocks it, then retry."
    ),
    "writes.rule-selector": _(
        "%(kind)s %(namespace)s/%(name)s also selects on %(keys)s, so it selects none of our "
        "gateways. Take it over, or remove those labels from its selector."
    ),
    "writes.conflict": _(
        "%(owner)s owns the field %(field)s of %(kind)s %(namespace)s/%(name)s. Take it over, or have "
        "its owner give it up, then retry."
    ),
    "writes.namespace-missing": _(
        "The namespace %(name)s doesn't exist. The console never creates it. Create it, then retry."
    ),
    "writes.webhook-missing": _(
        "The webhook %(webhook)s of %(name)s is gone. Install the sidecar injector again, then retry."
    ),
    "writes.webhook-path": _(
        "The path of webhook %(webhook)s of %(name)s has no place for a network: %(value)s. Fix it, then retry."
    ),
    "writes.webhook-rewritten": _(
        "Somebody set the network of webhook %(webhook)s of %(name)s to %(network)s, not "
        "%(expected)s. Review the change, then restore it."
    ),
    "writes.needed-changed": _(
        "The cluster changes what the gateway needs: %(field)s of %(kind)s %(name)s (sent: %(sent)s, got: %(got)s). "
        "Find the mutating policy or webhook that does it, exempt this object from it, then retry."
    ),
    "writes.config-map-missing": _(
        "The ConfigMap %(namespace)s/%(name)s is gone. Check where istiod reads meshNetworks, then retry."
    ),
    "injection.earlier": _(
        "An injection webhook selects them now, so they were probably created before it did. Retry the rollout or "
        "restart the gateway."
    ),
    "injection.namespace-label": _(
        "The namespace %(namespace)s has the label %(label)s, so no injection webhook selects them. Remove the label, "
        "then retry the rollout or restart the gateway."
    ),
    "injection.no-webhook": _(
        "The cluster has no injection webhook. Install the sidecar injector for this cluster, then retry the rollout "
        "or restart the gateway."
    ),
    "injection.policy": _(
        "An injection webhook selects them, yet it has no effect. Look for a mutating policy that changes Pods, and "
        "for injection that is switched off in istiod's configuration, then retry the rollout or restart the "
        "gateway."
    ),
    "injection.prevents-restart": _("New Pods of %(gateway)s would be created without the Istio proxy. %(violation)s"),
    "injection.revision": _(
        "No injection webhook of the cluster serves the revision %(revision)s (found: %(revisions)s). Install that "
        "revision or correct the label istio.io/rev of the namespace %(namespace)s, then retry the rollout or restart "
        "the gateway."
    ),
    "injection.selector": _(
        "The selectors of the injection webhooks (%(webhooks)s) match neither them nor the namespace %(namespace)s. "
        "Fix the selectors or the labels of the namespace, then retry the rollout or restart the gateway."
    ),
    "writes.note.admitted": _("the cluster changes %(field)s to %(value)s"),
    "writes.note.adopted": _("existed before; adopted"),
    "writes.note.already-gone": _("already gone"),
    "writes.note.changed-since": _("changed by somebody else; left as it is"),
    "writes.note.left-as-found": _("already so before; left as found"),
    "writes.note.not-ours": _("not ours, left alone"),
    "writes.note.overwritten": _("changed by somebody else; written again"),
    "writes.note.taken-away": _("the cluster removes %(field)s"),
}

# What a step that fails on it says with a remedy to retry, as a look says it.
SEEN = {
    "writes.terminating.seen": _(
        "%(kind)s %(namespace)s/%(name)s is still being deleted (finalizers: %(finalizers)s). Remove what blocks it."
    ),
    "writes.conflict.seen": _(
        "%(owner)s owns the field %(field)s of %(kind)s %(namespace)s/%(name)s. Take it over, or have its "
        "owner give it up."
    ),
    "writes.namespace-missing.seen": _(
        "The namespace %(name)s doesn't exist. The console never creates it. Create it."
    ),
    "writes.webhook-missing.seen": _(
        "The webhook %(webhook)s of %(name)s is gone. Install the sidecar injector again."
    ),
    "writes.webhook-path.seen": _(
        "The path of webhook %(webhook)s of %(name)s has no place for a network: %(value)s. Fix it."
    ),
    "writes.needed-changed.seen": _(
        "The cluster changes what the gateway needs: %(field)s of %(kind)s %(name)s (sent: %(sent)s, got: %(got)s). "
        "Find the mutating policy or webhook that does it, and exempt this object from it."
    ),
    "writes.config-map-missing.seen": _(
        "The ConfigMap %(namespace)s/%(name)s is gone. Check where istiod reads meshNetworks."
    ),
}

RESTART = {
    "istiod.none-answers": _("No istiod replica answers."),
    "istiod.scaled-to-zero": _("istiod is scaled to 0 replicas. Scale it up."),
    "guard.no-answer": _(
        "istiod replica %(replica)s doesn't answer, so it is unknown which clusters it serves. Fix it."
    ),
    "guard.not-synced": _(
        "istiod replica %(replica)s is out of sync with %(cluster)s (%(status)s). A restart could "
        "drop its endpoints everywhere."
    ),
    "guard.unverifiable": _(
        "istiod serves %(cluster)s, which isn't registered here, so it can't be checked. Register it."
    ),
    "guard.not-answering": _(
        "%(cluster)s doesn't answer. An istiod that starts now would drop its endpoints everywhere. Fix the cluster."
    ),
    "verify.no-answer": _(
        "istiod replica %(replica)s doesn't answer, so its networks aren't verified. Retry when it is ready."
    ),
    "verify.missing": _(
        "istiod replica %(replica)s doesn't know these addresses of network %(network)s: "
        "%(addresses)s. Retry, or restart it."
    ),
    "verify.unexpected": _(
        "istiod replica %(replica)s still knows addresses of network %(network)s that it shouldn't: "
        "%(addresses)s. Retry."
    ),
    "verify.unresolved": _(
        "istiod replica %(replica)s can't resolve %(hosts)s of network %(network)s. Fix the DNS name; "
        "a restart doesn't help."
    ),
    "verify.registered-by-label": _(
        "istiod replica %(replica)s has gateways of network %(network)s that a labeled Service "
        "registers in %(clusters)s. Remove that label."
    ),
}

PREFLIGHT = {
    "preflight.networks.rendered": _("What would be written to meshNetworks isn't valid: %(violation)s"),
    "preflight.networks.there": _("The content of ConfigMap %(namespace)s/%(name)s isn't valid: %(violation)s"),
    "preflight.cluster-name": _(
        "Istio rejects the cluster name %(cluster)s in a network. Give the cluster another cluster ID in Istio."
    ),
    "preflight.system-namespace": _(
        "The namespace %(namespace)s doesn't exist in %(cluster)s. The console never creates it. Create it first."
    ),
    "preflight.address-taken": _(
        "%(address)s port %(port)s belongs to the network %(network)s. Choose another address."
    ),
    "preflight.name-taken": _(
        "ConfigMap %(namespace)s/%(name)s has a network %(network)s that somebody else manages. Use another group name."
    ),
    "preflight.registry-taken": _(
        "%(cluster)s is listed in the network %(network)s, which somebody else manages. Remove it there first."
    ),
    "preflight.no-answer": _("%(cluster)s doesn't answer. Fix the connection or the credential, then check again."),
    "preflight.root-ca": _(
        "The clusters don't share one root CA: %(clusters)s. Mutual TLS between these sets fails. Give "
        "them the same root."
    ),
    "preflight.trust-domain": _(
        "The clusters don't share one trust domain: %(clusters)s. Mutual TLS between these sets fails. "
        "Use the same one."
    ),
    "preflight.labelled-service": _(
        "Service %(service)s in %(cluster)s has port 15443 and a network label, so it registers itself with "
        "Istio. Remove the label."
    ),
    "preflight.gateway-not-ready": _("The gateway %(gateway)s isn't ready. Wait until it is, or check its Pods."),
    "preflight.gateway-not-injected": _(
        "The gateway %(gateway)s has no proxy injected. Check the injection webhook, then restart the gateway."
    ),
    "preflight.pods-elsewhere": _(
        "Pods in %(cluster)s already carry the network %(network)s. Restart them, or use another group name."
    ),
    "preflight.ungrouped": _("These clusters are in no group: %(clusters)s. istiod still sends their Pod IPs."),
    "preflight.services-merged": _(
        "Services that also run in %(groups)s: %(services)s (services: %(count)s, groups: "
        "%(group_count)s). Their requests will be shared by all of these groups."
    ),
    "preflight.services-unlisted": _(
        "Services that also run outside the interconnect, in %(groups)s (%(clusters)s): %(services)s "
        "(services: %(count)s, groups: %(group_count)s). Some of their requests will time out. Join "
        "these groups too."
    ),
    "preflight.stale-pods": _(
        "%(pods)s Pods in %(cluster)s still carry another network (%(networks)s). Restart their workloads."
    ),
    "preflight.unlabelled-pods": _(
        "%(pods)s Pods in %(cluster)s carry no network. Calls from them need Istio 1.30 or a restart."
    ),
    "preflight.config-map-managed": _(
        "ConfigMap %(namespace)s/%(name)s is managed by %(managers)s, which may overwrite meshNetworks later."
    ),
    "preflight.guard": _("The control plane can't be restarted now: %(violation)s"),
    "preflight.istio-skew": _("istiod runs in several versions: %(versions)s. Finish the upgrade when you can."),
    "preflight.kubernetes-skew": _(
        "The clusters run several versions of Kubernetes: %(versions)s. Check that Istio supports all of them."
    ),
    "preflight.recreate": _(
        "%(deployment)s is replaced all at once (strategy Recreate). A restart stops the control plane for a moment."
    ),
    "preflight.data-path": _(
        "The data path to %(group)s isn't verified from the console. Check it from a Pod after joining."
    ),
    "preflight.not-checked": _("Some checks couldn't run in %(cluster)s: %(checks)s. Missing permissions: %(rights)s."),
}

MESSAGES = {**NETWORKS, **WRITES, **SEEN, **RESTART, **PREFLIGHT}
