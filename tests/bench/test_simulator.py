"""How large and how quick the simulator is: 250 clusters, a gateway on each, and simple requests over one connection.

Printed, never asserted. Aims: ready in 3 s, 300 MB after a rollout on all, 1,500 requests a second on one core.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interconnect.domain.manifests import gateway_manifests
from interconnect.domain.topology import Gateway, GatewayKey
from interconnect.kube import kinds
from interconnect.kube.probe import deployment_status
from interconnect.observing.newcomer import api_for, credential_of
from simulator.faults import KINDS
from simulator.remote import Remote

if TYPE_CHECKING:
    from interconnect.kube.api import Api
    from interconnect.kube.transport import Transport

CLUSTERS = 250
REQUESTS = 3000


class Running:
    """A simulator in a process of its own, and when it was ready."""

    def __init__(self, folder: Path) -> None:
        self.folder, begun = folder, time.monotonic()
        command = [sys.executable, "-m", "simulator", "--clusters", str(CLUSTERS), "--dir", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.seconds = time.monotonic() - begun
        self.live = json.loads((folder / "live.json").read_text())

    def api(self, cluster: str) -> Api:
        return api_for(credential_of((self.folder / cluster / "kubeconfig").read_text()))

    def status(self, name: str) -> str:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next((line.split(":")[1].strip() for line in lines if line.startswith(name)), "?")

    @property
    def megabytes(self) -> float:
        return int(self.status("VmRSS").split()[0]) / 1024

    @property
    def cpu(self) -> float:
        """Seconds of one core so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    simulator = Running(tmp_path_factory.mktemp("simulator"))
    yield simulator
    simulator.process.terminate()
    simulator.process.wait(60)


def test_it_is_ready_and_takes_a_gateway_on_every_cluster(running: Running) -> None:
    print(
        f"\n{CLUSTERS} clusters: ready in {running.seconds:.1f} s, {running.megabytes:.0f} MB, "
        f"{running.cpu:.1f} s of a core"
    )
    members = [item["name"] for item in running.live["clusters"] if item["member"]]
    begun, cpu = time.monotonic(), running.cpu
    waiting = iter(members)
    workers = [
        threading.Thread(target=lambda: [roll_out(running, name) for name in waiting_of(waiting)]) for _ in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    taken = time.monotonic() - begun
    print(
        f"a gateway on each of {len(members)}: {taken:.1f} s, {running.cpu - cpu:.1f} s of a core, then "
        f"{running.megabytes:.0f} MB"
    )


_LOCK = threading.Lock()


def waiting_of(names: Iterator[str]) -> Iterator[str]:
    while True:
        with _LOCK:
            name = next(names, "")
        if not name:
            return
        yield name


def roll_out(running: Running, cluster: str) -> None:
    """The objects of one gateway, until its Deployment is available."""
    api = running.api(cluster)
    gateway = Gateway(
        GatewayKey(cluster, 1), f"00000000-0000-0000-0000-{abs(hash(cluster)) % 10**12:012d}", f"eastwest-{cluster}-1"
    )
    for _, manifest in gateway_manifests(
        gateway, mesh="bench", network="blue", cluster=cluster, namespace="istio-system", revision=""
    ):
        api.apply(manifest)
    until = time.monotonic() + 60
    while not deployment_status(api.get(kinds.DEPLOYMENT, gateway.name, "istio-system") or {}).settled:
        assert time.monotonic() < until
        time.sleep(0.05)
    api.transport.close()


@pytest.mark.parametrize(("what", "connections"), [("get", 1), ("get", 8), ("apply", 8), ("list", 8)])
def test_simple_requests(running: Running, what: str, connections: int) -> None:
    before, begun = running.cpu, time.monotonic()
    asyncio.run(_load(running, what, connections))
    taken, busy = time.monotonic() - begun, running.cpu - before
    core = REQUESTS / max(busy, 0.01)
    print(
        f"\n{what}, {connections} connections: {REQUESTS / taken:.0f}/s, {core:.0f} per second of the simulator's core"
    )


async def _load(running: Running, what: str, connections: int) -> None:
    api = running.api("member-1")
    context = ssl.create_default_context(cadata=api.transport.credential.ca_pem)
    await asyncio.gather(*(_client(api, context, what, REQUESTS // connections) for _ in range(connections)))


async def _client(api: Api, context: ssl.SSLContext, what: str, count: int) -> None:
    """Writes and reads by hand: a client that costs nothing lets the server show what it can."""
    transport = api.transport
    reader, writer = await asyncio.open_connection(transport.host, transport.port, ssl=context)
    request = _request(transport, what)
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n")[0] or b" 201 " in head.split(b"\r\n")[0], head
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()


def _request(transport: Transport, what: str) -> bytes:
    path, body, method, kind = (
        kinds.CONFIG_MAP.path("istio-system", "istio-ca-root-cert"),
        "",
        "GET",
        "application/json",
    )
    if what == "list":
        path = kinds.SERVICE.path("istio-system")
    if what == "apply":
        content: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "bench"},
            "data": {"a": "1"},
        }
        path, body, method = (
            kinds.CONFIG_MAP.path("default", "bench") + "?fieldManager=bench",
            json.dumps(content),
            "PATCH",
        )
        kind = "application/apply-patch+yaml"
    head = [
        f"{method} {transport.prefix}{path} HTTP/1.1",
        "Host: bench",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    ]
    head += [f"{name}: {value}" for name, value in transport.authorization().items()]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def test_faults_are_switched_while_it_runs(running: Running) -> None:
    remote = Remote(running.folder)
    begun = time.monotonic()
    for number, kind in enumerate((*KINDS, "401", "403", "404", "409", "422", "429", "500")):
        remote.fault(f"member-{number + 1}", kind)
        remote.fault(f"member-{number + 1}", None)
    print(f"\n{len(KINDS) + 7} faults on and off: {time.monotonic() - begun:.2f} s; {running.megabytes:.0f} MB")
