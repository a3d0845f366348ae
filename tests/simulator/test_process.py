"""The simulator as a process of its own."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from simulator import Fleet, usual_mesh
from simulator.__main__ import names
from tests.kube.record import connect
from tests.simulator.conftest import eventually

SETTINGS = "/api/v1/namespaces/default/configmaps/kept"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "simulator", "--dir", str(folder), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    return process.returncode


def test_a_number_of_clusters_gives_them_names() -> None:
    assert names("3") == ("member-a", "member-b", "member-c")
    assert names("eu,us") == ("eu", "us")
    assert len(set(names("250"))) == 250


def test_it_describes_itself_and_keeps_its_state_over_a_restart(tmp_path: Path) -> None:
    first = start(tmp_path, "--clusters", "eu,us", "--istiods", "1")
    live = json.loads((tmp_path / "live.json").read_text())
    assert [(item["name"], item["member"]) for item in live["clusters"]] == [("hub", False), ("eu", True), ("us", True)]
    path = Path(next(item["kubeconfig"] for item in live["clusters"] if item["name"] == "eu"))
    send = connect(path.read_text())
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "1"}}
    created = send("PATCH", SETTINGS, {"fieldManager": "m"}, "application/apply-patch+yaml", body)[1]
    port = urlsplit(yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"]).port
    earlier = path.read_text()
    assert stop(first) == 0
    second = start(tmp_path, "--port", str(port))
    assert connect(earlier)("GET", SETTINGS, {}, "application/json", None) == (200, created)
    assert stop(second) == 0


def test_a_fleet_started_from_a_saved_state_gives_nothing_out_twice() -> None:
    def service(name: str) -> dict[str, Any]:
        spec = {"type": "LoadBalancer", "ports": [{"port": 1, "protocol": "TCP"}], "selector": {"a": "b"}}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}

    def given(fleet: Fleet) -> list[str]:
        found = fleet.cluster("member-a").list("Service", "default")
        return [item["ip"] for service in found for item in service["status"]["loadBalancer"].get("ingress", ())]

    with Fleet([usual_mesh(members=("member-a",), istiods=1)]) as first:
        first.cluster("member-a").put(service("one"))
        eventually(lambda: len(given(first)) == 1)
        uid, before, state = first.cluster("member-a").uid, given(first), json.loads(json.dumps(first.dump()))
    with Fleet(state=state) as second:
        second.cluster("member-a").put(service("two"))
        eventually(lambda: len(given(second)) == 2)
        assert (second.cluster("member-a").uid, given(second)[:1], len(second.mesh.replicas())) == (uid, before, 1)
        assert len(set(given(second))) == 2
        specs = [item["spec"] for item in second.cluster("member-a").list("Service", "default")]
        assert len({spec["clusterIP"] for spec in specs}) == len({spec["ports"][0]["nodePort"] for spec in specs}) == 2


def test_the_second_user_may_do_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "--clusters", "1")
    config = yaml.safe_load((tmp_path / "member-a" / "kubeconfig.nobody").read_text())
    cluster, token = config["clusters"][0]["cluster"], config["users"][0]["user"]["token"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    url = urlsplit(cluster["server"])
    connection = http.client.HTTPSConnection(url.hostname or "", url.port, context=context, timeout=10)
    connection.request("GET", f"{url.path}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"})
    assert connection.getresponse().status == 403
    connection.close()
    assert stop(process) == 0


@pytest.mark.parametrize("arguments", [("--clusters", "1")])
def test_a_port_that_is_taken_is_one_sentence_and_an_exit_code(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    first = start(tmp_path / "one", *arguments)
    server = yaml.safe_load((tmp_path / "one" / "hub" / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
    second = start(tmp_path / "two", *arguments, "--port", str(urlsplit(server).port))
    _, text = second.communicate(timeout=20)
    assert second.returncode == 1
    assert text.startswith("simulator: ") and len(text.splitlines()) == 1
    assert stop(first) == 0
