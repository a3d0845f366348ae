"""Where the suite runs: clusters by their kubeconfigs, a namespace of its own in each, and the shortest way to say
things.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from interconnect.domain.entries import Target
from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.errors import KubeError
from interconnect.observing.newcomer import api_for, credential_of

if TYPE_CHECKING:
    from interconnect.kube.api import Api
    from interconnect.kube.kinds import Kind

T = TypeVar("T")

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
STRATEGIC, JSON_PATCH = "application/strategic-merge-patch+json", "application/json-patch+json"
PATIENCE = 60.0


class Installation:
    """The clusters that a description (as of MESHCONSOLE_LIVE) names."""

    def __init__(self, description: Path) -> None:
        content = json.loads(description.read_text())
        self.kubeconfigs = {item["name"]: Path(item["kubeconfig"]).read_text() for item in content["clusters"]}
        self.members = [item["name"] for item in content["clusters"] if item["member"]]
        self.control_plane, self.config = content["control_plane_cluster"], content["config_cluster"]
        self.system: str = content["system_namespace"]

    def api(self, cluster: str, user: str = "admin") -> Api:
        """`user` is `admin`, `nobody` (who may do nothing) or `stranger` (whom no cluster knows)."""
        return api_for(credential_of(self.kubeconfigs[cluster].replace("-admin-token", f"-{user}-token")))


@pytest.fixture(scope="session")
def api(installation: Installation, cluster: str) -> Iterator[Api]:
    """A cluster, with all rights."""
    found = installation.api(cluster)
    yield found
    found.transport.close()


@pytest.fixture(scope="session")
def nobody(installation: Installation, cluster: str) -> Iterator[Api]:
    """The same cluster for a user without rights."""
    found = installation.api(cluster, "nobody")
    yield found
    found.transport.close()


@pytest.fixture(scope="session")
def hub(installation: Installation) -> Iterator[Api]:
    """The cluster that runs istiod."""
    found = installation.api(installation.control_plane)
    yield found
    found.transport.close()


@pytest.fixture(scope="session")
def config(installation: Installation) -> Iterator[Api]:
    """The cluster that istiod reads its configuration from."""
    found = installation.api(installation.config)
    yield found
    found.transport.close()


@pytest.fixture(scope="session")
def namespace_of() -> Iterator[Callable[[Api], str]]:
    """Makes one namespace a cluster, and removes them all in the end."""
    made: dict[str, tuple[Api, str]] = {}

    def find(api: Api) -> str:
        where = f"{api.transport.host}:{api.transport.port}{api.transport.prefix}"
        if where not in made:
            name = f"conformance-{uuid.uuid4().hex[:8]}"
            api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            eventually(lambda: api.get(kinds.SERVICE_ACCOUNT, "default", name))
            made[where] = api, name
        return made[where][1]

    yield find
    for api, name in made.values():
        api.delete(Target("", "v1", "Namespace", "", name))


@pytest.fixture
def space(namespace_of: Callable[[Api], str], api: Api) -> str:
    """A namespace of `api`'s cluster that belongs to the suite; the tests in it keep apart by names."""
    return namespace_of(api)


@pytest.fixture
def deployed(api: Api, space: str) -> Iterator[Callable[..., Json]]:
    """`deployed(name, replicas=…)`: a Deployment that has become available; gone with the test."""
    made: list[str] = []

    def deploy(name: str, **spec: Any) -> Json:
        made.append(name)
        api.apply(deployment(space, name, **spec))
        return settled_deployment(api, space, name)

    yield deploy
    for name in made:
        api.delete(target(kinds.DEPLOYMENT, space, name))


def eventually(question: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true answer, or the last one."""
    until = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < until:
        time.sleep(0.05)
    return answer


def settled_deployment(api: Api, namespace: str, name: str) -> Json:
    from interconnect.kube.probe import deployment_status

    assert eventually(lambda: deployment_status(api.get(kinds.DEPLOYMENT, name, namespace) or {}).settled), (
        f"{name} is not available"
    )
    found = api.get(kinds.DEPLOYMENT, name, namespace)
    assert found
    return found


def refused(act: Callable[[], object]) -> KubeError:
    """What an act is refused with."""
    with pytest.raises(KubeError) as caught:
        act()
    return caught.value


def ask(
    api: Api,
    method: str,
    path: str,
    body: Any = None,
    content_type: str = "application/json",
    accept: str = "application/json",
    query: Mapping[str, str] | None = None,
) -> tuple[int, Any]:
    """A request as it is, past the product's functions: the status and the body."""
    answer = api.transport.request(method, path, query=query, body=body, content_type=content_type, accept=accept)
    try:
        return answer.status, json.loads(answer.body)
    except ValueError:
        return answer.status, answer.body.decode()


def target(kind: Kind, namespace: str, name: str) -> Target:
    return Target("", kind.api_version, kind.kind, namespace if kind.namespaced else "", name)


def thing(kind: Kind, namespace: str, name: str, **parts: Any) -> Json:
    meta = {"name": name, **({"namespace": namespace} if kind.namespaced else {}), **parts.pop("metadata", {})}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **parts}


def config_map(namespace: str, name: str, data: Mapping[str, str] | None = None, **metadata: Any) -> Json:
    return thing(kinds.CONFIG_MAP, namespace, name, metadata=metadata, data={"a": "1"} if data is None else dict(data))


def deployment(namespace: str, name: str, replicas: int | None = 1, **spec: Any) -> Json:
    labels = {"conformance": name}
    container = {"name": "app", "image": "echo", **spec.pop("container", {})}
    pod = {"containers": [container], **spec.pop("pod", {})}
    template = {"metadata": {"labels": {**labels, **spec.pop("labels", {})}}, "spec": pod}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return thing(kinds.DEPLOYMENT, namespace, name, spec=whole | ({} if replicas is None else {"replicas": replicas}))


def service(namespace: str, name: str, **spec: Any) -> Json:
    meta = spec.pop("metadata", {})
    ports = spec.pop("ports", [{"name": "tls", "port": 15443, "protocol": "TCP", "targetPort": 15443}])
    return thing(
        kinds.SERVICE, namespace, name, metadata=meta, spec={"selector": {"conformance": name}, "ports": ports, **spec}
    )


def managers(obj: Json) -> set[tuple[str, str]]:
    """(manager, operation) of who owns fields, but for what controllers write by themselves."""
    entries = obj["metadata"].get("managedFields", ())
    return {
        (entry["manager"], entry["operation"]) for entry in entries if entry["manager"] != "kube-controller-manager"
    }
