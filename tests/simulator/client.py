"""A small API client for the tests: one kept connection to one simulated cluster."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import websocket
import yaml

if TYPE_CHECKING:
    from simulator import Fleet

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
STRATEGIC, JSON_PATCH = "application/strategic-merge-patch+json", "application/json-patch+json"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


class Client:
    def __init__(self, fleet: Fleet, cluster: str = "member-a", user: str = "admin", timeout: float = 10) -> None:
        config = yaml.safe_load(fleet.kubeconfig(cluster, user))
        self.url = urlsplit(config["clusters"][0]["cluster"]["server"])
        self.token = config["users"][0]["user"]["token"]
        authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        self.connection = http.client.HTTPSConnection(
            self.url.hostname or "", self.url.port, context=self.context, timeout=timeout
        )

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "*/*",
        **query: str,
    ) -> Answer:
        prefix = "" if path.startswith("/_control") else self.url.path
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": content_type,
            "User-Agent": "tests/1",
            "Accept": accept,
        }
        target = prefix + path + (f"?{urlencode(query)}" if query else "")
        self.connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        response = self.connection.getresponse()
        text = response.read()
        shown = {key.lower(): value for key, value in response.getheaders()}
        return Answer(response.status, json.loads(text) if text[:1] in (b"{", b"[", b"n") else text.decode(), shown)

    def get(self, path: str, **query: str) -> Answer:
        return self.send("GET", path, **query)

    def apply(self, path: str, body: Any, manager: str = "meshconsole", **query: str) -> Answer:
        return self.send("PATCH", path, body, APPLY, fieldManager=manager, **query)

    def watch(self, path: str, **query: str) -> http.client.HTTPResponse:
        target = f"{self.url.path}{path}?{urlencode({'watch': 'true', **query})}"
        self.connection.request("GET", target, headers={"Authorization": f"Bearer {self.token}"})
        return self.connection.getresponse()

    def forward(self, pod: str, port: int, path: str, namespace: str = "istio-system") -> tuple[int, str]:
        """GET over port-forward: the status and the body, or 0 and the error channel's text."""
        url = (
            f"wss://{self.url.netloc}{self.url.path}/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
        )
        header = [f"Authorization: Bearer {self.token}"]
        socket = websocket.create_connection(
            url,
            header=header,
            subprotocols=["v4.channel.k8s.io"],
            sslopt={"context": self.context},
            suppress_origin=True,
            timeout=5,
        )
        socket.send_binary(b"\0" + f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        data, failure, begun = b"", b"", set()
        try:
            while True:
                frame: Any = socket.recv()
                channel, payload = frame[0], frame[1:]
                if channel not in begun:
                    begun.add(channel)
                elif channel == 1:
                    return 0, (failure + payload).decode()
                else:
                    data += payload
                head, end, body = data.partition(b"\r\n\r\n")
                if end and len(body) >= int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
                    return int(head.split(b" ")[1]), body.decode()
        finally:
            socket.close()
