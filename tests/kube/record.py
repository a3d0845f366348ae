"""Records what a real API server answers, for the simulator to be held against.

    MESHCONSOLE_LIVE=…/live.json python -m tests.kube.record

Each scenario is a list of requests sent one after the other to a member cluster; it is written with the answers to
`recorded/<name>.json`. `{uid}` and `{version}` in a request stand for those of the last answer that had them. What
differs from one cluster to the next (UIDs, versions, times, allocated addresses) is normalised by `settle`, here and
where the answers are compared.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml

from interconnect.domain.json_types import Json
from tests.kube.scenarios import NAMESPACE, SCENARIOS, SPACES

Send = Callable[[str, str, dict[str, str], str, Any], tuple[int, Any]]

FOLDER = Path(__file__).parent / "recorded"


def connect(kubeconfig: str) -> Send:
    """A function that sends one request with the first user of a self-contained kubeconfig."""
    config = yaml.safe_load(kubeconfig)
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    url = urlsplit(cluster["server"])
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=context, timeout=20)

    def send(method: str, path: str, query: dict[str, str], content_type: str, body: Any) -> tuple[int, Any]:
        target = url.path + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type, "User-Agent": "recorder/1"}
        data = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, target, data if body is not None else None, headers)
        response = connection.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode()

    return send


def play(send: Send, requests: list[Json]) -> list[Json]:
    """Sends the requests and returns them with their normalised answers."""
    known: dict[str, str] = {}
    played = []
    for request in requests:
        text = json.dumps(request)
        for key, value in known.items():
            text = text.replace(f"{{{key}}}", value)
        filled = json.loads(text)
        status, body = send(
            filled["method"],
            filled["path"],
            filled.get("query", {}),
            filled.get("type", "application/json"),
            filled.get("body"),
        )
        if isinstance(body, dict) and body.get("metadata", {}).get("uid") and not filled.get("query", {}).get("dryRun"):
            known = {"uid": body["metadata"]["uid"], "version": body["metadata"].get("resourceVersion", "")}
        played.append({"request": request, "status": status, "answer": settle(body, known)})
    return played


def settle(body: Any, known: dict[str, str]) -> Any:
    """An answer without what no two clusters have in common."""
    if not isinstance(body, dict):
        return body
    text = json.dumps(body)
    for key, value in known.items():
        if value:
            text = text.replace(value, f"{{{key}}}") if key == "uid" else text.replace(f'"{value}"', f'"{{{key}}}"')
    body = json.loads(text)
    if body.get("kind") == "Status":
        body.get("details", {}).pop("uid", None)
        causes = body.get("details", {}).get("causes", [])
        causes.sort(key=lambda cause: (cause.get("field", ""), cause["message"]))  # several owners come in any order
        return body
    body.pop("status", None)
    _settle_metadata(body.get("metadata", {}))
    spec = body.get("spec", {})
    if isinstance(spec, dict):
        _settle_service(spec)
    return body


def _settle_metadata(meta: Json) -> None:
    for key in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp"):
        if key in meta:
            meta[key] = "…"
    annotations = meta.get("annotations", {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    if not annotations:
        meta.pop("annotations", None)
    entries = [
        entry
        for entry in meta.get("managedFields", ())
        if entry["manager"] != "kube-controller-manager" and entry.get("subresource") != "status"
    ]
    for entry in entries:
        entry.pop("time", None)
    if entries:
        meta["managedFields"] = sorted(
            entries, key=lambda entry: (entry["manager"], entry["operation"], entry.get("subresource", ""))
        )
    else:
        meta.pop("managedFields", None)


def _settle_service(spec: Json) -> None:
    for key in ("clusterIP", "clusterIPs"):
        if spec.get(key):
            spec[key] = "…"
    for port in spec.get("ports", ()):
        if isinstance(port, dict) and "nodePort" in port:
            port["nodePort"] = "…"


def prepare(send: Send) -> None:
    """The namespaces of the scenarios, empty."""
    for name in (NAMESPACE, *SPACES):
        send("DELETE", f"/api/v1/namespaces/{name}", {}, "application/json", None)
    send(
        "DELETE",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/recorded",
        {},
        "application/json",
        None,
    )
    until = time.monotonic() + 60
    for name in (NAMESPACE, *SPACES):
        while send("GET", f"/api/v1/namespaces/{name}", {}, "application/json", None)[0] != 404:
            if time.monotonic() > until:
                raise SystemExit(f"namespace {name} does not go away")
            time.sleep(0.2)
    send("POST", "/api/v1/namespaces", {}, "application/json", {"metadata": {"name": NAMESPACE}})


def main() -> None:
    live = json.loads(Path(os.environ["MESHCONSOLE_LIVE"]).read_text())
    member = next(cluster for cluster in live["clusters"] if cluster["member"])
    config = next(cluster for cluster in live["clusters"] if cluster["name"] == live["config_cluster"])
    for name, scenario in SCENARIOS.items():
        cluster = config if name == "rule" else member
        send = connect(Path(cluster["kubeconfig"]).read_text())
        prepare(send)
        record = {"kubernetes": live["kubernetes"], "steps": play(send, scenario)}
        prepare(send)
        (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}: {len(scenario)} requests", file=sys.stderr)


if __name__ == "__main__":
    main()
