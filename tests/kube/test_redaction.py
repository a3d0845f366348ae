"""A cluster that repeats the console's credential everywhere: nothing that leaves `kube` holds it, in any form."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from interconnect.domain.entries import Target
from interconnect.domain.rights import ClusterRole
from interconnect.kube import cidrs, istiod, kinds, probe
from interconnect.kube.errors import KubeError, Permanent, redact
from interconnect.kube.kubeconfig import Credential
from interconnect.kube.redaction import MASK, Redactor
from interconnect.observing.newcomer import inspect_cluster
from tests.kube.servers import AUTHORITY, TOKEN, Connection, HttpsServer


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


JWT = (
    f"{part({'alg': 'RS256', 'kid': 'k'})}.{part({'iss': 'kubernetes', 'sub': 'console'})}."
    + base64.urlsafe_b64encode(os.urandom(256)).decode().rstrip("=")
)
CERTIFICATE, KEY = AUTHORITY.issue()
FORMS = {
    "as it is": lambda secret: secret,
    "its first half": lambda secret: secret[: len(secret) // 2],
    "its second half": lambda secret: secret[len(secret) // 2 :],
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 of more": lambda secret: base64.b64encode(f"Bearer {secret}".encode()).decode(),
    "base64 for addresses": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "percent-encoded": lambda secret: "".join(f"%{byte:02x}" for byte in secret.encode()),
    "quoted": lambda secret: quote(secret, safe=""),
    "hexadecimal": lambda secret: secret.encode().hex(),
    "in an address": lambda secret: f"https://example.org/{secret}/x?y={secret}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
@pytest.mark.parametrize("secret", [TOKEN, JWT, KEY.splitlines()[2]], ids=["token", "JWT", "key line"])
def test_every_form_of_a_secret_is_masked(secret: str, form: Any) -> None:
    redactor = Redactor(TOKEN, KEY) if secret != JWT else Redactor(JWT)
    said = form(secret)
    shown = redactor.text(f"v1.31.0 {said} end")
    assert (MASK in shown, shown.startswith("v1.31.0 "), shown.endswith(" end")) == (True, True, True)
    assert not any(said[start : start + 12] in shown for start in range(len(said) - 11))


def test_certificates_of_others_stay_as_they_are() -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    another = (
        rsa.generate_private_key(65537, 2048)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    redactor = Redactor("", pem)
    assert redactor.text(another.replace("\n", "")) == another.replace("\n", "")
    assert MASK in redactor.text(pem.replace("\n", ""))


def test_the_parts_of_a_token_are_masked_one_by_one() -> None:
    assert Redactor(JWT).value({"parts": JWT.split(".")[1:]}) == {"parts": [MASK, MASK]}


def test_escapes_of_json_hide_nothing() -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in TOKEN)
    assert json.loads(Redactor(TOKEN).body(f'{{"a": "{escaped}", "b": 1.5}}'.encode())) == {"a": MASK, "b": 1.5}


def test_an_answer_without_a_secret_stays_as_it_is() -> None:
    body = json.dumps(
        {"a": "x" * 2000, "key": "-----BEGIN PRIVATE KEY-----", "uid": "0b9c7f52-1111-4222-8333-444444444444"}
    ).encode()
    assert Redactor(TOKEN, KEY, "").body(body) is body


def test_a_short_token_is_masked_only_where_it_stands_alone() -> None:
    said = {"gitVersion": "v1.33.1+t", "status": "too late"}
    assert Redactor("t").value(said) == {"gitVersion": f"v1.33.1+{MASK}", "status": "too late"}
    credential = Credential("https://127.0.0.1", token="t")
    assert redact("t is told: too late, dated", credential.secrets) == "*** is told: too late, dated"


def test_a_cluster_with_a_short_token_is_understood() -> None:
    with HttpsServer(lambda connection: connection.answer({"gitVersion": "v1.33.1"})) as server:
        assert server.api(token="t").version() == "v1.33.1"


def everywhere(connection: Connection) -> None:
    """The version, every name, label, annotation and message: the token, its base64, and the lines of the key."""
    encoded, line = base64.b64encode(TOKEN.encode()).decode(), KEY.splitlines()[1]
    meta = {
        "name": f"n-{TOKEN}",
        "namespace": "n",
        "uid": TOKEN,
        "labels": {f"x/{TOKEN}": encoded},
        "annotations": {"a": line, "b": quote(TOKEN)},
    }
    events = {
        "reason": TOKEN,
        "message": f"pull {encoded}",
        "type": "Warning",
        "involvedObject": {"kind": "Service", "name": "s"},
    }
    ingress = [{"hostname": TOKEN}, {"ip": encoded}]
    webhook = {"name": f"istio-{TOKEN}", "clientConfig": {"url": f"https://{TOKEN}/inject"}}
    thing = {
        "metadata": meta,
        "status": {"loadBalancer": {"ingress": ingress}},
        "webhooks": [webhook],
        "spec": {"podCIDRs": [TOKEN]},
    }
    item = {**thing, **events}
    body = {
        **item,
        "gitVersion": TOKEN,
        "items": [item],
        "status": {"allowed": False, "reason": TOKEN, **thing["status"]},
    }
    connection.answer(body, X_Echo=TOKEN, Warning=f'299 - "{TOKEN}"')


CALLS: dict[str, Any] = {
    "version": lambda api: api.version(),
    "get": lambda api: api.get(kinds.SERVICE, "s", "n"),
    "list": lambda api: api.list(kinds.POD, "n"),
    "webhooks": istiod.injection_webhooks,
    "CIDRs": cidrs.pod_cidrs,
    "reasons": lambda api: probe.reasons(api, "n", "Service", "s"),
    "addresses": lambda api: probe.service_addresses(api.get(kinds.SERVICE, "s", "n")),
    "headers": lambda api: api.transport.request("GET", "/version"),
    "apply": lambda api: api.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"}}
    ),
}


@pytest.fixture(scope="module")
def hostile() -> Any:
    with HttpsServer(everywhere) as server:
        yield server


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_nothing_that_a_hostile_cluster_says_holds_the_token(hostile: HttpsServer, call: Any) -> None:
    api = hostile.api(client_cert_pem=CERTIFICATE, client_key_pem=KEY)
    try:
        said = repr(call(api))
    except KubeError as error:
        said = repr((error, error.params))
    for secret in (TOKEN, base64.b64encode(TOKEN.encode()).decode(), KEY.splitlines()[1]):
        assert not any(secret[start : start + 12] in said for start in range(len(secret) - 11))


def test_a_version_that_is_the_token_is_not_reported(hostile: HttpsServer) -> None:
    def handler(connection: Connection) -> None:
        if "/namespaces/" in connection.path:
            connection.answer({"metadata": {"name": "kube-system", "uid": "0b9c7f52-ours"}})
        else:
            everywhere(connection)

    with HttpsServer(handler) as server:
        report = inspect_cluster(server.credential(), role=ClusterRole.MEMBER, system_namespace="istio-system")
        assert report.version == MASK
        assert TOKEN not in repr((report.version, report.missing, report.webhooks, report.pod_cidrs))


def test_a_masked_object_is_not_written_back() -> None:
    said = {
        "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "n", "resourceVersion": "1"},
        "data": {"mesh": TOKEN},
    }
    with HttpsServer(lambda connection: connection.answer(said)) as server:
        api = server.api()
        found = api.read(Target("", "v1", "ConfigMap", "n", "istio"))
        with pytest.raises(Permanent) as caught:
            api.replace({**(found or {}), "apiVersion": "v1"})
        assert caught.value.code == "repeats-credential"
        assert len(server.requests) == 1
