"""The console's account in a cluster: its permissions as YAML, and a script that creates it and writes a kubeconfig.

Both are made of the one list in `rights`. Their sentences come from a `Words`, in the language of the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from interconnect.domain.names import group_name_violation
from interconnect.domain.rights import ClusterRole, Right, ServiceAccount, needed

CODES = (
    "account.member",
    "account.control-plane-and-config",
    "account.control-plane",
    "account.config",
    "account.yaml.about",
    "account.yaml.revisions",
    "account.yaml.optional",
    "account.script.about",
    "account.script.option.context",
    "account.script.option.file",
    "account.script.option.server",
    "account.script.option.token-hours",
    "account.script.option.required-only",
    "account.script.unknown-option",
    "account.script.no-context",
    "account.script.creating",
    "account.script.no-token",
    "account.script.loopback",
    "account.script.proxy",
    "account.script.written",
    "account.script.lasting",
    "account.script.expiring",
)

Words = Callable[[str, Mapping[str, Any]], str]


class Place(StrEnum):
    """What a cluster is to a mesh, as far as one account goes: usually istiod's cluster holds its configuration too."""

    MEMBER = "member"
    CONTROL_PLANE_AND_CONFIG = "control-plane-and-config"
    CONTROL_PLANE = "control-plane"
    CONFIG = "config"

    @property
    def roles(self) -> tuple[ClusterRole, ...]:
        return _ROLES[self]


_ROLES = {
    Place.MEMBER: (ClusterRole.MEMBER,),
    Place.CONTROL_PLANE_AND_CONFIG: (ClusterRole.CONTROL_PLANE, ClusterRole.CONFIG),
    Place.CONTROL_PLANE: (ClusterRole.CONTROL_PLANE,),
    Place.CONFIG: (ClusterRole.CONFIG,),
}
_Value = TypeVar("_Value")
_RBAC = "rbac.authorization.k8s.io"


def rights_of(place: Place, system_namespace: str, account: ServiceAccount | None = None) -> tuple[Right, ...]:
    """Return what the account may do there; rights that several roles need, once."""
    own = account or ServiceAccount()
    return tuple(dict.fromkeys(right for role in place.roles for right in needed(role, system_namespace, own)))


def file_name(place: Place, ending: str) -> str:
    return f"meshconsole-{place}.{ending}"


def as_yaml(place: Place, system_namespace: str, words: Words, account: ServiceAccount | None = None) -> str:
    """Return the account with its roles and bindings, for `kubectl apply -f`; the optional ones come last.

    Raises ValueError for a name that isn't a DNS label.
    """
    return "".join(_documents(place, system_namespace, words, account or ServiceAccount()))


def _documents(place: Place, system_namespace: str, words: Words, account: ServiceAccount) -> tuple[str, str]:
    """Return the YAML of what is required, and that of what is optional."""
    for name in (system_namespace, *account):
        if group_name_violation(name):
            raise ValueError(f"{name!r} isn't a DNS label")
    notes = ["account.yaml.about"] if place is Place.MEMBER else ["account.yaml.about", "account.yaml.revisions"]
    head = [f"# {words(f'account.{place}', {})}: {system_namespace}", *(f"# {words(note, {})}" for note in notes)]
    rights, name = rights_of(place, system_namespace, account), f"{account.name}-{place}"
    required = [
        *(_namespace(account), _service_account(account)),
        # Two meshes in one cluster would overwrite each other's ClusterRole.
        *_roles(name, f"{name}-{system_namespace}", [each for each in rights if not each.optional], words, account),
    ]
    optional = f"{name}-optional"
    rest = _roles(optional, optional, [each for each in rights if each.optional], words, account)
    return _text(head, required), _text([f"# {words('account.yaml.optional', {})}"], rest)


def _text(head: list[str], documents: Iterable[str]) -> str:
    return "\n".join([*head, *(f"---\n{document}" for document in documents), ""])


def _namespace(account: ServiceAccount) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {account.namespace}"


def _service_account(account: ServiceAccount) -> str:
    place = f"  name: {account.name}\n  namespace: {account.namespace}"
    return f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n{place}"


def _roles(
    role: str, cluster_role: str, rights: Iterable[Right], words: Words, account: ServiceAccount
) -> Iterator[str]:
    """Yield a role and its binding for each namespace, and for the whole cluster, that there are rights in."""
    for (namespace,), own in _together(((each.namespace,), each) for each in rights).items():
        yield from _role(role if namespace else cluster_role, namespace, own, words, account)


def _role(name: str, namespace: str, rights: Iterable[Right], words: Words, account: ServiceAccount) -> Iterator[str]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = ["metadata:", f"  name: {name}", *([f"  namespace: {namespace}"] if namespace else [])]
    yield "\n".join([f"apiVersion: {_RBAC}/v1", f"kind: {kind}", *metadata, "rules:", *_rules(rights, words)])
    yield "\n".join(
        [
            f"apiVersion: {_RBAC}/v1",
            f"kind: {kind}Binding",
            *metadata,
            "roleRef:",
            f"  apiGroup: {_RBAC}",
            f"  kind: {kind}",
            f"  name: {name}",
            "subjects:",
            "- kind: ServiceAccount",
            f"  name: {account.name}",
            f"  namespace: {account.namespace}",
        ]
    )


def _rules(rights: Iterable[Right], words: Words) -> Iterator[str]:
    """Yield the rules: verbs of a resource together, then resources and names that have the same verbs."""
    verbs = _together(((each.purpose, each.group, each.path, each.name), each.verb) for each in rights)
    names = _together(((*said, path, own), name) for (*said, path, name), own in verbs.items())
    paths = _together(((*said, own, allowed), path) for (*said, path, allowed), own in names.items())
    last = ""
    for (purpose, group, own, allowed), resources in paths.items():
        if purpose != last:
            yield f"# {words(f'right.{purpose}', {})}"
        last = purpose
        yield f'- apiGroups: ["{group}"]'
        yield f"  resources: [{', '.join(resources)}]"
        if any(own):
            yield f"  resourceNames: [{', '.join(own)}]"
        yield f"  verbs: [{', '.join(allowed)}]"


def _together(pairs: Iterable[tuple[tuple[Any, ...], _Value]]) -> dict[tuple[Any, ...], tuple[_Value, ...]]:
    """Return the values of each key, keys and values in their order."""
    found: dict[tuple[Any, ...], list[_Value]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in found.items()}


def script(place: Place, system_namespace: str, words: Words, account: ServiceAccount | None = None) -> str:
    """Return a POSIX shell script that applies `as_yaml`, gets a token and writes a kubeconfig, mode 0600.

    It needs `kubectl` alone. Raises ValueError for a name that isn't a DNS label.
    """
    account = account or ServiceAccount()
    required, optional = _documents(place, system_namespace, words, account)
    secret = f"{account.name}-token"
    known = {"file": file_name(place, "sh"), "secret": secret, **account._asdict()}

    def said(code: str) -> str:
        return words(code, known | {name: f"{{{name}}}" for name in _VARIABLES})

    texts = {
        "required": required,
        "optional": optional,
        "usage": _usage(said, file_name(place, "sh")),
        "namespace": account.namespace,
        "account": account.name,
        "secret": secret,
        **{code: _quoted(said(code)) for code in CODES if code.startswith("account.script.")},
    }
    return re.sub(r"@([a-z.-]+)@", lambda found: texts[found[1]], _SCRIPT)


def _usage(said: Callable[[str], str], name: str) -> str:
    lines = [
        f"sh {name} [OPTION]...",
        "",
        said("account.script.about"),
        "",
        *(f"  {option}\n      {said(f'account.script.option.{code}')}" for code, option in _OPTIONS.items()),
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Return a text as one word of a shell, with its `{variable}`s filled in there."""
    whole = "'" + text.replace("'", "'\\''") + "'"
    return re.sub("|".join(rf"\{{{name}\}}" for name in _VARIABLES), lambda found: f"'\"${found[0][1:-1]}\"'", whole)


_VARIABLES = ("context", "server", "target", "option")
_OPTIONS = {
    "context": "--context NAME",
    "file": "--file PATH",
    "server": "--server https://HOST:PORT",
    "token-hours": "--token-hours N",
    "required-only": "--required-only",
}

# Everything is in a function, so that a script that was cut off does nothing; the function is a subshell, so that a
# script pasted into a terminal never ends it. The token is never in a variable or an argument: it can be seen neither
# in a list of processes nor in a trace. A Secret's token is valid until the Secret is deleted: clouds shorten others to
# a day or two, after which a console that was down could no longer sign in.
_SCRIPT = r"""#!/bin/sh
main() (
set -eu
umask 077

usage() {
  cat <<'TEXT'
@usage@
TEXT
}

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$*"
  exit 1
}

context= target= server= hours= optional=yes
while [ $# -gt 0 ]; do
  option=$1
  case $option in
    --help) usage; exit 0 ;;
    --required-only) optional=no; shift; continue ;;
    --context | --file | --server | --token-hours) ;;
    *) usage >&2; fail @account.script.unknown-option@ ;;
  esac
  if [ $# -lt 2 ]; then usage >&2; exit 1; fi
  case $option in
    --context) context=$2 ;;
    --file) target=$2 ;;
    --server) server=$2 ;;
    --token-hours) hours=$2 ;;
  esac
  shift 2
done

if [ -z "$context" ]; then
  context=$(kubectl config current-context) || fail @account.script.no-context@
fi

in_cluster() {
  kubectl --context="$context" "$@"
}

known_of_cluster() {
  kubectl config view --context="$context" --raw --minify --flatten -o "jsonpath={.clusters[0].cluster.$1}"
}

known=$(known_of_cluster server)
authority=$(known_of_cluster certificate-authority-data)
server_name=$(known_of_cluster tls-server-name)
insecure=$(known_of_cluster insecure-skip-tls-verify)
proxy=$(known_of_cluster proxy-url)
server=${server:-$known}
label=$(printf '%s' "$context" | tr -c 'A-Za-z0-9._-' '-')
target=${target:-meshconsole-$label.kubeconfig}

say @account.script.creating@
in_cluster apply -f - <<'YAML' >&2
@required@YAML
if [ "$optional" = yes ]; then
  in_cluster apply -f - <<'YAML' >&2
@optional@YAML
fi

if [ -z "$hours" ]; then
  in_cluster apply -f - <<'YAML' >&2
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  name: @secret@
  namespace: @namespace@
  annotations:
    kubernetes.io/service-account.name: @account@
YAML
fi

of_secret() {
  in_cluster --namespace=@namespace@ get secret @secret@ -o "go-template=$1"
}

if [ -z "$hours" ]; then
  tries=0
  until [ "$(of_secret '{{with .data}}{{with .token}}ready{{end}}{{end}}')" = ready ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 30 ]; then fail @account.script.no-token@; fi
    sleep 1
  done
fi

if [ -z "$authority" ] && [ "$insecure" = true ]; then
  root='jsonpath={.data.ca\.crt}'
  authority=$(in_cluster --namespace=default get configmap kube-root-ca.crt -o "$root" | base64 | tr -d '\n')
fi

token() {
  if [ -n "$hours" ]; then
    in_cluster --namespace=@namespace@ create token @account@ --duration="${hours}h"
  else
    of_secret '{{.data.token | base64decode}}'
  fi
}

part=$target.part
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
rm -f "$part"
{
  cat <<TEXT
apiVersion: v1
kind: Config
current-context: "$label"
contexts:
- name: "$label"
  context:
    cluster: "$label"
    user: @account@
clusters:
- name: "$label"
  cluster:
    server: "$server"
TEXT
  if [ -n "$server_name" ]; then printf '    tls-server-name: "%s"\n' "$server_name"; fi
  if [ -n "$authority" ]; then printf '    certificate-authority-data: "%s"\n' "$authority"; fi
  printf 'users:\n- name: @account@\n  user:\n    token: '
  token
  printf '\n'
} > "$part"
mv -f "$part" "$target"

case $server in
  https://localhost* | https://127.* | 'https://[::1]'*) say @account.script.loopback@ ;;
esac
if [ -n "$proxy" ]; then say @account.script.proxy@; fi
say @account.script.written@
if [ -z "$hours" ]; then say @account.script.lasting@; else say @account.script.expiring@; fi
)
main "$@"
"""
