"""A plain Kubernetes client on the standard library: an observer that shares nothing with the product."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from interconnect.domain.json_types import Json

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        super().__init__(f"{status}: {body[:400].decode(errors='replace')}")


class Client:
    """One cluster by its kubeconfig. Paths are those of the API; a failure is an `ApiError` or an `OSError`."""

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        server = urlsplit(cluster["server"])
        self.host, self.port, self.prefix = str(server.hostname), server.port or 443, server.path.rstrip("/")
        self.tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        self.headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        if "client-certificate-data" in user:
            self._load(user)

    def _load(self, user: Json) -> None:
        with tempfile.NamedTemporaryFile() as both:
            both.write(
                base64.b64decode(user["client-certificate-data"]) + b"\n" + base64.b64decode(user["client-key-data"])
            )
            both.flush()
            self.tls.load_cert_chain(both.name)

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **query: str
    ) -> Json:
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=20)
        headers = {**self.headers, "Accept": "application/json", "Content-Type": content_type}
        target = self.prefix + path + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise ApiError(response.status, data)
        answer: Json = json.loads(data)
        return answer

    def get(self, path: str, **query: str) -> Json:
        return self.call("GET", path, **query)

    def find(self, path: str) -> Json | None:
        """The object, or None when there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[Json]:
        listed: list[Json] = self.get(path, **query).get("items") or []
        return listed

    def create(self, path: str, body: Json) -> Json:
        return self.call("POST", path, body, fieldManager="observer")

    def merge(self, path: str, body: Json, manager: str = "observer") -> Json:
        return self.call("PATCH", path, body, MERGE, fieldManager=manager)

    def apply(self, path: str, body: Json, manager: str = "observer") -> Json:
        """Server-side apply that takes every field over."""
        return self.call("PATCH", path, body, APPLY, fieldManager=manager, force="true")

    def delete(self, path: str) -> None:
        try:
            self.call("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
