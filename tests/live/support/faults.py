"""What others break on the clusters of a mesh that works: each is broken inside of a `with`, and fixed at its end."""

from __future__ import annotations

import copy
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import yaml

from tests.live.support.installation import NETWORK_LABEL, eventually
from tests.live.support.meshfile import CLUSTER, SERVICE
from tests.live.support.policy import limit, put_in_force

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interconnect.domain.json_types import Json
    from tests.live.support.installation import Live

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
ISSUER, ACCOUNT = "https://kubernetes.default.svc", "console-of-a-test"
TAG = "istio-revision-tag-prod"


class Faults:
    """Faults of one installation, of its groups and clusters by name."""

    # How long a token of `kubeconfig` is good: long enough to be stored, and to end before the tests do.
    seconds = 60.0

    def __init__(self, live: Live) -> None:
        self.live = live

    # Of a gateway.

    @contextmanager
    def scaled_to_nothing(self, group: str) -> Iterator[None]:
        """Somebody scales the gateway to 0, as `kubectl scale` does it."""
        path = f"{self._deployment(group)}/scale"
        self._merge(group, path, {"spec": {"replicas": 0}})
        try:
            yield
        finally:
            self._merge(group, path, {"spec": {"replicas": 1}})

    @contextmanager
    def another_address(self, group: str) -> Iterator[str]:
        """The load balancer of the gateway says another address."""
        path, name = self._service(group), "elsewhere.example.org"
        before = self.live.load_balancer(CLUSTER[group], SERVICE[group])
        self._merge(group, path, {"metadata": {"annotations": {"cloud.rig/hostname": name}}})
        try:
            assert eventually(lambda: self.live.load_balancer(CLUSTER[group], SERVICE[group]) == {name})
            yield name
        finally:
            self._merge(group, path, {"metadata": {"annotations": {"cloud.rig/hostname": None}}})
            assert eventually(lambda: self.live.load_balancer(CLUSTER[group], SERVICE[group]) == before)

    @contextmanager
    def labelled(self, group: str) -> Iterator[None]:
        """Somebody puts the network's label on the gateway's Service: istiod registers its address by itself."""
        self._merge(group, self._service(group), {"metadata": {"labels": {NETWORK_LABEL: group}}})
        try:
            yield
        finally:
            self._merge(group, self._service(group), {"metadata": {"labels": {NETWORK_LABEL: None}}})

    @contextmanager
    def quota(self, group: str) -> Iterator[None]:
        """The Pods of the gateway end, and a quota allows no new ones."""
        api, namespace = self.live.api(CLUSTER[group]), f"/api/v1/namespaces/{self.live.system}"
        path, name = f"{namespace}/resourcequotas", "no-pods"
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}}
        api.create(path, {**quota, "spec": {"hard": {"pods": "0"}}})
        try:
            assert eventually(lambda: api.get(f"{path}/{name}").get("status", {}).get("hard"))
            for pod in self.live.pods(CLUSTER[group], self.live.system, "istio=eastwestgateway"):
                api.delete(f"{namespace}/pods/{pod['metadata']['name']}")
            yield
        finally:
            api.delete(f"{path}/{name}")

    @contextmanager
    def policy(self, group: str) -> Iterator[None]:
        """A policy lowers the CPU limit of the gateway; once it is gone, somebody puts the limit back."""
        before = limit(self._live_deployment(group))
        with ExitStack() as stack:
            put_in_force(self.live.api(CLUSTER[group]), stack.callback)
            assert eventually(lambda: limit(self._touched(group)) != before), "the policy doesn't come into force"
            yield
        assert eventually(lambda: limit(self._put_back(group, before)) == before), "the policy stays in force"

    def _touched(self, group: str) -> Json:
        """A policy changes what a controller updates, too."""
        return self._merge(group, self._deployment(group), {"metadata": {"annotations": {"example.org/seen": "1"}}})

    def _put_back(self, group: str, cpu: str) -> Json:
        containers = copy.deepcopy(self._live_deployment(group)["spec"]["template"]["spec"]["containers"])
        containers[0]["resources"]["limits"]["cpu"] = cpu
        return self._merge(group, self._deployment(group), {"spec": {"template": {"spec": {"containers": containers}}}})

    # Of a cluster.

    @contextmanager
    def stopped(self, group: str) -> Iterator[None]:
        """The API server of a cluster doesn't answer."""
        self.live.stop_cluster(CLUSTER[group])
        try:
            yield
        finally:
            self.live.start_cluster(CLUSTER[group])

    @contextmanager
    def new_tag(self, group: str) -> Iterator[None]:
        """The webhook of a tag comes, which knows nothing of the network."""
        api = self.live.api(CLUSTER[group])
        webhooks = copy.deepcopy(self._injector(group)["webhooks"])
        for each in webhooks:
            _rewrite(each["clientConfig"])
            each["objectSelector"] = {"matchLabels": {"istio.io/rev": "prod"}}
        meta = {"name": TAG, "labels": {"istio.io/tag": "prod", "istio.io/rev": "default"}}
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
        api.create(WEBHOOKS, {**kind, "metadata": meta, "webhooks": webhooks})
        try:
            yield
        finally:
            api.delete(f"{WEBHOOKS}/{TAG}")

    @contextmanager
    def rewritten_path(self, group: str) -> Iterator[None]:
        """An installer writes the injection path again, without the network."""
        found = self._injector(group)
        path, before = f"{WEBHOOKS}/{found['metadata']['name']}", found["webhooks"]
        rewritten = copy.deepcopy(before)
        for each in rewritten:
            _rewrite(each["clientConfig"])
        self._merge(group, path, {"webhooks": rewritten}, "istioctl")
        try:
            yield
        finally:
            self._merge(group, path, {"webhooks": before}, "istioctl")

    def _injector(self, group: str) -> Json:
        found = self.live.api(CLUSTER[group]).items(WEBHOOKS)
        return next(each for each in found if "/net/" in str(each.get("webhooks")))

    @contextmanager
    def account(self, group: str) -> Iterator[None]:
        """An account that `kubeconfig` gives tokens of."""
        api = self.live.api(CLUSTER[group])
        api.create(ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "default"}
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding"}
        api.create(BINDINGS, {**kind, "metadata": {"name": ACCOUNT}, "roleRef": role, "subjects": [subject]})
        try:
            yield
        finally:
            api.delete(f"{BINDINGS}/{ACCOUNT}")
            api.delete(f"{ACCOUNTS}/{ACCOUNT}")

    def kubeconfig(self, group: str) -> str:
        """A kubeconfig whose token ends soon; it is signed with the cluster's own key."""
        path = self.live.clusters[CLUSTER[group]].kubeconfig
        account = self.live.api(CLUSTER[group]).get(f"{ACCOUNTS}/{ACCOUNT}")["metadata"]
        named = {"namespace": "default", "serviceaccount": {"name": ACCOUNT, "uid": account["uid"]}}
        begun = int(time.time()) - 1
        claims = {"iss": ISSUER, "aud": [ISSUER], "iat": begun, "nbf": begun, "exp": int(begun + self.seconds)}
        claims |= {"sub": f"system:serviceaccount:default:{ACCOUNT}", "kubernetes.io": named}
        return with_token(path, jwt.encode(claims, path.with_name("sa.key").read_text(), "RS256"))

    @contextmanager
    def ended(self, group: str) -> Iterator[None]:
        """The token has ended, and the cluster refuses it: a real one does so by itself."""
        yield

    # Of the control plane.

    @contextmanager
    def no_istiod(self) -> Iterator[None]:
        """Somebody stops istiod."""
        path = f"/apis/apps/v1/namespaces/{self.live.system}/deployments/istiod/scale"
        before = len(self.live.istiods())
        self.live.hub.api.merge(path, {"spec": {"replicas": 0}})
        try:
            yield
        finally:
            self.live.hub.api.merge(path, {"spec": {"replicas": before}})
            assert eventually(lambda: len(self.live.istiods()) == before, 90)

    @contextmanager
    def no_networks(self) -> Iterator[None]:
        """Another manager empties meshNetworks."""
        before = self.live.networks()
        self.live.write_networks("networks: {}\n", manager="helm")
        try:
            yield
        finally:
            self.live.write_networks(before or "", manager="helm")

    def _deployment(self, group: str) -> str:
        return f"/apis/apps/v1/namespaces/{self.live.system}/deployments/{SERVICE[group]}"

    def _live_deployment(self, group: str) -> Json:
        return self.live.api(CLUSTER[group]).get(self._deployment(group))

    def _service(self, group: str) -> str:
        return f"/api/v1/namespaces/{self.live.system}/services/{SERVICE[group]}"

    def _merge(self, group: str, path: str, body: Json, manager: str = "somebody") -> Json:
        return self.live.api(CLUSTER[group]).merge(path, body, manager)


def _rewrite(config: Json) -> None:
    """Take the network out of a webhook's URL or path."""
    place: Any = config if "url" in config else config["service"]
    key = "url" if "url" in config else "path"
    place[key] = place[key].partition("/net/")[0]


def with_token(kubeconfig: Path, token: str) -> str:
    content = yaml.safe_load(kubeconfig.read_text())
    content["users"][0]["user"] = {"token": token}
    return yaml.safe_dump(content)
