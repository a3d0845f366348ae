"""A cluster's API as plain dictionaries: one function per thing that the console does to objects."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from interconnect.domain.entries import FIELD_MANAGER, Target
from interconnect.domain.json_types import Json
from interconnect.kube import kinds
from interconnect.kube.errors import Call, Conflict, KubeError, NotFound, Permanent, Temporary, from_response, plain
from interconnect.kube.patience import patiently
from interconnect.kube.reading import items, mapping
from interconnect.kube.redaction import MASK
from interconnect.kube.transport import Response, Transport, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from interconnect.kube.kinds import Kind

# inside the class the name `list` means its method
Objects = list[Json]
PAGE = 500
_METADATA = "application/json;as=PartialObjectMetadata{list};g=meta.k8s.io;v=v1"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_APPLY = "application/apply-patch+yaml"
LIST_DEADLINE = 60.0
MOST_OBJECTS = 100_000
MOST_SHORT_PAGES = 100  # pages that hold less than was asked for and say that there is more


class Event(NamedTuple):
    """One change of a watch: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Json


class Api:
    """The API of one cluster. All errors are KubeErrors: `Temporary`, `Permanent`, `NotFound` and `Conflict` say what
    can be done.
    """

    def __init__(self, transport: Transport, *, deadline: float | None = None) -> None:
        self.transport = transport
        self.deadline = transport.deadline if deadline is None else min(deadline, transport.deadline)

    def within(self, seconds: float) -> Api:
        """Return this API with a shorter deadline for each call."""
        return Api(self.transport, deadline=seconds)

    def __repr__(self) -> str:
        return f"Api({self.transport!r})"

    def get(self, kind: Kind, name: str, namespace: str = "", *, metadata_only: bool = False) -> Json | None:
        """Return the object; None only when the API server itself says that it doesn't exist."""
        accept = _METADATA.format(list="") if metadata_only else "application/json"
        call = Call("get", kind.resource, namespace, name)
        try:
            return _object(self._ask("GET", kind.path(namespace, name), call, accept=accept).json())
        except NotFound:
            return None

    def read(self, target: Target) -> Json | None:
        """Return the object that is, or that holds, the target."""
        return self.get(kinds.of_target(target), target.name, target.namespace)

    def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        deadline: float = LIST_DEADLINE,
    ) -> Objects:
        """Return all objects, as `each` gives them one by one."""
        asked = {"labels": labels, "fields": fields}
        return [*self.each(kind, namespace, **asked, metadata_only=metadata_only, deadline=deadline)]

    def each(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
        deadline: float = LIST_DEADLINE,
    ) -> Iterator[Json]:
        """Yield all objects, page by page, within `deadline` seconds and the transport's size limit together: Temporary
        `timeout` with the phase `list` when all pages take longer, each of which may have come in time.

        Of `metadata_only` objects `managedFields` are left out, which are most of a Pod's metadata; for them the size
        limit is for each page, and Permanent `too-many` is raised for more than MOST_OBJECTS. `labels` and `fields` are
        selectors in Kubernetes' notation; an empty namespace means all.
        """
        accept = _METADATA.format(list="List") if metadata_only else "application/json"
        query = (
            {"limit": str(PAGE)}
            | ({"labelSelector": labels} if labels else {})
            | ({"fieldSelector": fields} if fields else {})
        )
        call, path = Call("list", kind.resource, namespace), kind.path(namespace)
        pages = _Pages()
        number, size, until = 0, 0, time.monotonic() + deadline
        while True:
            answer = self._page(path, call, until - time.monotonic(), query=query, accept=accept)
            size += 0 if metadata_only else len(answer.body)
            if size > self.transport.limit:
                raise Permanent("too-large", limit=self.transport.limit, **_named(call))
            page, more = _page(answer.json())
            number += len(page)
            if number > MOST_OBJECTS:
                raise Permanent("too-many", limit=MOST_OBJECTS, **_named(call))
            yield from map(_without_managers, page) if metadata_only else page
            if not more:
                return
            if pages.repeat(page, more):
                raise Permanent("endless-list", **_named(call))
            query = query | {"continue": more}

    def _page(self, path: str, call: Call, left: float, **options: Any) -> Response:
        """A page of a list that has so many seconds left."""
        late = Temporary("timeout", phase="list", **_named(call))
        if left <= 0:
            raise late
        try:
            return self._ask("GET", path, call, deadline=min(left, self.deadline), **options)
        except Temporary as error:
            if error.code == "timeout" and left < self.deadline:
                raise late from None
            raise

    def apply(
        self, manifest: Json, *, uid: str = "", manager: str = FIELD_MANAGER, force: bool = False, dry_run: bool = False
    ) -> Json:
        """Apply by server-side apply; return the object as it is afterwards. Raises Conflict with `causes` when others
        own fields with other values.

        With `uid`, nothing is created: Conflict when the name now belongs to another object, or to none.
        """
        kind, name, namespace = _address(manifest)
        query = {"fieldManager": manager, "force": str(force).lower()} | _dry(dry_run)
        call = Call("patch", kind.resource, namespace, name)
        with _same_object(uid):
            return self._write("PATCH", kind.path(namespace, name), call, _with_uid(manifest, uid), query, _APPLY)

    def create(self, manifest: Json, *, dry_run: bool = False) -> Json:
        """Create an object. Raises Conflict `already-exists` when the name is taken."""
        kind, name, namespace = _address(manifest)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        return self._write(
            "POST", kind.path(namespace), Call("create", kind.resource, namespace, name), manifest, query
        )

    def replace(self, manifest: Json, *, dry_run: bool = False) -> Json:
        """Replace an object by PUT. With `metadata.resourceVersion` in it, a change in between is a Conflict
        `conflict`.
        """
        kind, name, namespace = _address(manifest)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        return self._write(
            "PUT", kind.path(namespace, name), Call("update", kind.resource, namespace, name), manifest, query
        )

    def json_patch(self, target: Target, operations: Objects, *, dry_run: bool = False) -> Json:
        """Apply a JSON patch (RFC 6902). Raises Conflict `precondition` when a `test` fails."""
        try:
            return self._patch(target, operations, _JSON_PATCH, dry_run)
        except Permanent as error:
            tested = any(operation.get("op") == "test" for operation in operations)
            # API servers do not say which operation failed; with a field named it was validation, not the test
            if not tested or error.code != "invalid" or error.params.get("fields"):
                raise
            raise Conflict("precondition", evidence=error.evidence, **error.params) from None

    def merge_patch(self, target: Target, patch: Json, *, uid: str = "", dry_run: bool = False) -> Json:
        """Apply a merge patch. With `uid`, raises Conflict `precondition` when the name now belongs to another
        object.
        """
        with _same_object(uid):
            return self._patch(target, _with_uid(patch, uid), _MERGE, dry_run)

    def strategic_patch(self, target: Target, patch: Json, *, dry_run: bool = False) -> Json:
        return self._patch(target, patch, _STRATEGIC, dry_run)

    def delete(self, target: Target, *, uid: str = "", dry_run: bool = False) -> bool:
        """Delete an object, its dependents in the background; return whether it existed.

        With `uid`, raises Conflict `precondition` when the name now belongs to another object.
        """
        kind = kinds.of_target(target)
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        call = Call("delete", kind.resource, target.namespace, target.name)
        try:
            answer = self._ask("DELETE", kind.path(target.namespace, target.name), call, body=options)
        except NotFound:
            return False
        except Conflict as error:
            raise Conflict("precondition" if uid else error.code, evidence=error.evidence, **error.params) from None
        _check_deleted(answer.json(), call, uid)
        return True

    def watch(
        self, kind: Kind, namespace: str = "", *, version: str = "", labels: str = "", fields: str = "", deadline: float
    ) -> Iterator[Event]:
        """Yield changes after resource version `version` until the server ends the stream or `deadline` seconds have
        passed.

        The end isn't an error. Raises Temporary `expired` when the version is too old: list again.
        """
        query = {"watch": "true", "timeoutSeconds": str(max(int(deadline), 1)), "allowWatchBookmarks": "true"}
        query |= {"resourceVersion": version} if version else {}
        query |= ({"labelSelector": labels} if labels else {}) | ({"fieldSelector": fields} if fields else {})
        call = Call("watch", kind.resource, namespace)
        with self.transport.stream(kind.path(namespace), query=query, deadline=deadline + 1) as (answer, chunks):
            self._check(answer, call)
            try:
                for line in _lines(chunks, self.transport.limit):
                    yield self._event(line, call)
            except Temporary as error:
                if error.code != "timeout":
                    raise

    def review(
        self, verb: str, resource: str, *, group: str = "", subresource: str = "", namespace: str = "", name: str = ""
    ) -> bool:
        """Whether this credential is allowed to do that (SelfSubjectAccessReview)."""
        wanted = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": namespace,
            "name": name,
        }
        attributes = {key: value for key, value in wanted.items() if value}
        status = self._reviewed(kinds.ACCESS_REVIEW, {"resourceAttributes": attributes})
        # an authorizer that denies has the last word, whatever another one has allowed
        return status.get("allowed") is True and not status.get("denied")

    def rules(self, namespace: str) -> Objects:
        """Return rules by which this credential may do things in a namespace (SelfSubjectRulesReview), those of the
        whole cluster among them. There may be others that the API server doesn't tell.
        """
        return items(self._reviewed(kinds.RULES_REVIEW, {"namespace": namespace}), "resourceRules")

    def _reviewed(self, kind: Kind, spec: Json) -> Json:
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": spec}
        answer = self._ask("POST", kind.path(), Call("create", kind.resource), body=body)
        return mapping(answer.json(), "status")

    def version(self, *, deadline: float | None = None) -> str:
        """Return the API server's version, such as `v1.36.1`."""
        found = self._ask("GET", "/version", Call("get", "version"), deadline=deadline).json().get("gitVersion")
        if not isinstance(found, str) or len(found) > 100:
            raise Permanent("bad-body", resource="version")
        return found

    def _patch(self, target: Target, patch: Any, content_type: str, dry_run: bool) -> Json:
        kind = kinds.of_target(target)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        call = Call("patch", kind.resource, target.namespace, target.name)
        return self._write("PATCH", kind.path(target.namespace, target.name), call, patch, query, content_type)

    def _write(
        self,
        method: str,
        path: str,
        call: Call,
        body: Any,
        query: Mapping[str, str],
        content_type: str = "application/json",
    ) -> Json:
        if MASK in json.dumps(body):
            # what was read had to be masked: written back, the mask would take its place
            raise Permanent("repeats-credential", **_named(call))
        answer = _object(self._ask(method, path, call, body=body, query=query, content_type=content_type).json())
        uid = body.get("metadata", {}).get("uid", "") if isinstance(body, dict) else ""
        _check_same(answer, call, uid)
        return answer

    def _ask(self, method: str, path: str, call: Call, *, deadline: float | None = None, **options: Any) -> Response:
        seconds = self.deadline if deadline is None else deadline
        return patiently(lambda left: self._ask_once(method, path, call, deadline=left, **options), seconds)

    def _ask_once(self, method: str, path: str, call: Call, **options: Any) -> Response:
        try:
            answer = self.transport.request(method, path, **options)
        except KubeError as error:
            error.params.update(_named(call) | error.params)
            raise
        self._check(answer, call)
        return answer

    def _check(self, answer: Response, call: Call) -> None:
        if not 200 <= answer.status < 300:
            raise from_response(answer.status, answer.headers, answer.body, call, self.transport.secrets)

    def _event(self, line: bytes, call: Call) -> Event:
        value = parse_object(self.transport.redactor.body(line))
        kind, changed = value.get("type"), value.get("object")
        if not isinstance(kind, str) or not isinstance(changed, dict):
            raise Permanent("bad-body", **_named(call))
        if kind == "ERROR":
            code = changed.get("code")
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise from_response(
                status, {}, json.dumps({**changed, "kind": "Status"}).encode(), call, self.transport.secrets
            )
        return Event(kind, _object(changed, named=kind != "BOOKMARK"))


class _Pages:
    """What the pages of a list have been so far: a list that comes back to where it was, or says nothing for long, has
    no end.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._short = 0

    def repeat(self, page: Objects, more: str) -> bool:
        first = page[0]["metadata"] if page else {}
        marks = (
            {f"token {more}", f"object {first.get('namespace', '')}/{first.get('name')}"} if page else {f"token {more}"}
        )
        self._short += len(page) < PAGE
        if marks & self._seen or self._short > MOST_SHORT_PAGES:
            return True
        self._seen |= marks
        return False


def _check_same(answer: Json, call: Call, uid: str) -> None:
    """Permanent `other-object` where the answer to a write is about another object than the one that was written."""
    metadata = answer["metadata"]
    wanted = {"name": call.name, "namespace": call.namespace, "uid": uid}
    if any(value and str(metadata.get(key, "")) != value for key, value in wanted.items()):
        found = "/".join(str(metadata[key]) for key in ("namespace", "name") if metadata.get(key))
        raise Permanent("other-object", found=plain(found), **_named(call))


def _check_deleted(answer: Json, call: Call, uid: str) -> None:
    """The same of a deletion, which is answered with the object that is leaving or with a Status about it."""
    if answer.get("kind") != "Status":
        _check_same(_object(answer), call, uid)
        return
    details = answer.get("details")
    said = details if isinstance(details, dict) else {}
    named = {key: said[key] for key in ("name", "uid") if said.get(key)}
    _check_same({"metadata": {"name": call.name, "namespace": call.namespace, "uid": uid} | named}, call, uid)


def _named(call: Call) -> dict[str, Any]:
    return {key: value for key, value in call._asdict().items() if value}


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _with_uid(content: Json, uid: str) -> Json:
    return {**content, "metadata": {**content.get("metadata", {}), "uid": uid}} if uid else content


@contextmanager
def _same_object(uid: str) -> Iterator[None]:
    """API servers call it an invalid change of the UID when the object that a patch names has been
    replaced by another.
    """
    try:
        yield
    except Permanent as error:
        if not uid or error.code != "invalid" or set(error.params.get("fields", ())) != {"metadata.uid"}:
            raise
        raise Conflict("precondition", evidence=error.evidence, **error.params) from None


def _address(manifest: Json) -> tuple[Kind, str, str]:
    kind = kinds.of(manifest["apiVersion"], manifest["kind"])
    return kind, manifest["metadata"]["name"], manifest["metadata"].get("namespace", "") if kind.namespaced else ""


def _object(value: Any, *, named: bool = True) -> Json:
    """An object with the metadata that everything else relies on."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(metadata, dict) or (named and not isinstance(metadata.get("name"), str)):
        raise Permanent("bad-body")
    sound = all(_strings(metadata.get(key)) for key in ("labels", "annotations")) and _managed(metadata)
    if not sound or not all(isinstance(metadata.get(key), str | None) for key in ("namespace", "uid")):
        raise Permanent("bad-body")
    return dict(value)


def _strings(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _managed(metadata: Json) -> bool:
    """Whether its managedFields are entries of a manager's name and a tree, as far as they are there."""
    entries = metadata.get("managedFields")
    if not isinstance(entries, list | None):
        return False
    return all(
        isinstance(entry, dict)
        and isinstance(entry.get("manager"), str | None)
        and isinstance(entry.get("fieldsV1"), dict | None)
        for entry in entries or ()
    )


def _page(value: Json) -> tuple[Objects, str]:
    entries, metadata = value.get("items"), value.get("metadata")
    if not isinstance(entries, list | None) or not isinstance(metadata, dict):
        raise Permanent("bad-body")
    more = metadata.get("continue")
    if not isinstance(more, str | None):
        raise Permanent("bad-body")
    return [_object(entry) for entry in entries or ()], more or ""


def _without_managers(item: Json) -> Json:
    item["metadata"].pop("managedFields", None)
    return item


def _lines(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > limit:
            raise Permanent("too-large", limit=limit)
        yield from (line for line in whole if line.strip())
