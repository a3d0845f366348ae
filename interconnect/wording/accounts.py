"""The console's account in a cluster: what each permission is for, and what the script that creates it says."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_RIGHTS = {
    "identity": _("Recognize the cluster, and read its system namespace"),
    "network": _("Set the network label on the system namespace"),
    "injection": _("Read the injection webhooks, and set the network in their paths"),
    "gateways": _("Create, read, change and delete east-west gateways in the system namespace"),
    "trust": _("Read the mesh's root certificate and trust domain"),
    "rule": _("Create, change and delete the gateway rule, and list all Istio Gateways"),
    "networks": _("Read and update meshNetworks in the ConfigMap that istiod reads"),
    "istiod": _("Read istiod's Deployments and Pods"),
    "restart": _("Restart istiod after a join or removal"),
    "verify": _("Ask each istiod replica what is in effect, through a port-forward"),
    "stale-pods": _("Count Pods that still carry another network"),
    "common-services": _("List the Services that a join merges"),
    "pod-cidrs": _("Read Pod CIDRs from nodes and from Calico or Cilium"),
    "restart-workloads": _(
        "Restart workloads that carry another network (in Kubernetes: change any Deployment, StatefulSet or DaemonSet)"
    ),
    "renewal": _("Renew the token of this account, and of no other"),
}

_PLACES = {
    "member": _("Member cluster"),
    "control-plane-and-config": _("One cluster that runs istiod and holds its configuration"),
    "control-plane": _("Cluster that only runs istiod"),
    "config": _("Cluster that only holds istiod's configuration"),
}

_YAML = {
    "about": _("The account of meshconsole, with the permissions that it needs and no others."),
    "revisions": _("With revisions, add istiod-REVISION, istio-REVISION and the name in SHARED_MESH_CONFIG."),
    "optional": _("Optional from here on: without a permission, the feature that it serves is missing."),
}

_SCRIPT = {
    "about": _(
        "Creates the account of meshconsole in a cluster and writes a kubeconfig for it. Needs kubectl with the "
        "rights of an administrator. Can be run again."
    ),
    "option.context": _("the context to use (default: the current one)"),
    "option.file": _("where to write the kubeconfig (default: named after the context)"),
    "option.server": _("the address at which the console reaches the API server (default: the same as kubectl)"),
    "option.token-hours": _("use a token that expires (default: one that doesn't)"),
    "option.required-only": _("leave out the optional permissions"),
    "unknown-option": _("Unknown option: %(option)s"),
    "no-context": _("kubectl has no current context. Choose one with --context."),
    "creating": _("Creating the account with the context %(context)s."),
    "no-token": _(
        "The cluster puts no token into the Secret %(secret)s. Run this again with --token-hours 24, and replace the "
        "credential before it expires."
    ),
    "loopback": _(
        "%(server)s leads to this machine. If the console runs elsewhere, run this again with --server and an address "
        "that it can reach."
    ),
    "proxy": _("kubectl uses a proxy for this cluster. The console doesn't: it connects to %(server)s directly."),
    "written": _("%(target)s has been written. It contains the token: upload it to the console, then delete the file."),
    "lasting": _("The token doesn't expire. To revoke it: kubectl --namespace=%(namespace)s delete secret %(secret)s"),
    "expiring": _("The token expires. Replace the credential in the console before then."),
}

MESSAGES = {
    **{f"right.{code}": text for code, text in _RIGHTS.items()},
    **{f"account.{code}": text for code, text in _PLACES.items()},
    **{f"account.yaml.{code}": text for code, text in _YAML.items()},
    **{f"account.script.{code}": text for code, text in _SCRIPT.items()},
}
