"""Why a kubeconfig is not taken, and what to do instead."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_REASONS = {
    "alias": _("The kubeconfig uses YAML anchors or aliases (line %(line)s). Write the values out."),
    "merge-key": _("The kubeconfig uses a YAML merge key (line %(line)s). Write the values out."),
    "tag": _("The kubeconfig uses a YAML tag (line %(line)s). Remove it."),
    "duplicate-key": _("The kubeconfig has the same key twice (line %(line)s). Remove one."),
    "duplicate-name": _("The kubeconfig has two entries named “%(name)s” in %(field)s. Remove one."),
    "multiple-documents": _("The kubeconfig has several YAML documents. Give one."),
    "malformed": _("The kubeconfig is no valid YAML (line %(line)s, column %(column)s)."),
    "too-deep": _("The kubeconfig is nested too deeply to be one (line %(line)s)."),
    "too-large": _("The kubeconfig is larger than %(limit)s bytes. Leave out what this cluster does not need."),
    "too-many-nodes": _("The kubeconfig has more entries than any real one. Leave out what this cluster does not need."),
    "encoding": _("The kubeconfig is no UTF-8 text."),
    "empty": _("The kubeconfig is empty."),
    "not-a-kubeconfig": _("This is no kubeconfig: it needs apiVersion v1, kind Config, clusters, users and contexts."),
    "wrong-type": _("%(field)s in the kubeconfig is not of the right kind."),
    "unknown-field": _("The kubeconfig has a field that is not understood: %(field)s. Remove it."),
    "no-context": _("The kubeconfig has no context. Add one that names a cluster and a user."),
    "context-unknown": _("The kubeconfig has no context “%(context)s”. It has: %(contexts)s."),
    "several-contexts": _("The kubeconfig has several contexts: %(contexts)s. Choose one."),
    "cluster-unknown": _("The context names the cluster “%(name)s”, which the kubeconfig does not have."),
    "user-unknown": _("The context names the user “%(name)s”, whom the kubeconfig does not have."),
    "no-credential": _("The user has neither a token nor a client certificate in the file. Add one of them."),
    "exec": _("The kubeconfig would run a command (%(field)s). The console never does: use a token or a client certificate."),
    "auth-provider": _("The kubeconfig uses an auth provider (%(field)s). Use a token or a client certificate."),
    "basic-auth": _("The kubeconfig uses a password (%(field)s), which Kubernetes does not take any more. Use a token."),
    "impersonation": _("The kubeconfig impersonates somebody (%(field)s). Use a credential of the console's own."),
    "proxy-url": _("The kubeconfig names a proxy (%(field)s). The console connects directly: give an address that it can reach."),
    "file-path": _("The kubeconfig names a file (%(field)s), which is not here. Embed its content as …-data, or the token itself."),
    "insecure": _("The kubeconfig skips the check of the server's certificate. Give certificate-authority-data instead."),
    "insecure-with-authority": _("The kubeconfig skips the check of the certificate and names an authority. Keep the authority only."),
    "authority-malformed": _("certificate-authority-data is no certificate in PEM form."),
    "client-certificate-incomplete": _("A client certificate needs both client-certificate-data and client-key-data."),
    "client-certificate-malformed": _("client-certificate-data is no certificate in PEM form."),
    "client-key-encrypted": _("The client key is encrypted. Give it without a passphrase; it is stored encrypted."),
    "client-key-malformed": _("client-key-data is no private key in PEM form."),
    "client-key-mismatch": _("The client key does not belong to the client certificate."),
    "token-malformed": _("The token has characters that no token has."),
    "server-missing": _("The cluster has no server address."),
    "server-scheme": _("The server address must begin with https://."),
    "server-malformed": _("The server address is no address of an API server."),
    "server-denied": _(
        "The operator doesn't allow connections to the server address %(address)s. Use another address of the cluster, "
        "or ask the operator to allow this one."
    ),
    "server-name-malformed": _("tls-server-name is no host name."),
}

MESSAGES = {f"kubeconfig.{code}": text for code, text in _REASONS.items()}
