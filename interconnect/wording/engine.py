"""Words for what services refuse and for how steps of a rollout end."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SERVICES = {
    "inquiry.unreadable": _(
        "This check can't be opened: the key that encrypted it is gone. Paste the kubeconfig again."
    ),
    "role.missing": _("This needs the role %(role)s. Ask an administrator of the mesh."),
    "mesh.name": _(
        "“%(name)s” is no name for a mesh: use lower-case letters, digits and hyphens, at most 63 characters."
    ),
    "mesh.name-taken": _("There is a mesh named “%(name)s” already. Choose another name."),
    "mesh.control-plane-taken": _(
        "The mesh of this config cluster and system namespace %(namespace)s is registered already. One mesh "
        "is registered once."
    ),
    "mesh.same-cluster": _(
        "Both kubeconfigs lead to the same cluster, with different credentials; the console keeps one per cluster. "
        "Leave the config cluster's kubeconfig out."
    ),
    "mesh.config-map": _("“%(name)s” is no name for a ConfigMap: use lower-case letters, digits, “-” and “.”."),
    "mesh.networks-cluster": _(
        "meshNetworks is read in the control plane's or the config cluster. Choose one of them."
    ),
    "mesh.istiod-url": _(
        "This is no address of istiod. Give scheme, host and port alone, such as http://istiod.example.com:15014, "
        "and an address that the operator allows connections to."
    ),
    "mesh.moved-on": _(
        "The mesh has changed since you looked (revision %(revision)s, you saw %(seen)s). Look again, then repeat."
    ),
    "mesh.has-clusters": _("“%(name)s” still has clusters: %(clusters)s. Remove them first."),
    "mesh.leftovers": _("Something of “%(name)s” may still be on its clusters. Retry the last rollout first."),
    "cluster.in-another-mesh": _(
        "This cluster belongs to another mesh with the same system namespace already. A cluster is in one "
        "mesh per system namespace."
    ),
    "cluster.other-identity": _(
        "This credential leads to another cluster (%(uid)s) than “%(name)s” (%(expected)s). Use a credential "
        "of the same cluster."
    ),
    "cluster.forget-confirmation": _("To forget the cluster, type its name “%(name)s”."),
    "rollout.running": _(
        "A rollout of this mesh is running (%(rollout)s, started by %(actor)s). Wait for its end, or cancel it."
    ),
    "rollout.workloads-running": _(
        "Workloads of %(clusters)s are being restarted. Wait for the end of that rollout, or cancel it."
    ),
    "rollout.not-failed": _("The rollout is %(status)s. Only a failed or cancelled one can be retried."),
    "rollout.superseded": _("Something else was asked for since. Retry or revert the newest rollout instead."),
    "rollout.not-newest": _(
        "Only the newest change of the mesh can be reverted, and this is no longer the newest. Open that one instead."
    ),
    "rollout.not-dismissed": _("This rollout hasn't failed, so there is nothing to dismiss. Reload the page."),
    "restart.guard-choice": _("“%(guard)s” isn't a decision about a restart that is held back. Use one of: %(known)s."),
    "rollout.ended": _("The rollout has ended already; there is nothing to cancel."),
    "rollout.nothing-to-revert": _("There is no change of the topology to revert."),
    "rollout.leftovers": _(
        "Something that an earlier rollout (%(rollout)s, by %(actor)s) has left undone needs the role %(role)s. "
        "Somebody with that role can retry or revert it first."
    ),
    "workloads.none": _("No workload here has to be restarted."),
    "workloads.not-counted": _("Workloads on %(cluster)s can't be counted. %(violation)s"),
    "workloads.joined": _("The group “%(group)s” is joined: restarting its workloads needs the role mesh admin."),
}

STEPS = {
    "step.crashed": _(
        "The worker died %(crashes)s times during this step. Look at the workers' logs and memory, then "
        "retry the rollout."
    ),
    "step.internal": _(
        "Something unexpected happened (%(error)s). The workers' log says where; please report it. Then retry."
    ),
    "step.chain-failed": _("Not carried out because an earlier step on this cluster failed. Mend that one and retry."),
    "step.prepare-failed": _(
        "Not joined because the preparation failed on a cluster of the group. Mend that and retry."
    ),
    "step.not-verified": _(
        "Not withdrawn because it is not proven that every istiod replica has dropped the group. Mend what "
        "failed before and retry."
    ),
    "step.withdraw-failed": _(
        "The gateway rule stays until everything else has been withdrawn. Mend what failed before and retry."
    ),
    "step.cancelled": _("Cancelled before it began."),
    "gateway.not-injected": _(
        "The Pods of %(gateway)s were not injected as gateways of network %(network)s (%(what)s). "
        "Look at the injection webhook of this cluster, then retry."
    ),
    "gateway.not-available": _(
        "%(available)s of %(replicas)s replicas of %(gateway)s are available. Kubernetes says: %(said)s. "
        "Mend that and retry."
    ),
    "gateway.not-deleted": _(
        "Still there after two minutes: %(objects)s. Finalizers: %(finalizers)s. Whoever set them must let "
        "go; then retry."
    ),
    "address.pending": _(
        "No load balancer has given an address yet for %(gateways)s, so that “%(group)s” was not joined. "
        "Look at why, then retry; the other changes are in force."
    ),
    "address.in-use": _(
        "The address %(host)s of %(gateway)s is in use by another network already. Choose another one."
    ),
    "preflight.blocked": _(
        "“%(group)s” was not joined: %(codes)s. The findings say what to do; some may be overridden by a "
        "mesh admin. Then retry."
    ),
    "networks.source-unknown": _(
        "It cannot be told where %(istiods)s reads meshNetworks. Say it in the settings of the mesh, then retry."
    ),
    "networks.no-istiod": _(
        "There is no istiod in namespace %(namespace)s that reads this config cluster. Install one, then retry."
    ),
    "restart.guard": _(
        "istiod was not restarted, since it would lose the endpoints of %(clusters)s. The list of networks "
        "is in force. "
        "Decide: skip the restart, retry when the clusters answer, or restart anyway."
    ),
    "restart.not-available": _(
        "After the restart %(available)s of %(replicas)s replicas of %(deployment)s are available. "
        "Kubernetes says: %(said)s. "
        "Mend that and retry."
    ),
    "verify.mismatch": _(
        "Not every istiod replica knows the networks as they should be (%(findings)s findings, below). Mend "
        "that and retry."
    ),
    "rule.not-there": _(
        "The gateway rule %(namespace)s/%(name)s was written and is not there. Somebody deletes it; find out who."
    ),
    "workloads.not-ready": _(
        "These did not become ready: %(workloads)s. The restart stopped here. Mend them and retry."
    ),
}

KUBE = {
    "kube.unreachable": _(
        "The cluster does not answer. Check the address, the network between, and that its API server runs."
    ),
    "kube.timeout": _("The cluster did not answer in time. Check the network between and the load of its API server."),
    "kube.cut": _(
        "The connection ended in the middle of the cluster's answer. Check proxies and load balancers on the "
        "way, then retry."
    ),
    "kube.not-tls": _(
        "The server doesn't speak TLS at this address, probably plain HTTP. Use the address and port of the API server."
    ),
    "kube.tls": _(
        "TLS with the server failed (%(reason)s). Check that the address leads to an API server, "
        "and whether the server wants a client certificate."
    ),
    "kube.tls-untrusted": _(
        "The server's certificate wasn't issued by the certificate authority in the kubeconfig (%(reason)s). "
        "Use a kubeconfig with the right certificate authority, and check that the address leads to this cluster."
    ),
    "kube.tls-name": _(
        "The server's certificate isn't valid for %(name)s (%(reason)s). Use an address that stands among "
        "the certificate's alternative "
        "names, or set tls-server-name; as for kubectl, its common name doesn't count."
    ),
    "kube.tls-ended": _("The server's certificate, or its authority's, has expired. Renew it in the cluster."),
    "kube.tls-not-yet": _(
        "The server's certificate isn't valid yet. Check the clocks of the cluster and of the console's machine."
    ),
    "kube.tls-weak": _(
        "The server's certificate is too weak to trust (%(reason)s). Issue a new one with SHA-256 and a longer key."
    ),
    "kube.tls-own": _("The certificate, key or authority in the kubeconfig can't be used (%(reason)s). Give new ones."),
    "kube.tls-client-missing": _(
        "The server wants a client certificate, and this credential has none. Replace it with one that has."
    ),
    "kube.tls-client-ended": _(
        "The server refuses our client certificate, which expired on %(until)s. Replace the credential."
    ),
    "kube.tls-client-refused": _(
        "The server refuses our client certificate: it wants one of another authority. Replace the "
        "credential with one of this cluster."
    ),
    "kube.unauthorized": _("The cluster does not accept the credential. Replace the credential of this cluster."),
    "kube.forbidden": _(
        "The credential isn't allowed to %(verb)s %(resource)s. Grant the right (deploy/rbac), then retry."
    ),
    "kube.refused": _(
        "The cluster refuses to %(verb)s %(object)s: %(said)s. Remove the cause on the cluster, then retry."
    ),
    "kube.quota-exceeded": _(
        "A quota of the namespace doesn't allow this: %(said)s. Raise the quota or free some of it, then retry."
    ),
    "kube.limit-range": _(
        "A LimitRange of the namespace doesn't allow this: %(said)s. Change the LimitRange, then retry."
    ),
    "kube.admission-denied": _(
        "The admission webhook %(webhook)s denies this: %(said)s. Meet its policy or add an exemption, then retry."
    ),
    "kube.policy-denied": _(
        "%(policy_kind)s %(policy)s denies this: %(said)s. Meet the policy or add an exemption, then retry."
    ),
    "kube.pod-security": _(
        "Pod security on the cluster doesn't allow this: %(said)s. Relax it for the namespace, then retry."
    ),
    "kube.namespace-terminating": _(
        "The namespace %(namespace)s is being terminated, so nothing can be created in it. "
        "Wait until it is gone, create it again, then retry."
    ),
    "kube.webhook-down": _(
        "The webhook %(webhook)s of the cluster doesn't work: %(said)s. Repair or remove it, then retry."
    ),
    "kube.web-page": _(
        "A web page came back instead of the API server's answer (HTTP %(status)s): a sign-in page, or a "
        "proxy in front of the cluster. "
        "Use the address of the API server itself, then retry."
    ),
    "kube.not-found": _("%(object)s is not there."),
    "kube.not-served": _(
        "The cluster does not serve %(resource)s. Is Istio installed there, and does the address lead to an API server?"
    ),
    "kube.conflict": _("Somebody else changed %(object)s at the same time, or owns what we set. Retry."),
    "kube.precondition": _("%(object)s is not the object any more that it was. Retry."),
    "kube.already-exists": _("%(object)s exists already."),
    "kube.invalid": _("The cluster rejects %(object)s as invalid: %(said)s. Correct what it names, then retry."),
    "kube.request-too-large": _(
        "%(object)s is larger than the cluster accepts: %(said)s. Make it smaller, then retry."
    ),
    "kube.dry-run-unsupported": _(
        "Not verifiable: webhook %(webhook)s cannot dry-run. The write itself may still succeed."
    ),
    "kube.too-many-requests": _("The cluster's API server is busy. Try again in a minute."),
    "kube.server-error": _(
        "The API server reports an error of its own (HTTP %(status)s): %(said)s. Look at its logs, then retry."
    ),
    "kube.server-timeout": _(
        "The API server gave up on the request (HTTP %(status)s): %(said)s. "
        "Look for a slow admission webhook or an overloaded API server, then retry."
    ),
    "kube.bad-body": _(
        "The cluster answered with something that is no answer of an API server. Does the address lead to one?"
    ),
    "kube.too-large": _("The cluster's answer is larger than %(limit)s bytes. Does the address lead to an API server?"),
    "kube.redirected": _("The address leads somewhere else. Use the address of the API server itself."),
    "kube.address-denied": _(
        "The operator doesn't allow connections to the address %(address)s. Use another address of the cluster, "
        "or ask the operator to allow this one."
    ),
    "kube.expired": _("The cluster's state changed while it was being read. Retry."),
    "kube.credential-unreadable": _(
        "The stored credential for %(server)s can't be opened: the key that encrypted it isn't in "
        "MESHCONSOLE_CREDENTIAL_KEYS. "
        "Put that key back and restart, or replace the credential."
    ),
    "kube.endless-list": _(
        "The cluster's list of %(resource)s has no end: it repeats itself. Check that the address leads to "
        "the API server, "
        "with nothing in between that changes answers."
    ),
    "kube.other-object": _(
        "The answer about %(resource)s %(name)s is about another object (%(found)s), so nobody knows what was written. "
        "Check that nothing between the console and the API server changes answers, then retry."
    ),
    "kube.repeats-credential": _(
        "The cluster repeats the console's credential in %(resource)s %(name)s. Nothing was written. "
        "Take the credential out of it there, replace it, then retry."
    ),
    "kube.wrong-cluster": _(
        "The address leads to another cluster (%(uid)s instead of %(expected)s). Nothing was written there. "
        "Replace the credential with one of the right cluster, then retry."
    ),
    "kube.unregistered": _("The cluster %(uid)s is not registered any more. Register it again, then retry."),
    "kube.busy": _("Too many silent clusters are being tried at this moment. This one is tried again."),
}

ALERTS = {
    "drift.none": _("Nothing differs any more from what was asked for. There is nothing to restore."),
    "drift.overwritten": _(
        "%(kind)s %(name)s %(field)s on %(cluster)s was rewritten by %(owners)s. Restore it, or ask them."
    ),
    "drift.not-applied": _("%(kind)s %(name)s %(field)s on %(cluster)s is not as asked for. Retry or restore."),
    "networks.revision-lacks-groups": _(
        "Revision %(revision)s (%(istiod)s) lacks the joined groups %(groups)s: its proxies do not use the "
        "gateways. Restore."
    ),
    "stale.pods": _("%(pods)s Pods on %(cluster)s carry another network until they are restarted. Restart workloads."),
    "gateway.address-pending": _("The load balancer of %(gateway)s has given no address yet."),
}

CLI = {
    "cli.no-mesh": _("There is no mesh named “%(name)s”. Known: %(known)s."),
    "cli.no-cluster": _("The mesh %(mesh)s has no cluster named “%(name)s”. Known: %(known)s."),
    "cli.no-rollout": _("There is no rollout “%(text)s”. Give the ID of a rollout or the name of a mesh."),
    "cli.no-user": _("There is no active user named “%(name)s”."),
    "cli.database": _("The database cannot be used (%(error)s). Is it there, and has “manage.py migrate” been run?"),
    "cli.file": _("%(name)s cannot be read: %(reason)s."),
    "cli.removal": _("This takes something away: %(changes)s. Repeat with --allow-removal if you mean it."),
}

MESSAGES = {**SERVICES, **STEPS, **KUBE, **ALERTS, **CLI}
