"""A canary through every path: tokens, keys and certificates go in, and must not come out in an error,
a log or a repr.
"""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from interconnect.domain.entries import Target
from interconnect.kube import forward, istiod, kinds, kubeconfig
from interconnect.kube.api import Api
from interconnect.kube.errors import KubeError
from interconnect.kube.identity import cluster_uid
from interconnect.kube.patience import patience
from interconnect.kube.transport import Transport
from tests.kube.servers import AUTHORITY, DENIED, TOKEN, Connection, HttpsServer, nothing_before, server_context

CERTIFICATE, KEY = AUTHORITY.issue()
KEY_LINES = KEY.splitlines()[1:-1]
CANARIES = [
    TOKEN,
    base64.b64encode(TOKEN.encode()).decode(),
    *KEY_LINES,
    base64.b64encode(KEY.encode()).decode()[40:80],
]
MAP = Target("", "v1", "ConfigMap", "n", "thing")
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "thing", "namespace": "n"},
    "data": {"a": "b"},
}


def echo(connection: Connection) -> str:
    """What a cluster that means harm writes into its answers: all that it was sent, and what it may have stolen
    elsewhere.
    """
    encoded = base64.b64encode(TOKEN.encode()).decode()
    return f"{connection.head} {TOKEN[:20]} {TOKEN[9:]} key {KEY} {encoded} {base64.b64encode(KEY.encode()).decode()}"


def status(code: int, reason: str = "Anything") -> Callable[[Connection], None]:
    def handler(connection: Connection) -> None:
        said = echo(connection)
        causes = [
            {"reason": "FieldManagerConflict", "field": said, "message": f'conflict with "{said}"'},
            {"field": TOKEN},
        ]
        connection.status(code, reason, said, name=said, causes=causes, retryAfterSeconds=TOKEN)

    return handler


def page(code: int) -> Callable[[Connection], None]:
    return lambda connection: connection.answer(
        echo(connection).encode(), code, X_Echo=TOKEN, Retry_After=TOKEN, Location=f"https://{TOKEN}/"
    )


def raw(text: str) -> Callable[[Connection], None]:
    def handler(connection: Connection) -> None:
        connection.send(text.replace("ECHO", connection.header("authorization")).encode())
        connection.sock.close()

    return handler


HANDLERS: dict[str, Callable[[Connection], None]] = {
    **{f"status {code}": status(code) for code in (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503)},
    "already exists": status(409, "AlreadyExists"),
    "not found": status(404, "NotFound"),
    **{f"page {code}": page(code) for code in (200, 302, 401, 403, 404, 500)},
    "a malformed header": raw("HTTP/1.1 200 OK\r\nECHO\r\n: ECHO\r\nContent-Length: 2\r\n\r\n{}"),
    "a malformed status": raw("ECHO\r\n\r\n"),
    "a malformed length": raw("HTTP/1.1 200 OK\r\nContent-Length: ECHO\r\n\r\n{}"),
    "a malformed chunk": raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nECHO\r\n"),
    "half a body": raw("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nECHO"),
    "a version of its own": lambda connection: connection.answer(
        {"gitVersion": TOKEN * 10, "metadata": {"name": TOKEN, "uid": TOKEN}}
    ),
}

CALLS: dict[str, Callable[[Api], Any]] = {
    "get": lambda api: api.get(kinds.POD, "p", "n"),
    "list": lambda api: api.list(kinds.POD, "n"),
    "apply": lambda api: api.apply(MANIFEST),
    "create": lambda api: api.create(MANIFEST),
    "replace": lambda api: api.replace(MANIFEST),
    "json patch": lambda api: api.json_patch(MAP, [{"op": "test", "path": "/a", "value": "b"}]),
    "merge patch": lambda api: api.merge_patch(MAP, {}),
    "delete": lambda api: api.delete(MAP, uid="u"),
    "watch": lambda api: list(api.watch(kinds.POD, deadline=1)),
    "review": lambda api: api.review("get", "pods"),
    "version": lambda api: api.version(),
    "identity": cluster_uid,
    "forward": lambda api: forward.get(api, "n", "p", 15014, "/debug/networkz", deadline=1),
    "webhooks": istiod.injection_webhooks,
}


def assert_clean(*shown: str) -> None:
    for text in shown:
        for canary in CANARIES:
            assert canary not in text
        # neither a part that could be put together
        assert not any(TOKEN[start : start + 12] in text for start in range(len(TOKEN) - 11))


def raised(call: Callable[[Api], Any], api: Api) -> KubeError | None:
    try:
        call(api)
    except KubeError as error:
        return error
    return None


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS.keys())
def test_no_answer_brings_a_secret_into_an_error_or_a_log(
    handler: Callable[[Connection], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with patience(0), HttpsServer(handler) as server:
        api = server.api(client_cert_pem=CERTIFICATE, client_key_pem=KEY)
        for call in CALLS.values():
            if error := raised(call, api):
                words = "".join(traceback.format_exception(error))
                assert_clean(
                    words,
                    str(error),
                    repr(error),
                    repr(error.params),
                    error.evidence,
                    repr(getattr(error, "causes", "")),
                )
                assert error.__cause__ is None
                assert error.__context__ is None or error.__suppress_context__
    assert_clean(repr(api), repr(api.transport), caplog.text)


def test_connections_that_fail_bring_no_secret_into_an_error(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with HttpsServer(lambda connection: None, server_context(()), tls=True) as server:
        credential = server.credential(client_cert_pem=CERTIFICATE, client_key_pem=KEY)
        for broken in (
            credential,
            kubeconfig.Credential("https://127.0.0.1:1", token=TOKEN),
            kubeconfig.Credential("https://nowhere.invalid", token=TOKEN, client_key_pem=KEY),
            kubeconfig.Credential(credential.server, ca_pem=KEY, token=TOKEN),
            kubeconfig.Credential(
                credential.server, token=TOKEN, client_cert_pem=CERTIFICATE, client_key_pem="x" + KEY[5:]
            ),
        ):
            with pytest.raises(KubeError) as caught:
                Api(Transport(broken, deny=DENIED, before=nothing_before, deadline=5)).version()
            assert_clean("".join(traceback.format_exception(caught.value)), repr(broken))
    assert_clean(caplog.text)


PLACES = [
    "server: ",
    "proxy-url: ",
    "certificate-authority: ",
    "certificate-authority-data: ",
    "tls-server-name: ",
    "insecure-skip-tls-verify: ",
]
USER = [
    "token: [",
    "tokenFile: ",
    "client-key: ",
    "client-key-data: ",
    "client-certificate-data: ",
    "exec: ",
    "as: ",
    "password: ",
    "!!x ",
    "? [a] : ",
]


SECRETS = {
    "token": TOKEN,
    "tokens on lines": f'"{TOKEN}\\n{TOKEN}"',
    "key": base64.b64encode(KEY.encode()).decode(),
    "a line of the key": f'"{KEY_LINES[0]}"',
}


# The key is another one in each process, and no name of a test.
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
@pytest.mark.parametrize("place", PLACES + USER)
def test_a_refused_kubeconfig_quotes_nothing_that_may_be_secret(
    place: str, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = (
        f"{{server: 'https://a.example', {place}{secret}}}" if place in PLACES[1:] else "{server: 'https://a.example'}"
    )
    cluster = f"{{server: {secret}}}" if place == PLACES[0] else cluster
    user = f"{{token: abc, {place}{secret}}}" if place in USER else f"{{token: {TOKEN}}}"
    outcome = kubeconfig.read(
        f"kind: Config\nclusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n",
        deny=DENIED,
    )
    assert_clean(repr(outcome), caplog.text)
