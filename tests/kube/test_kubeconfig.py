from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from interconnect.kube.guard import DenyList
from interconnect.kube.kubeconfig import CODES, Credential, KubeconfigRefused, Reading, read
from tests.kube.servers import AUTHORITY, DENIED, TOKEN

CERTIFICATE, KEY = AUTHORITY.issue()


def reading_of(given: str | bytes, **options: Any) -> Reading | KubeconfigRefused:
    return read(given, **{"deny": DENIED} | options)


def credential_in(given: str | bytes, **options: Any) -> Credential | KubeconfigRefused:
    found = reading_of(given, **options)
    return found.credential if isinstance(found, Reading) else found


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def document(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": "https://api.example:6443", "certificate-authority-data": b64(AUTHORITY.pem)}
                | (cluster or {}),
            }
        ],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    } | top


def text(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any) -> str:
    return yaml.safe_dump(document(cluster, user, **top))


def several(*users: dict[str, Any], **top: Any) -> str:
    top.setdefault("current-context", "x0")
    return text(
        users=[{"name": f"u{n}", "user": user} for n, user in enumerate(users)],
        contexts=[{"name": f"x{n}", "context": {"cluster": "c", "user": f"u{n}"}} for n in range(len(users))],
        **top,
    )


def plain(body: str) -> str:
    """A kubeconfig in block style whose user is `body`."""
    return (
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: https://api.example\n"
        f"users:\n- name: u\n  user:\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "contexts:\n- name: x\n  context: {cluster: c, user: u}\n"
    )


def encrypted_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"pass")).decode()


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nclusters: [*c,*c]\n"
MERGE_BOMB = (
    "x0: &x0 {k: v}\n"
    + "".join(f"x{n}: &x{n} {{<<: [*x{n - 1}, *x{n - 1}]}}\n" for n in range(1, 30))
    + "clusters: []\n"
)
WHO = {"token": TOKEN}

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    # what would run something
    "a command": (
        text(user={"exec": {"command": "/bin/sh", "args": ["-c", "touch /tmp/pwned"], "apiVersion": "v1"}}),
        "exec",
    ),
    "a command beside a token": (text(user=WHO | {"exec": {"command": "id"}}), "exec"),
    "a command that is no mapping": (text(user=WHO | {"exec": "id"}), "exec"),
    "an empty command": (text(user=WHO | {"exec": {}}), "exec"),
    "an auth provider": (
        text(user={"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}),
        "auth-provider",
    ),
    "an oidc provider": (text(user=WHO | {"auth-provider": {"name": "oidc"}}), "auth-provider"),
    # what would open a file
    "a token in a file": (text(user={"tokenFile": "/etc/shadow"}), "file-path"),
    "a token in a file beside a token": (text(user=WHO | {"tokenFile": "/etc/shadow"}), "file-path"),
    "a certificate in a file": (text(user=WHO | {"client-certificate": "/etc/shadow"}), "file-path"),
    "a key in a file": (text(user=WHO | {"client-key": "../../secret"}), "file-path"),
    "an authority in a file": (text({"certificate-authority": "/etc/ssl/cert.pem"}), "file-path"),
    # what would go elsewhere, or as somebody else
    "a proxy": (text({"proxy-url": "http://169.254.169.254"}), "proxy-url"),
    "a socks proxy": (text({"proxy-url": "socks5://evil.example"}), "proxy-url"),
    "impersonation": (text(user=WHO | {"as": "system:admin"}), "impersonation"),
    "impersonation of a uid": (text(user=WHO | {"as-uid": "0"}), "impersonation"),
    "impersonation of groups": (text(user=WHO | {"as-groups": ["system:masters"]}), "impersonation"),
    "impersonation with extras": (text(user=WHO | {"as-user-extra": {"a": ["b"]}}), "impersonation"),
    "a password": (text(user={"username": "admin", "password": "hunter2hunter2"}), "basic-auth"),
    "no verification": (text({"insecure-skip-tls-verify": True, "certificate-authority-data": None}), "insecure"),
    "no verification beside an authority": (text({"insecure-skip-tls-verify": True}), "insecure-with-authority"),
    "no verification, said in words": (
        plain("token: abc").replace(
            "server: https://api.example", "server: https://api.example\n    insecure-skip-tls-verify: yes"
        ),
        "insecure",
    ),
    "verification as text": (text({"insecure-skip-tls-verify": "false"}), "not-a-switch"),
    # servers
    "plain http": (text({"server": "http://api.example"}), "server-scheme"),
    "no scheme": (text({"server": "api.example:6443"}), "server-scheme"),
    "a file": (text({"server": "file:///etc/passwd"}), "server-scheme"),
    "a unix socket": (text({"server": "unix:///var/run/docker.sock"}), "server-scheme"),
    "no server": (text({"server": None}), "server-missing"),
    "a server that is a number": (plain("token: abc").replace("https://api.example", "443"), "not-text"),
    "a server that is a list": (text({"server": ["https://api.example"]}), "not-text"),
    "a name and password in the server": (text({"server": "https://user:secret@api.example"}), "server-user"),
    "a query in the server": (text({"server": "https://api.example/?x=1"}), "server-query"),
    "a fragment in the server": (text({"server": "https://api.example/#x"}), "server-query"),
    "a port that is none": (text({"server": "https://api.example:99999"}), "server-malformed"),
    "port zero": (text({"server": "https://api.example:0"}), "server-malformed"),
    "a port in words": (text({"server": "https://api.example:https"}), "server-malformed"),
    "no host": (text({"server": "https:///path"}), "server-malformed"),
    "a line break in the server": (text({"server": "https://api.example/\r\nX-Evil: 1"}), "server-space"),
    "a space before the server": (text({"server": " https://api.example:6443"}), "server-space"),
    "a climb in the path": (text({"server": "https://api.example/a/../b"}), "server-malformed"),
    "an encoded climb": (text({"server": "https://api.example/%2e%2e/"}), "server-malformed"),
    "a number for an address": (text({"server": "https://2852039166"}), "server-malformed"),
    "a hexadecimal address": (text({"server": "https://0xa9fea9fe/"}), "server-malformed"),
    "a short address": (text({"server": "https://169.16689662"}), "server-malformed"),
    "an octal address": (text({"server": "https://0251.0376.0251.0376"}), "server-malformed"),
    "a bracket too few": (text({"server": "https://[::1"}), "server-malformed"),
    "a scoped address": (text({"server": "https://[fe80::1%25eth0]"}), "server-malformed"),
    "the metadata service": (text({"server": "https://169.254.169.254/latest"}), "server-denied"),
    "the metadata service over IPv6": (text({"server": "https://[fd00:ec2::254]"}), "server-denied"),
    "the metadata service in disguise": (text({"server": "https://[::ffff:169.254.169.254]"}), "server-denied"),
    "the unspecified address": (text({"server": "https://0.0.0.0:6443"}), "server-unspecified"),
    "the unspecified address over IPv6": (text({"server": "https://[::]:6443"}), "server-unspecified"),
    "the unspecified address in disguise": (text({"server": "https://[::ffff:0.0.0.0]:6443"}), "server-unspecified"),
    "an IPv6 address without brackets": (text({"server": "https://2001:db8::1:6443"}), "server-ipv6"),
    "an encoded slash": (text({"server": "https://api.example/a%2fb"}), "server-malformed"),
    "a line break that is encoded": (text({"server": "https://api.example/a%0d%0ab"}), "server-malformed"),
    "a server name with a line break": (text({"tls-server-name": "a\r\nb"}), "server-name-malformed"),
    # credentials
    "nobody": (text(user={}), "no-credential"),
    "an empty token": (text(user={"token": ""}), "no-credential"),
    "a token with a line break": (text(user={"token": "abc\r\nX-Evil: 1"}), "token-malformed"),
    "a token with a space": (text(user={"token": "abc def"}), "token-malformed"),
    "a token that is not ASCII": (text(user={"token": "tök"}), "token-malformed"),
    "a token with a null character": (json.dumps(document(user={"token": "a\0b"})), "token-malformed"),
    "a token that is a number": (plain("token: 12345"), "not-text"),
    "a token that is a list": (text(user={"token": ["a"]}), "not-text"),
    "a token that is true": (text(user={"token": True}), "not-text"),
    "a certificate without a key": (
        text(user={"client-certificate-data": b64(CERTIFICATE)}),
        "client-certificate-incomplete",
    ),
    "a key without a certificate": (text(user={"client-key-data": b64(KEY)}), "client-certificate-incomplete"),
    "a certificate that is no base64": (
        text(user={"client-certificate-data": "%%%", "client-key-data": b64(KEY)}),
        "base64-malformed",
    ),
    "a certificate that is none": (
        text(user={"client-certificate-data": b64("no"), "client-key-data": b64(KEY)}),
        "client-certificate-malformed",
    ),
    "a key that is none": (
        text(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64("no")}),
        "client-key-malformed",
    ),
    "an encrypted key": (
        text(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(encrypted_key())}),
        "client-key-encrypted",
    ),
    "a key of another certificate": (
        text(user={"client-certificate-data": b64(AUTHORITY.issue()[0]), "client-key-data": b64(KEY)}),
        "client-key-mismatch",
    ),
    "an authority that is none": (text({"certificate-authority-data": b64("no")}), "authority-malformed"),
    "an authority that is no base64": (text({"certificate-authority-data": "a b é"}), "base64-malformed"),
    "an authority that was cut off": (
        text({"certificate-authority-data": b64(AUTHORITY.pem)[:-5]}),
        "base64-malformed",
    ),
    "a private key as authority": (text({"certificate-authority-data": b64(KEY)}), "authority-malformed"),
    # structure
    "nothing": ("", "empty"),
    "white space": (" \n\t\n", "empty"),
    "a comment": ("# nothing\n", "empty"),
    "a word": ("hello", "not-a-kubeconfig"),
    "a list": ("- a\n- b\n", "not-a-kubeconfig"),
    "another kind": (yaml.safe_dump(document() | {"kind": "ConfigMap"}), "other-kind"),
    "another version": (yaml.safe_dump(document() | {"apiVersion": "v2"}), "not-a-kubeconfig"),
    "a mesh file": ("version: 1\nmesh: prod\n", "not-a-kubeconfig"),
    "two documents": (text() + "---\n" + text(), "multiple-documents"),
    "broken YAML": ("clusters: [\n", "malformed"),
    "a tab": ("clusters:\n\t- a\n", "tab"),
    "spaces that only look like it": (text().replace("  ", "\u00a0\u00a0"), "space"),
    "a kubeconfig in base64": (b64(text()), "encoded"),
    "a Secret without a kubeconfig": (
        yaml.safe_dump({"kind": "Secret", "stringData": {"token": TOKEN}}),
        "secret-without-kubeconfig",
    ),
    "a List of two kubeconfigs": (
        yaml.safe_dump({"kind": "List", "items": [document(), document()]}),
        "multiple-documents",
    ),
    "a Secret with a bomb in it": (
        yaml.safe_dump({"kind": "Secret", "stringData": {"a": "clusters: &a []\nb: *a"}}),
        "alias",
    ),
    "a control character": ("clusters: \x07\n", "malformed"),
    "UTF-16": (text().encode("utf-16"), "encoding"),
    "Latin-1": ("# é\n".encode("latin-1") + text().encode(), "encoding"),
    "a bomb of aliases": (BOMB, "alias"),
    "a bomb of merge keys": (MERGE_BOMB, "alias"),
    "a merge key": (plain("<<: {token: abc}"), "merge-key"),
    "an alias": (plain("token: &a abc\ntokenFile: *a"), "alias"),
    "the same key twice": (plain("token: abc\ntoken: def"), "duplicate-key"),
    "a Python object": (plain("token: !!python/object/apply:os.system [id]"), "tag"),
    "a binary tag": (plain("token: !!binary aGVsbG8="), "tag"),
    "a key that is a list": (plain("? [a, b]\n: c"), "malformed"),
    "a nest of lists": ("clusters: " + "[" * 100 + "]" * 100, "too-deep"),
    "a nest without a floor": ("clusters: " + "[" * 100_000, "malformed"),
    "a nest of mappings": ("clusters: " + "{a: " * 30 + "}" * 30, "too-deep"),
    "many nodes": ("clusters: [" + "a," * 60_000 + "]", "too-many-nodes"),
    "too long": (text() + "#" + "x" * 256 * 1024, "too-large"),
    "too long in bytes": (text() + "#" + "é" * 200 * 1024, "too-large"),
    "clusters that are no list": (text(clusters={"a": "b"}), "wrong-type"),
    "users that are no list": (text(users="u"), "wrong-type"),
    "an entry without a name": (text(users=[{"user": WHO}]), "not-text"),
    "a user that is a word": (text(users=[{"name": "u", "user": "root"}]), "wrong-type"),
    "two users of a name": (
        text(users=[{"name": "u", "user": WHO}, {"name": "u", "user": {"token": "other"}}]),
        "duplicate-name",
    ),
    "two clusters of a name": (text(clusters=document()["clusters"] + document()["clusters"]), "duplicate-name"),
    "no contexts": (text(contexts=[]), "no-context"),
    "contexts that are null": (text(contexts=None), "no-context"),
    "a cluster that is not there": (
        text(contexts=[{"name": "x", "context": {"cluster": "other", "user": "u"}}]),
        "cluster-unknown",
    ),
    "a user that is not there": (
        text(contexts=[{"name": "x", "context": {"cluster": "c", "user": "other"}}]),
        "user-unknown",
    ),
    "no users": (text(users=None), "no-entries"),
    "no clusters": (text(clusters=[]), "no-entries"),
    "a context that is a number": (text(contexts=[{"name": 1, "context": {"cluster": "c", "user": "u"}}]), "not-text"),
    "a context of nothing": (text(contexts=[{"name": "x"}]), "context-incomplete"),
    "two contexts of a name": (text(contexts=document()["contexts"] + document()["contexts"]), "duplicate-name"),
    "several contexts": (several(WHO, {"token": "other"}, **{"current-context": ""}), "several-contexts"),
    "a current context that runs a command": (
        several({"exec": {"command": "aws"}}, WHO, **{"current-context": "x0"}),
        "current-unusable",
    ),
    "a current context that is not there": (several(WHO, **{"current-context": "gone"}), "current-unknown"),
    # what a tool left out
    "a token left out": (text(user={"token": "REDACTED"}), "redacted"),
    "a key left out": (
        text(user={"client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}),
        "redacted",
    ),
    "an authority left out": (text({"certificate-authority-data": "DATA+OMITTED"}), "redacted"),
    "a token to fill in": (text(user={"token": "<your token>"}), "redacted"),
    "a variable of a shell": (text(user={"token": "${TOKEN}"}), "redacted"),
    "a command of a shell": (text(user={"token": "$(cat token)"}), "redacted"),
    "a variable of a template": (text(user={"token": "{{ .Values.token }}"}), "redacted"),
    "an authority without base64": (text({"certificate-authority-data": AUTHORITY.pem}), "pem-unencoded"),
}


@pytest.mark.parametrize(("given", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_kubeconfig_is_refused_with_its_cause(
    given: str | bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("parsing opened, ran or connected to something")

    for owner, name in (
        (os, "system"),
        (subprocess, "Popen"),
        (socket, "socket"),
        (socket, "getaddrinfo"),
        (Path, "open"),
        (os, "open"),
    ):
        monkeypatch.setattr(owner, name, forbidden)
    monkeypatch.setattr("builtins.open", forbidden)
    outcome = credential_in(given)
    monkeypatch.undo()
    assert isinstance(outcome, KubeconfigRefused)
    assert outcome.code == code
    shown = repr(outcome)
    for secret in (TOKEN, "hunter2hunter2", KEY.splitlines()[1]):
        assert secret not in shown


def test_the_table_is_long_enough() -> None:
    assert len(HOSTILE) >= 60


def test_every_code_is_listed_and_met_by_some_input() -> None:
    met = {code for _, code in HOSTILE.values()}
    # it depends on more than the file and has a test of its own
    assert met | {"context-unknown"} == CODES


def test_a_token_and_an_authority_make_a_credential() -> None:
    assert credential_in(text()) == Credential("https://api.example:6443", AUTHORITY.pem, TOKEN)


def test_json_and_bytes_and_a_byte_order_mark_are_read() -> None:
    expected = credential_in(text())
    assert credential_in(json.dumps(document())) == expected
    assert credential_in(text().encode()) == expected
    assert credential_in(b"\xef\xbb\xbf" + text().encode()) == expected


def test_a_client_certificate_makes_a_credential() -> None:
    outcome = credential_in(text(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(KEY)}))
    assert outcome == Credential("https://api.example:6443", AUTHORITY.pem, "", CERTIFICATE, KEY)


def test_what_surrounds_the_certificates_of_an_authority_is_left_behind() -> None:
    outcome = credential_in(text({"certificate-authority-data": b64("notes\n" + AUTHORITY.pem + KEY)}))
    assert isinstance(outcome, Credential)
    assert outcome.ca_pem == AUTHORITY.pem


def test_a_path_an_address_and_a_server_name_are_kept() -> None:
    outcome = credential_in(
        text({"server": "https://[2001:db8::1]:6443/clusters/a/", "tls-server-name": "api.example"})
    )
    assert isinstance(outcome, Credential)
    assert (outcome.server, outcome.tls_server_name) == ("https://[2001:db8::1]:6443/clusters/a", "api.example")


def test_several_contexts_are_offered_and_one_can_be_chosen() -> None:
    given = several(WHO, {"token": "other"}, {"exec": {"command": "aws"}}, **{"current-context": "x1"})
    servers = ["https://api.example:6443"] * 2
    assert credential_in(given) == KubeconfigRefused("several-contexts", {"contexts": ["x0", "x1"], "servers": servers})
    chosen = credential_in(given, context="x1")
    assert isinstance(chosen, Credential)
    assert chosen.token == "other"
    assert credential_in(given, context="x2") == KubeconfigRefused(
        "exec", {"field": "exec", "command": "aws (Amazon EKS)"}
    )


def test_a_context_that_does_not_exist_is_refused_with_the_ones_that_do() -> None:
    assert credential_in(text(), context="y") == KubeconfigRefused(
        "context-unknown", {"context": "y", "contexts": ["x"]}
    )


def test_the_only_usable_context_is_taken_where_none_is_current() -> None:
    for current in ("", None):
        outcome = reading_of(several({"exec": {"command": "aws"}}, WHO, **{"current-context": current}))
        assert isinstance(outcome, Reading)
        assert outcome.context == "x1"


def test_another_context_never_stands_in_for_the_current_one() -> None:
    broken = several({"exec": {"command": "/usr/bin/gke-gcloud-auth-plugin"}}, WHO, **{"current-context": "x0"})
    outcome = credential_in(broken)
    assert isinstance(outcome, KubeconfigRefused)
    assert (outcome.code, outcome.params["current"], outcome.params["contexts"]) == ("current-unusable", "x0", ["x1"])
    assert (outcome.params["violation"], outcome.params["command"]) == (
        "kubeconfig.exec",
        "gke-gcloud-auth-plugin (Google GKE)",
    )
    assert isinstance(credential_in(broken, context="x1"), Credential)
    gone = credential_in(several(WHO, **{"current-context": "gone"}))
    assert isinstance(gone, KubeconfigRefused)
    assert (gone.code, gone.params["current"], gone.params["contexts"]) == ("current-unknown", "gone", ["x0"])


def test_contexts_of_one_cluster_and_user_need_no_choice() -> None:
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u", "namespace": name}} for name in ("a", "b", "c")]
    outcome = reading_of(text(contexts=contexts, **{"current-context": "b"}))
    assert isinstance(outcome, Reading)
    assert outcome.context == "b"


def test_without_a_usable_context_the_current_ones_cause_is_given() -> None:
    given = several({"exec": {"command": "aws"}}, {"tokenFile": "/x"}, **{"current-context": "x1"})
    assert credential_in(given) == KubeconfigRefused("file-path", {"field": "tokenFile"})


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_that_cannot_be_read_is_named(end: str) -> None:
    lines = ["apiVersion: v1", "kind: Config", "clusters: []"]
    for bad, code in (("users: \x07", "malformed"), ("users: \0", "malformed"), ("\u00a0users: []", "space")):
        found = credential_in(end.join([*lines, bad]))
        assert isinstance(found, KubeconfigRefused)
        assert (found.code, found.params["line"]) == (code, 4)


def test_a_no_break_space_within_a_text_is_text() -> None:
    assert credential_in(text() + "# a\u00a0b\n") == credential_in(text())


def test_an_empty_text_is_unset() -> None:
    empty = {
        "username": "",
        "password": "",
        "client-certificate": "",
        "tokenFile": "",
        "as": "",
        "as-groups": [],
        "as-user-extra": {},
    }
    assert credential_in(text({"certificate-authority": "", "proxy-url": ""}, WHO | empty)) == credential_in(text())


def test_a_field_that_kubectl_ignores_is_ignored_and_named() -> None:
    outcome = reading_of(text({"api-version": "v1"}, WHO | {"token-command": "id"}, colors=True))
    assert isinstance(outcome, Reading)
    assert outcome.credential == credential_in(text())
    assert outcome.ignored == ("cluster.api-version", "user.token-command")


WINDOWS = text(user={"token": TOKEN}).replace("\n", "\r\n")
LINES = "\r\n".join(textwrap.wrap(b64(AUTHORITY.pem), 64))
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "one-kubeconfig"}}
LIKE_PLAIN: dict[str, str | bytes] = {
    "line ends of Windows": WINDOWS,
    "a byte order mark before them": b"\xef\xbb\xbf" + WINDOWS.encode(),
    "JSON with tabs": json.dumps(document(), indent="\t"),
    "a document that is empty before and after": "---\n---\n" + text() + "---\n...\n---\n",
    "a List of one": yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [document()]}),
    "a Secret in text": yaml.safe_dump(SECRET | {"stringData": {"value": text()}}),
    "a Secret in base64": yaml.safe_dump(SECRET | {"data": {"value": b64(text()), "other": b64("x")}}),
    "a Secret in a List": json.dumps({"kind": "List", "items": [SECRET | {"data": {"value": b64(text())}}]}),
    "a Secret after its account": "kind: ServiceAccount\n---\n"
    + yaml.safe_dump(SECRET | {"stringData": {"value": text()}}),
    "an authority over several lines": text({"certificate-authority-data": LINES}),
    "an authority twice, with remarks": text(
        {"certificate-authority-data": b64(f"# ours\n{AUTHORITY.pem}\n# again\n{AUTHORITY.pem}")}
    ),
    "an authority beside one that is broken": text(
        {
            "certificate-authority-data": b64(
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + AUTHORITY.pem
            )
        }
    ),
    "slashes after the server": text({"server": "https://api.example:6443//"}),
    "a scheme in capitals": text({"server": "HTTPS://api.example:6443"}),
}


@pytest.mark.parametrize("given", LIKE_PLAIN.values(), ids=LIKE_PLAIN.keys())
def test_what_tools_and_editors_write_is_read_like_a_plain_one(given: str | bytes) -> None:
    assert credential_in(given) == credential_in(text())


@pytest.mark.parametrize(
    "server",
    [
        "https://hub.example/apis/proxies.clusternet.io/v1alpha1/sockets/dc91-22ab/proxy/https/10.0.0.1:6443",
        "https://teleport.example:443/v1/teleport/cm9v_dA==/b25l",
        "https://rancher.example/k8s/clusters/c-m-x7@a,b;c=d",
        "https://api.example/with%20space%C3%A9",
        "https://[2001:db8::1]:6443",
    ],
)
def test_a_server_has_whatever_path_an_address_allows(server: str) -> None:
    outcome = credential_in(text({"server": server}))
    expected = None if "%20" in server else server
    assert (outcome.server if isinstance(outcome, Credential) else None) == expected


def test_a_remote_secret_of_istio_is_istiods_own_account() -> None:
    meta = {
        "name": "istio-remote-secret-one",
        "labels": {"istio/multiCluster": "true"},
        "annotations": {"networking.istio.io/cluster": "one"},
    }
    for values in ({"stringData": {"one": text()}}, {"data": {"one": b64(text())}}):
        outcome = reading_of("# made by a tool\n" + yaml.safe_dump(SECRET | {"metadata": meta} | values) + "---\n")
        assert isinstance(outcome, Reading)
        assert (outcome.credential, outcome.remote_cluster, outcome.is_istiods) == (credential_in(text()), "one", True)
    plain_secret = reading_of(yaml.safe_dump(SECRET | {"stringData": {"value": text()}}))
    assert isinstance(plain_secret, Reading) and not plain_secret.is_istiods


def token_of(**claims: Any) -> str:
    return ".".join(
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ("{}", json.dumps(claims), "signature")
    )


def test_istiods_account_is_known_by_its_token_too() -> None:
    istiods = {"token": token_of(sub="system:serviceaccount:istio-system:istio-reader-service-account")}
    own = {"token": token_of(sub="system:serviceaccount:meshconsole:meshconsole")}
    found = [reading_of(text(user=user)) for user in (istiods, own)]
    assert [outcome.is_istiods for outcome in found if isinstance(outcome, Reading)] == [True, False]


def test_a_credential_ends_with_what_ends_first() -> None:
    certificate = {"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(KEY)}
    soon = {"token": token_of(exp=2_000_000_000)}

    def ends(user: dict[str, Any]) -> datetime | None:
        outcome = credential_in(text(user=user))
        assert isinstance(outcome, Credential)
        return outcome.ends_at

    assert ends({"token": "opaque"}) is None
    for nonsense in ({"exp": "later"}, {"exp": 1e300}, {"exp": None}, {}):
        assert ends({"token": token_of(**nonsense)}) is None
    assert ends(soon) == datetime.fromtimestamp(2_000_000_000, UTC)
    of_certificate = x509.load_pem_x509_certificate(CERTIFICATE.encode()).not_valid_after_utc
    assert ends(certificate) == ends(certificate | soon) == of_certificate


def test_a_key_behind_the_parameters_of_its_curve_is_read() -> None:
    key = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + KEY
    assert isinstance(
        credential_in(text(user={"client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(key)})), Credential
    )


def test_a_platform_admin_can_allow_no_verification() -> None:
    given = text({"insecure-skip-tls-verify": True, "certificate-authority-data": None})
    outcome = credential_in(given, allow_insecure=True)
    assert isinstance(outcome, Credential)
    assert outcome.insecure
    both = text({"insecure-skip-tls-verify": True})
    assert (
        credential_in(both, allow_insecure=True) == credential_in(both) == KubeconfigRefused("insecure-with-authority")
    )


def test_the_operators_deny_list_decides_about_addresses() -> None:
    given = text({"server": "https://10.1.2.3:6443"})
    assert isinstance(credential_in(given), Credential)
    assert credential_in(given, deny=DenyList(["10.0.0.0/8"])) == KubeconfigRefused(
        "server-denied", {"address": "10.1.2.3"}
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_server_on_loopback_is_refused_where_it_is_denied(host: str) -> None:
    given = text({"server": f"https://{host}:6443"})
    assert isinstance(credential_in(given), Credential)
    outcome = credential_in(given, deny=DenyList(["127.0.0.0/8", "::1/128"]))
    assert isinstance(outcome, KubeconfigRefused) and outcome.code == "server-denied"


def test_an_error_of_the_file_names_its_line_and_column() -> None:
    outcome = credential_in("kind: Config\nclusters: []\nclusters: []\n")
    assert outcome == KubeconfigRefused("duplicate-key", {"line": 3, "column": 1})


def test_a_credential_shows_no_secret_and_survives_sealing() -> None:
    outcome = credential_in(
        text(user={"token": TOKEN, "client-certificate-data": b64(CERTIFICATE), "client-key-data": b64(KEY)})
    )
    assert isinstance(outcome, Credential)
    for shown in (repr(outcome), str(outcome), f"{outcome}", outcome.fingerprint):
        assert TOKEN not in shown
        assert KEY.splitlines()[1] not in shown
    assert Credential.from_json(outcome.to_json()) == outcome
    assert outcome.fingerprint != Credential("https://api.example:6443", AUTHORITY.pem, TOKEN).fingerprint


@pytest.mark.parametrize("stored", ["", "null", "[]", '{"server": 1, "x": 2}', "no json"])
def test_what_was_not_sealed_is_no_credential(stored: str) -> None:
    with pytest.raises(ValueError, match="not a stored credential"):
        Credential.from_json(stored)
