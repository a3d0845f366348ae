"""Why a kubeconfig is refused, and what to do instead."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

_REASONS = {
    "alias": _("The kubeconfig uses YAML anchors or aliases (line %(line)s). Write the values out."),
    "merge-key": _("The kubeconfig uses a YAML merge key (line %(line)s). Write the values out."),
    "tag": _("The kubeconfig uses a YAML tag (line %(line)s). Remove it."),
    "duplicate-key": _("The kubeconfig has the same key twice (line %(line)s). Remove one."),
    "duplicate-name": _("The kubeconfig has two entries named “%(name)s” in %(field)s. Remove one."),
    "multiple-documents": _("This contains %(count)s kubeconfigs. Use only the one for this cluster."),
    "malformed": _("The kubeconfig isn't valid YAML (line %(line)s, column %(column)s)."),
    "tab": _("Line %(line)s of the kubeconfig is indented with a tab, which YAML doesn't allow. Use spaces."),
    "space": _(
        "Line %(line)s of the kubeconfig is indented with characters that only look like spaces. Replace "
        "them with spaces."
    ),
    "too-deep": _("The YAML is nested too deeply for a kubeconfig (line %(line)s)."),
    "too-large": _("The kubeconfig is larger than %(limit)s bytes. Remove what this cluster doesn't need."),
    "too-many-nodes": _("The kubeconfig has too many entries. Remove what this cluster doesn't need."),
    "encoding": _("The kubeconfig isn't UTF-8 text. Save it as UTF-8 (Windows PowerShell writes UTF-16 with “>”)."),
    "encoded": _("This is a kubeconfig in base64. Decode it (base64 -d), then paste the text."),
    "empty": _("The kubeconfig is empty."),
    "not-a-kubeconfig": _(
        "This isn't a kubeconfig. It needs apiVersion v1, kind Config, clusters, users and contexts."
    ),
    "other-kind": _("This is a Kubernetes object of kind %(kind)s, not a kubeconfig. Use the cluster's kubeconfig."),
    "secret-without-kubeconfig": _("This Secret contains no kubeconfig. Use the cluster's kubeconfig."),
    "redacted": _(
        "%(field)s was left out of this kubeconfig: a placeholder stands in its place. "
        "Write it again with “kubectl config view --raw --minify --flatten”."
    ),
    "not-text": _("%(field)s in the kubeconfig must be text. Put the value in quotes."),
    "not-a-switch": _("%(field)s in the kubeconfig must be true or false, without quotes."),
    "wrong-type": _(
        "%(field)s in the kubeconfig is malformed. Compare it with what “kubectl config view --raw” prints."
    ),
    "no-context": _("The kubeconfig has no context. Add one that names a cluster and a user."),
    "context-unknown": _("The kubeconfig has no context “%(context)s”. It has: %(contexts)s."),
    "several-contexts": _("The kubeconfig has several contexts: %(contexts)s. Choose one."),
    "current-unusable": _(
        "The current context “%(current)s” can't be used. %(violation)s Or choose another context: %(contexts)s."
    ),
    "current-unknown": _("The kubeconfig's current context “%(current)s” isn't in it. Choose one: %(contexts)s."),
    "context-incomplete": _("The context names no %(field)s. Add it to the context."),
    "cluster-unknown": _(
        "The context names the cluster “%(name)s”, which isn't in the kubeconfig (it has: %(known)s)."
    ),
    "user-unknown": _("The context names the user “%(name)s”, which isn't in the kubeconfig (it has: %(known)s)."),
    "no-entries": _(
        "The context names “%(name)s”, but the kubeconfig has no %(field)s. Use the whole kubeconfig, "
        "as “kubectl config view --raw --minify --flatten” prints it."
    ),
    "no-credential": _("The user has neither a token nor a client certificate in the file. Add one of them."),
    "exec": _(
        "The kubeconfig signs in by running a command, %(command)s. The console never runs commands. "
        "Give it an account of its own: run the script under “Account for the console”, or the one that "
        "“manage.py interconnect account” prints, and use the kubeconfig that it writes."
    ),
    "auth-provider": _(
        "The kubeconfig signs in through an auth provider, %(command)s, which the console doesn't use. "
        "Give the console an account of its own: run the script under “Account for the console”, or the one "
        "that “manage.py interconnect account” prints, and use the kubeconfig that it writes."
    ),
    "basic-auth": _("The kubeconfig uses a password (%(field)s), which Kubernetes no longer accepts. Use a token."),
    "impersonation": _("The kubeconfig impersonates another user (%(field)s). Use a credential made for the console."),
    "proxy-url": _(
        "The kubeconfig names a proxy (%(field)s). The console connects directly. Use an address that it can reach."
    ),
    "file-path": _(
        "The kubeconfig names a file (%(field)s), which the console can't read. Embed certificates and keys with "
        "“kubectl config view --raw --minify --flatten”; put a token itself into “token”."
    ),
    "insecure": _(
        "The kubeconfig skips verification of the server's certificate. Add certificate-authority-data instead."
    ),
    "insecure-with-authority": _(
        "The kubeconfig skips verification of the server's certificate although it contains the "
        "certificate authority. Remove insecure-skip-tls-verify; certificate-authority-data is "
        "enough."
    ),
    "authority-malformed": _(
        "certificate-authority-data contains no PEM certificate. Put the certificate of the cluster's "
        "authority there, in base64."
    ),
    "base64-malformed": _("%(field)s isn't base64: a part of it is missing or was changed. Copy all of it again."),
    "pem-unencoded": _("%(field)s is PEM text. It must be that text in base64 (base64 -w0)."),
    "client-certificate-incomplete": _("A client certificate needs both client-certificate-data and client-key-data."),
    "client-certificate-malformed": _(
        "client-certificate-data contains no PEM certificate. Put the client certificate there, in base64."
    ),
    "client-key-encrypted": _(
        "The client key is encrypted. Provide it without a passphrase; the console stores it encrypted."
    ),
    "client-key-malformed": _("client-key-data isn't a PEM private key. Put the client key there, in base64."),
    "client-key-mismatch": _(
        "The client key doesn't belong to the client certificate. Use the two that were issued together."
    ),
    "token-malformed": _(
        "The token has spaces, line breaks or other characters that tokens can't have. Put it on one "
        "line, as it was issued."
    ),
    "server-missing": _("The cluster has no server address. Add one: https://host:port."),
    "server-space": _("The server address has spaces or line breaks. Remove them."),
    "server-scheme": _("The server address must begin with https://."),
    "server-malformed": _("The server address isn't a valid API server URL. Write it as https://host:port."),
    "server-user": _("The server address has a user name or password before the host. Remove it."),
    "server-query": _("The server address has a query or a fragment (“?” or “#”). Remove it."),
    "server-ipv6": _("An IPv6 address needs brackets: https://[2001:db8::1]:6443."),
    "server-unspecified": _(
        "The server address %(address)s means “this machine”, so it leads to the console itself. "
        "Enter the address at which the console reaches the cluster."
    ),
    "server-denied": _(
        "The console isn't allowed to connect to the server address %(address)s. Use another address "
        "of the cluster, or have this one allowed in the console's settings."
    ),
    "server-name-malformed": _("tls-server-name isn't a valid host name."),
}

_CREDENTIALS = {
    "credential.istiods": _(
        "This is istiod's own account in this cluster. The console needs its own account: run the script "
        "under “Account for the console”, and use the kubeconfig that it writes."
    ),
    "credential.istiods-lacks": _(
        "istiod's account lacks permissions that the console needs (%(count)s): %(missing)s."
    ),
    "credential.reads-secrets": _("This account can read all Secrets of the cluster. The console needs none of them."),
    "credential.ignored-fields": _("Not used: %(fields)s. Neither kubectl nor the console knows these fields."),
    "credential.ended": _("The credential expired on %(until)s. Replace it."),
    "credential.ends-soon": _("The credential expires on %(until)s. Replace it before then."),
    "cluster.name.injection": _(
        "Istio's injection webhook in this cluster names the cluster ID %(found)s, not “%(name)s”. "
        "istiod takes its Pods for that cluster's: register it under that ID, or check that this is the right cluster."
    ),
    "cluster.name.secret": _(
        "istiod's Secret names this cluster %(found)s, not “%(name)s”. Register it under that ID, or check "
        "that this is the right cluster."
    ),
}

MESSAGES = {**_CREDENTIALS, **{f"kubeconfig.{code}": text for code, text in _REASONS.items()}}
