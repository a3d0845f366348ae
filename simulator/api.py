"""Turns a request into its answer: routes, users, access reviews, selectors, paging and discovery. No sockets here."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import errors
from simulator.cluster import Cluster, Write, parse
from simulator.resources import BY_PLURAL, RESOURCES, Json, Resource
from simulator.selectors import Predicate, field_selector, label_selector

VERSION: Json = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "gitVersion": "v1.36.1+simulated",
    "gitCommit": "simulated",
    "gitTreeState": "clean",
    "buildDate": "2026-05-01T00:00:00Z",
    "goVersion": "go1.26",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PATCHES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


@dataclass(frozen=True, slots=True)
class Route:
    """What a path refers to. `name` is empty for a collection."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(slots=True)
class Request:
    """One request to one cluster. `path` is the part after the cluster's own prefix."""

    cluster: str
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = ""

    @property
    def manager(self) -> str:
        """The field manager, chosen as the API server does: from the query, else the program name in the user agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").split("/")[0] or "unknown"

    @property
    def dry_run(self) -> bool:
        if self.method == "DELETE" and self.body.strip():  # the options in the body replace those in the query
            return b"dryRun" in self.body
        return bool(self.query.get("dryRun"))

    @property
    def writes(self) -> bool:
        return (
            self.method in _VERBS
            and not self.dry_run
            and not self.path.startswith(("/apis/authorization", "/apis/authentication"))
        )

    @property
    def watches(self) -> bool:
        return self.method == "GET" and self.query.get("watch", "") in ("1", "true")


@dataclass(slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def respond(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body, separators=(",", ":")).encode())


def refuse(error: errors.ApiError) -> Response:
    if isinstance(error, errors.PlainNotFound):
        return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
    response = respond(error.status, error.code)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission: `*` matches everything; empty `names` means every name."""

    verbs: tuple[str, ...] = ("*",)
    groups: tuple[str, ...] = ("*",)
    resources: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ()

    def covers(self, verb: str, group: str, resource: str, namespace: str, name: str) -> bool:
        pairs = ((self.verbs, verb), (self.groups, group), (self.resources, resource), (self.namespaces, namespace))
        return all("*" in allowed or value in allowed for allowed, value in pairs) and (
            not self.names or name in self.names
        )

    @property
    def rule(self) -> Json:
        told: Json = {"verbs": list(self.verbs), "apiGroups": list(self.groups), "resources": list(self.resources)}
        return told | ({"resourceNames": list(self.names)} if self.names else {})


_OF_EVERYBODY = (
    Grant(("create",), ("authorization.k8s.io",), ("selfsubjectaccessreviews", "selfsubjectrulesreviews")),
    Grant(("create",), ("authentication.k8s.io",), ("selfsubjectreviews",)),
)


class Access:
    """Users by token, and what each may do.

    Every `…-admin-token` belongs to the admin, every `…-nobody-token` to a user without permissions.
    """

    def __init__(self) -> None:
        self.grants: dict[str, Sequence[Grant]] = {"admin": (Grant(),), "nobody": ()}
        self.revoked: set[str] = set()

    def user(self, token: str) -> str:
        """Return the user that the token belongs to. Raise ApiError 401 if the token isn't valid."""
        name = token.removesuffix("-token").rpartition("-")[2]
        if not token.endswith("-token") or name not in self.grants or token in self.revoked:
            raise errors.unauthorized()
        return name

    def rules(self, user: str, namespace: str) -> list[Json]:
        """Return the rules by which a user may do things in a namespace, as a SelfSubjectRulesReview tells them."""
        grants = [each for each in self.grants.get(user, ()) if {"*", namespace} & set(each.namespaces)]
        return [*(each.rule for each in grants), *(each.rule for each in _OF_EVERYBODY)]

    def allows(self, user: str, verb: str, group: str, resource: str, namespace: str = "", name: str = "") -> bool:
        return any(grant.covers(verb, group, resource, namespace, name) for grant in self.grants.get(user, ()))


_VERSIONS = {item.api_version for item in RESOURCES}


def route(path: str) -> Route:
    """Return the route of a path. Raise ApiError 404 if nothing is served there."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        version, rest = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        raise errors.PlainNotFound
    if version not in _VERSIONS:
        raise errors.PlainNotFound
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (version != "v1" or rest[2] not in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
    resource = BY_PLURAL.get((version, rest[0]))
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise errors.no_such_path()
    name, subresource = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    if (subresource and subresource not in resource.subresources) or (name and resource.namespaced and not namespace):
        raise errors.no_such_path()
    return Route(resource, namespace, name, subresource)


class Api:
    """The API of one cluster."""

    def __init__(self, cluster: Cluster, access: Access | None = None) -> None:
        self.cluster = cluster
        self.access = access or Access()

    def authenticate(self, request: Request) -> None:
        """Set the request's user. Raise ApiError 401 if its token isn't valid."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise errors.unauthorized()
        request.user = self.access.user(token.strip())

    def authorize(self, request: Request, at: Route, verb: str) -> None:
        """Raise ApiError 403 unless the request's user is allowed to do this."""
        plural = f"{at.resource.plural}/{at.subresource}" if at.subresource else at.resource.plural
        namespace = at.name if at.resource.kind == "Namespace" else at.namespace
        if not self.access.allows(request.user, verb, at.resource.group, plural, namespace, at.name):
            raise errors.forbidden(request.user, verb, at.resource, namespace, at.name, at.subresource)

    def answer(self, request: Request) -> Response:
        """Return the answer to any request except watches and port-forward. Raise ApiError for a refusal."""
        fixed = self._fixed(request)
        if fixed is not None:
            return fixed
        at = route(request.path)
        verb = _VERBS.get(request.method) or ("get" if at.name else "list")
        verb = "deletecollection" if verb == "delete" and not at.name else verb
        self.authorize(request, at, verb)
        if request.method == "GET":
            return self._read(request, at)
        if not at.name and request.method == "DELETE":
            return respond(self._delete_all(request, at))
        if not at.name and request.method != "POST":
            raise errors.ApiError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
            )
        write = Write(self._manager(request), at.subresource, request.dry_run, request.query.get("force") == "true")
        obj, status = self._write(request, at, write)
        return respond(obj if obj.get("kind") == "Status" else self._shown(at.resource, obj, request), status)

    def _delete_all(self, request: Request, at: Route) -> Json:
        """Delete everything that a list with the same request would return, and return that list."""
        found = self._list(request, at)
        options = parse(request.body) if request.body.strip() else _delete_options(request)
        for item in found["items"]:
            self.cluster.delete(
                at.resource, at.namespace, item["metadata"]["name"], options, bool(options.get("dryRun"))
            )
        return found

    def _manager(self, request: Request) -> str:
        applies = request.headers.get("content-type", "").startswith("application/apply-patch")
        return request.query.get("fieldManager", "") if applies else request.manager

    def _write(self, request: Request, at: Route, write: Write) -> tuple[Json, int]:
        if request.method == "DELETE":
            options = parse(request.body) if request.body.strip() else _delete_options(request)
            return self.cluster.delete(at.resource, at.namespace, at.name, options, bool(options.get("dryRun"))), 200
        if at.subresource == "scale":
            return self._scale(request, at, write), 200
        if request.method == "PATCH":
            return self._patch(request, at, write)
        if request.method == "PUT":
            return self.cluster.replace(at.resource, at.namespace, at.name, parse(request.body), write), 200
        return self.cluster.create(at.resource, at.namespace, parse(request.body), write), 201

    def _patch(self, request: Request, at: Route, write: Write) -> tuple[Json, int]:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip()
        kind = PATCHES.get(content_type)
        if kind is None or (kind == "strategic" and at.resource.custom):
            raise errors.unsupported_media(at.resource)
        body = parse(request.body)
        if kind == "apply":
            obj, created = self.cluster.apply(at.resource, at.namespace, at.name, body, write)
            return obj, 201 if created else 200
        return self.cluster.patch(at.resource, at.namespace, at.name, kind, body, write), 200

    def _scale(self, request: Request, at: Route, write: Write) -> Json:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip()
        kind = "merge" if request.method == "PUT" else PATCHES.get(content_type, "")
        body = parse(request.body)
        if kind == "json":
            patch: Any = body
        elif kind in ("merge", "strategic"):
            patch = {"spec": {"replicas": body.get("spec", {}).get("replicas")}}
        else:
            raise errors.unsupported_media(at.resource)
        return scale_of(self.cluster.patch(at.resource, at.namespace, at.name, kind, patch, write))

    def _read(self, request: Request, at: Route) -> Response:
        if at.name:
            obj = self.cluster.get(at.resource, at.namespace, at.name)
            return respond(scale_of(obj) if at.subresource == "scale" else self._shown(at.resource, obj, request))
        return respond(self._list(request, at))

    def _list(self, request: Request, at: Route) -> Json:
        begun = _begun(request)
        with self.cluster.store.lock:
            version, items = self.cluster.store.version, self.cluster.store.list(at.resource, at.namespace)
        if begun is not None:
            version = begun.version
            before = self.cluster.store.list_at(at.resource, at.namespace, version)
            if before is None:
                raise errors.list_expired()
            items = before
        matches = selection(request, at.resource)
        selected = [item for item in items if matches(item)] if matches else items
        page, meta = _page(selected, request, version, begun, matches is not None)
        if partial(request):
            shown = [self._shown(at.resource, item, request) for item in page]
            return {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": meta,
                "items": shown,
            }
        if not at.resource.custom:  # built-in kinds don't repeat kind and apiVersion in each item of a list
            page = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in page]
        return {
            "kind": f"{at.resource.kind}List",
            "apiVersion": at.resource.api_version,
            "metadata": meta,
            "items": page,
        }

    def _shown(self, resource: Resource, obj: Json, request: Request) -> Json:
        return (
            {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
            if partial(request)
            else obj
        )

    def _fixed(self, request: Request) -> Response | None:
        path = request.path.rstrip("/") or "/"
        if path == "/version":
            return respond(VERSION)
        if path in ("/readyz", "/livez", "/healthz"):
            return Response(200, b"ok", "text/plain; charset=utf-8")
        review = _REVIEWS.get(path)
        if review is not None and request.method == "POST":
            return respond(review(self, request), 201)
        found = discovery(path)
        return respond(found) if found is not None and request.method == "GET" else None


def _access_review(api: Api, request: Request) -> Json:
    body = parse(request.body)
    wanted = (body.get("spec") or {}).get("resourceAttributes") or {}
    plural = "/".join(filter(None, (wanted.get("resource", "*"), wanted.get("subresource", ""))))
    place = (wanted.get("namespace", ""), wanted.get("name", ""))
    allowed = api.access.allows(request.user, wanted.get("verb", "*"), wanted.get("group", ""), plural, *place)
    return {**body, "metadata": {}, "status": {"allowed": allowed}}


def _rules_review(api: Api, request: Request) -> Json:
    body = parse(request.body)
    namespace = (body.get("spec") or {}).get("namespace", "")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    rules = api.access.rules(request.user, namespace)
    nonresource = [
        {"verbs": ["get"], "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/version"]}
    ]
    status = {"resourceRules": rules, "nonResourceRules": nonresource, "incomplete": False}
    return {**body, "metadata": {}, "spec": {}, "status": status}


def _self_review(api: Api, request: Request) -> Json:
    body = parse(request.body)
    return {
        **body,
        "metadata": {},
        "status": {"userInfo": {"username": request.user, "groups": ["system:authenticated"]}},
    }


_REVIEWS: dict[str, Callable[[Api, Request], Json]] = {
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": _access_review,
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": _rules_review,
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": _self_review,
}


def _delete_options(request: Request) -> Json:
    """Return the delete options from the query. The real server reads them there only when the request has no body."""
    options: Json = {key: request.query[key] for key in ("propagationPolicy", "dryRun") if key in request.query}
    if "gracePeriodSeconds" in request.query:
        options["gracePeriodSeconds"] = int(request.query["gracePeriodSeconds"])
    return options


def partial(request: Request) -> bool:
    return "as=PartialObjectMetadata" in request.headers.get("accept", "")


def selection(request: Request, resource: Resource) -> Predicate | None:
    """Return the request's selectors as one test; None without selectors. Raise ApiError 400 for an invalid one."""
    labels = label_selector(request.query.get("labelSelector", ""))
    fields = field_selector(request.query.get("fieldSelector", ""), resource)
    if labels is None or fields is None:
        return labels or fields
    return lambda obj: labels(obj) and fields(obj)


@dataclass(frozen=True, slots=True)
class _Begun:
    """Where a paged list continues: its version, and the namespace and name that it continues after."""

    version: int
    after: tuple[str, str]


def _begun(request: Request) -> _Begun | None:
    token = request.query.get("continue")
    if not token:
        return None
    try:
        state = json.loads(base64.urlsafe_b64decode(token))
        return _Begun(int(state["version"]), (state["after"][0], state["after"][1]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise errors.bad_request("invalid continue token: continue key is not valid: illegal base64 data") from error


def _page(
    items: list[Json], request: Request, version: int, begun: _Begun | None, selected: bool
) -> tuple[list[Json], Json]:
    meta: Json = {"resourceVersion": str(version)}
    limit = int(request.query.get("limit") or 0)
    if begun is not None:
        items = [
            item for item in items if (item["metadata"].get("namespace", ""), item["metadata"]["name"]) > begun.after
        ]
    if not limit or len(items) <= limit:
        return items, meta
    last = items[limit - 1]["metadata"]
    state = {"version": version, "after": [last.get("namespace", ""), last["name"]]}
    meta["continue"] = base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
    if not selected:
        meta["remainingItemCount"] = len(items) - limit
    return items[:limit], meta


def scale_of(obj: Json) -> Json:
    meta = {
        key: obj["metadata"][key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        if key in obj["metadata"]
    }
    labels, replicas = obj["spec"].get("selector", {}).get("matchLabels", {}), obj["spec"].get("replicas", 0)
    status = {
        "replicas": obj.get("status", {}).get("replicas", 0),
        "selector": ",".join(f"{key}={value}" for key, value in labels.items()),
    }
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def discovery(path: str) -> Json | None:
    """Return the list of groups, versions or resources at a discovery path; None for any other path."""
    groups = sorted({item.group for item in RESOURCES} - {""})
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}
    version = path.removeprefix("/apis/") if path.startswith("/apis/") else path.removeprefix("/api/")
    if version in groups and path.startswith("/apis/"):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(version)}
    found = [
        item
        for item in RESOURCES
        if item.api_version == version and path.startswith("/apis/" if item.group else "/api/")
    ]
    if not found:
        return None
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    resources = []
    for item in found:
        entry = {
            "name": item.plural,
            "singularName": item.kind.lower(),
            "namespaced": item.namespaced,
            "kind": item.kind,
        }
        resources.append({**entry, "verbs": verbs})
        resources += [
            {**entry, "name": f"{item.plural}/{sub}", "singularName": "", "verbs": ["get", "patch", "update"]}
            for sub in item.subresources
        ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _group(name: str) -> Json:
    versions = sorted({item.version for item in RESOURCES if item.group == name})
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}
