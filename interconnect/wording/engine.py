"""Words for what services refuse and for how steps of a rollout end."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SERVICES = {
    "inquiry.unreadable": _(
        "This check can't be opened: the key that encrypted it is gone. Paste the kubeconfig again."
    ),
    "role.missing": _("This needs the %(role)s role. Ask somebody who has it."),
    "mesh.name": _(
        "“%(name)s” isn't a valid mesh name. Use lowercase letters, digits and hyphens, up to 63 characters."
    ),
    "mesh.name-taken": _("There is already a mesh named “%(name)s”. Choose another name."),
    "mesh.control-plane-taken": _(
        "A mesh with this config cluster and system namespace %(namespace)s is already registered. "
        "Use that one instead."
    ),
    "mesh.same-cluster": _(
        "Both kubeconfigs lead to the same cluster, with different credentials. The console keeps one "
        "per cluster: leave the config cluster kubeconfig empty."
    ),
    "mesh.config-map": _("“%(name)s” isn't a valid ConfigMap name. Use lowercase letters, digits, “-” and “.”."),
    "mesh.networks-cluster": _(
        "meshNetworks is read in either the control plane cluster or the config cluster. Choose one of them."
    ),
    "mesh.istiod-url": _(
        "This isn't a valid istiod URL. Enter only scheme, host and port, such as "
        "http://istiod.example.com:15014, with an address that the console is allowed to connect to."
    ),
    "mesh.moved-on": _(
        "The mesh has changed since you loaded it (revision %(revision)s; you saw %(seen)s). Review it, then repeat."
    ),
    "mesh.has-clusters": _("“%(name)s” still has clusters: %(clusters)s. Remove them first."),
    "mesh.leftovers": _("Objects of “%(name)s” may still be on its clusters. Retry the last rollout first."),
    "cluster.in-another-mesh": _(
        "This cluster already belongs to another mesh with the same system namespace. A cluster can "
        "be in only one mesh per system namespace."
    ),
    "cluster.other-identity": _(
        "This credential leads to another cluster (%(uid)s) than “%(name)s” (%(expected)s). Use a "
        "credential for the same cluster."
    ),
    "cluster.forget-confirmation": _("To forget the cluster, type its name “%(name)s”."),
    "rollout.running": _(
        "A rollout of this mesh is already running (%(rollout)s, started by %(actor)s). Wait until it "
        "ends, or cancel it."
    ),
    "rollout.workloads-running": _(
        "Workloads of %(clusters)s are being restarted. Wait until that rollout ends, or cancel it."
    ),
    "rollout.not-failed": _("Only a failed or cancelled rollout can be retried. This one: %(status)s."),
    "rollout.superseded": _("The mesh has changed since this rollout. Retry or revert the newest rollout, or restore."),
    "rollout.not-newest": _(
        "Only the newest change of a mesh can be reverted, and there is a newer one. Open that one instead."
    ),
    "rollout.not-dismissed": _("This rollout hasn't failed, so there is nothing to dismiss. Reload the page."),
    "restart.guard-choice": _("“%(guard)s” isn't a decision about a restart that is held back. Use one of: %(known)s."),
    "rollout.ended": _("The rollout has already ended, so there is nothing to cancel."),
    "rollout.nothing-to-revert": _("There is no topology change to revert."),
    "rollout.leftovers": _(
        "An earlier rollout (%(rollout)s, by %(actor)s) left something undone that needs the %(role)s "
        "role. Ask somebody with that role to retry or revert it first."
    ),
    "silence.until": _("A silence lasts until a time to come, at most %(days)s days from now."),
    "silence.no-reason": _("Say why the finding is silenced: others see it in the list of silences."),
    "silence.ended": _("This silence has already ended."),
    "workloads.none": _("No workloads here need a restart."),
    "workloads.not-counted": _("Can't count the workloads on %(cluster)s. %(violation)s"),
    "workloads.joined": _(
        "The group “%(group)s” is joined, so restarting its workloads and gateways needs the mesh admin role."
    ),
}

STEPS = {
    "step.crashed": _(
        "The worker died %(crashes)s times during this step. Check the workers' logs and memory, then "
        "retry the rollout."
    ),
    "step.internal": _(
        "An unexpected error occurred (%(error)s). Look for it in the workers' log and report it, then retry."
    ),
    "step.chain-failed": _("Not carried out because an earlier step on this cluster failed. Fix that one, then retry."),
    "step.prepare-failed": _(
        "Not joined because the preparation failed on a cluster of the group. Fix that, then retry."
    ),
    "step.not-verified": _(
        "Not withdrawn because not every istiod replica is known to have dropped the group. Fix the "
        "earlier failure, then retry."
    ),
    "step.withdraw-failed": _(
        "The gateway rule stays until everything else has been withdrawn. Fix the earlier failure, then retry."
    ),
    "step.cancelled": _("Cancelled before it started."),
    "gateway.other-network": _(
        "The Pods of %(gateway)s were injected for another network than %(network)s. Check the injection webhook of "
        "this cluster, then retry the rollout or restart the gateway."
    ),
    "gateway.made-without-injection": _("The Pods of %(gateway)s were created without the Istio proxy. %(violation)s"),
    "gateway.no-deployment": _(
        "There is no Deployment of %(gateway)s on %(cluster)s. Restore it, or retry the rollout that creates it."
    ),
    "gateway.not-available": _(
        "%(available)s of %(replicas)s replicas of %(gateway)s are available. Find out why, then retry."
    ),
    "gateway.not-available.said": _(
        "%(available)s of %(replicas)s replicas of %(gateway)s are available. Kubernetes says: "
        "%(said)s. Fix it, then retry."
    ),
    "gateway.not-deleted": _(
        "Still there after two minutes: %(objects)s. Finalizers: %(finalizers)s. Have their owners "
        "remove them, then retry."
    ),
    "address.pending": _(
        "“%(group)s” wasn't joined: there is no load balancer address yet for %(gateways)s. Find out "
        "why, then retry. The other changes are in effect."
    ),
    "address.in-use": _(
        "The address %(host)s of %(gateway)s is already in use by another network. Choose another one."
    ),
    "preflight.blocked": _(
        "“%(group)s” wasn't joined because of these findings: %(codes)s. Fix them, or have a mesh admin "
        "override those that allow it, then retry."
    ),
    "networks.source-unknown": _(
        "Can't determine where %(istiods)s reads meshNetworks. Set it in the mesh settings, then retry."
    ),
    "networks.no-istiod": _("No istiod in namespace %(namespace)s reads this config cluster. Install one, then retry."),
    "restart.guard": _(
        "istiod wasn't restarted, because it would lose the endpoints of %(clusters)s. The network "
        "list is in effect. Skip the restart, retry when the clusters answer, or restart anyway."
    ),
    "restart.not-available": _(
        "After the restart %(available)s of %(replicas)s replicas of %(deployment)s are available. "
        "Find out why, then retry."
    ),
    "restart.not-available.said": _(
        "After the restart %(available)s of %(replicas)s replicas of %(deployment)s are available. "
        "Kubernetes says: %(said)s. Fix it, then retry."
    ),
    "verify.mismatch": _(
        "Not every istiod replica has the desired networks (findings below: %(findings)s). Fix them, then retry."
    ),
    "rule.not-there": _(
        "The gateway rule %(namespace)s/%(name)s was written but is gone. Find out what deletes it, then retry."
    ),
    "workloads.not-ready": _(
        "These workloads didn't become ready: %(workloads)s. The restart stopped here. Fix them, then retry."
    ),
}

KUBE = {
    "kube.unreachable": _(
        "The cluster doesn't answer. Check the address, the network path, and that its API server is running."
    ),
    "kube.timeout": _("The cluster didn't answer in time. Check the network path and the load on its API server."),
    "kube.cut": _(
        "The connection ended in the middle of the cluster's answer. Check the proxies and load "
        "balancers on the way, then retry."
    ),
    "kube.not-tls": _(
        "The server doesn't speak TLS at this address, probably plain HTTP. Use the address and port of the API server."
    ),
    "kube.tls": _(
        "TLS with the server failed (%(reason)s). Check that the address leads to an API server, and "
        "whether the server requires a client certificate."
    ),
    "kube.tls-untrusted": _(
        "The server's certificate wasn't issued by the certificate authority in the kubeconfig (%(reason)s). "
        "Use a kubeconfig with the right certificate authority, and check that the address leads to this cluster."
    ),
    "kube.tls-name": _(
        "The server's certificate isn't valid for %(name)s (%(reason)s). Use an address listed in the "
        "certificate's subject alternative names, or set tls-server-name. As with kubectl, the common "
        "name doesn't count."
    ),
    "kube.tls-ended": _("The server's certificate, or its authority's, has expired. Renew it in the cluster."),
    "kube.tls-not-yet": _(
        "The server's certificate isn't valid yet. Check the clocks of the cluster and of the console's machine."
    ),
    "kube.tls-weak": _(
        "The server's certificate is too weak to trust (%(reason)s). Issue a new one with SHA-256 and a longer key."
    ),
    "kube.tls-own": _(
        "The certificate, key or authority in the kubeconfig can't be used (%(reason)s). Provide new ones."
    ),
    "kube.tls-client-missing": _(
        "The server requires a client certificate, and this credential has none. Replace it with one that has."
    ),
    "kube.tls-client-ended": _(
        "The server refuses the console's client certificate, which expired on %(until)s. Replace the credential."
    ),
    "kube.tls-client-refused": _(
        "The server refuses the console's client certificate: it wants one from another authority. "
        "Replace the credential with one for this cluster."
    ),
    "kube.unauthorized": _("The cluster doesn't accept the credential. Replace this cluster's credential."),
    "kube.forbidden": _(
        "The credential isn't allowed to %(verb)s %(resource)s. Grant the permission (the script under “Account for "
        "the console” on the page “Replace credential” does), then retry."
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
        "The admission webhook %(webhook)s denies this: %(said)s. Comply with its policy or add an "
        "exemption, then retry."
    ),
    "kube.policy-denied": _(
        "%(policy_kind)s %(policy)s denies this: %(said)s. Comply with the policy or add an exemption, then retry."
    ),
    "kube.pod-security": _(
        "Pod security on the cluster doesn't allow this: %(said)s. Relax it for the namespace, then retry."
    ),
    "kube.namespace-terminating": _(
        "The namespace %(namespace)s is being terminated, so nothing can be created in it. "
        "Wait until it is gone, create it again, then retry."
    ),
    "kube.webhook-down": _(
        "The webhook %(webhook)s of the cluster doesn't work: %(said)s. Fix or remove it, then retry."
    ),
    "kube.web-page": _(
        "A web page came back instead of the API server's answer (HTTP %(status)s): a sign-in page, or a "
        "proxy in front of the cluster. "
        "Use the address of the API server itself, then retry."
    ),
    "kube.not-found": _("%(object)s doesn't exist."),
    "kube.not-served": _(
        "The cluster doesn't serve %(resource)s. Check that Istio is installed there and that the "
        "address leads to an API server."
    ),
    "kube.conflict": _(
        "Somebody else changed %(object)s at the same time, or owns a field that the console sets. Retry."
    ),
    "kube.precondition": _("%(object)s has been replaced since it was read. Retry."),
    "kube.already-exists": _("%(object)s already exists."),
    "kube.invalid": _("The cluster rejects %(object)s as invalid: %(said)s. Fix what it names, then retry."),
    "kube.request-too-large": _(
        "%(object)s is larger than the cluster accepts: %(said)s. Make it smaller, then retry."
    ),
    "kube.dry-run-unsupported": _(
        "Can't verify this: webhook %(webhook)s doesn't support dry runs. The write itself may still succeed."
    ),
    "kube.too-many-requests": _("The cluster's API server is busy. Try again in a minute."),
    "kube.server-error": _(
        "The API server reported an internal error (HTTP %(status)s): %(said)s. Check its logs, then retry."
    ),
    "kube.server-timeout": _(
        "The API server gave up on the request (HTTP %(status)s): %(said)s. Check for a slow "
        "admission webhook or an overloaded API server, then retry."
    ),
    "kube.bad-body": _("The answer didn't come from a Kubernetes API server. Check that the address leads to one."),
    "kube.unexpected": _("The console couldn't make use of the answer. Its log says why."),
    "kube.too-large": _(
        "The cluster's answer is larger than %(limit)s bytes. Check that the address leads to an API server."
    ),
    "kube.too-many": _("The cluster has more than %(limit)s %(resource)s, too many to count."),
    "kube.redirected": _("The address redirects elsewhere. Use the address of the API server itself."),
    "kube.address-denied": _(
        "The console isn't allowed to connect to the address %(address)s. Use another address of the "
        "cluster, or have this one allowed in the console's settings."
    ),
    "kube.expired": _("The cluster's state changed while it was being read. Retry."),
    "kube.credential-unreadable": _(
        "The stored credential for %(server)s can't be opened: the key that encrypted it isn't in "
        "MESHCONSOLE_CREDENTIAL_KEYS. "
        "Put that key back and restart, or replace the credential."
    ),
    "kube.endless-list": _(
        "The cluster's list of %(resource)s never ends: it repeats itself. Check that the address "
        "leads to the API server, and that nothing in between changes answers."
    ),
    "kube.other-object": _(
        "The answer for %(resource)s %(name)s is about another object (%(found)s), so it is unknown "
        "what was written. Check that nothing between the console and the API server changes answers, "
        "then retry."
    ),
    "kube.repeats-credential": _(
        "%(resource)s %(name)s on the cluster contains the console's credential. Nothing was written. "
        "Remove the credential from it, replace the credential, then retry."
    ),
    "kube.wrong-cluster": _(
        "The address leads to another cluster (%(uid)s instead of %(expected)s). Nothing was written "
        "there. Replace the credential with one for the right cluster, then retry."
    ),
    "kube.unregistered": _("The cluster %(uid)s is no longer registered. Register it again, then retry."),
    "kube.busy": _("Too many unresponsive clusters are being tried right now. This one will be tried again."),
}

DRIFT = {
    "drift.none": _("Everything matches the desired state. There is nothing to restore."),
    "drift.overwritten": _("%(kind)s %(name)s %(field)s was changed by %(owners)s. Restore it, or ask them."),
    "drift.missing": _("%(kind)s %(name)s is gone. Restore it, or find out who deleted it."),
    "drift.not-applied": _("%(kind)s %(name)s %(field)s doesn't match the desired state. Retry, or restore it."),
}

CLI = {
    "cli.no-mesh": _("There is no mesh named “%(name)s”. Known: %(known)s."),
    "cli.no-cluster": _("The mesh %(mesh)s has no cluster named “%(name)s”. Known: %(known)s."),
    "cli.no-gateway": _("The mesh %(mesh)s has no east-west gateway “%(name)s”. Known: %(known)s."),
    "cli.no-rollout": _("There is no rollout “%(text)s”. Give the ID of a rollout or the name of a mesh."),
    "cli.no-user": _("There is no active user named “%(name)s”."),
    "cli.database": _(
        "Can't use the database (%(error)s). Check that it exists and that “manage.py migrate” has been run."
    ),
    "cli.file": _("Can't read %(name)s: %(reason)s."),
    "cli.removal": _("This removes something: %(changes)s. To confirm, repeat with --allow-removal."),
}

NAMES = {
    "namespace.name": _(
        "“%(name)s” isn't a valid namespace name. Use lowercase letters, digits and hyphens, up to 63 characters."
    ),
}

# What a step that fails on it says with a remedy to retry, as a look says it.
SEEN = {
    "networks.source-unknown.seen": _(
        "Can't determine where %(istiods)s reads meshNetworks. Set it in the mesh settings."
    ),
    "kube.cut.seen": _(
        "The connection ended in the middle of the cluster's answer. Check the proxies and load balancers on the way."
    ),
    "kube.forbidden.seen": _(
        "The credential isn't allowed to %(verb)s %(resource)s. Grant the permission (the script under “Account for "
        "the console” on the page “Replace credential” does)."
    ),
    "kube.web-page.seen": _(
        "A web page came back instead of the API server's answer (HTTP %(status)s): a sign-in page, or a "
        "proxy in front of the cluster. Use the address of the API server itself."
    ),
    "kube.too-many-requests.seen": _("The cluster's API server is busy."),
    "kube.server-error.seen": _(
        "The API server reported an internal error (HTTP %(status)s): %(said)s. Check its logs."
    ),
    "kube.server-timeout.seen": _(
        "The API server gave up on the request (HTTP %(status)s): %(said)s. Check for a slow "
        "admission webhook or an overloaded API server."
    ),
    "kube.expired.seen": _("The cluster's state changed while it was being read."),
    "kube.refused.seen": _("The cluster refuses to %(verb)s %(object)s: %(said)s. Remove the cause on the cluster."),
    "kube.other-object.seen": _(
        "The answer for %(resource)s %(name)s is about another object (%(found)s). Check that nothing "
        "between the console and the API server changes answers."
    ),
    "kube.wrong-cluster.seen": _(
        "The address leads to another cluster (%(uid)s instead of %(expected)s). Replace the "
        "credential with one for the right cluster."
    ),
    "kube.unregistered.seen": _("The cluster %(uid)s is no longer registered. Register it again."),
    "drift.not-applied.seen": _("%(kind)s %(name)s %(field)s doesn't match the desired state. Restore it."),
}

MESSAGES = {**SERVICES, **STEPS, **KUBE, **DRIFT, **CLI, **NAMES, **SEEN}
