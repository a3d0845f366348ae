"""The objects of one cluster: in memory, versioned, watched. Nobody changes in place what the store returns."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from simulator.resources import BY_KIND, RESOURCES, Json, Resource

HISTORY = 4096

Name = tuple[str, str]  # namespace, name


class Event(NamedTuple):
    """One change. `old` is None for ADDED; for DELETED, `new` carries the version of the deletion."""

    version: int
    type: str
    resource: Resource
    old: Json | None
    new: Json


Listener = Callable[[Event], None]
Items = list[Json]
Owned = list[tuple[Resource, Json]]
Events = list[Event]


class Store:
    """The objects, with their history.

    `lock` is held for each read-modify-write. Listeners are called while it is held, and must be quick.
    """

    def __init__(self, version: int = 1000) -> None:
        self.lock = threading.RLock()
        self.version = version
        self.history: deque[Event] = deque(maxlen=HISTORY)
        self._loaded = 0
        self.listeners: list[Listener] = []
        self._objects: dict[Resource, dict[Name, Json]] = {resource: {} for resource in RESOURCES}
        self._owned: dict[str, dict[tuple[Resource, Name], None]] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        return self._objects[resource].get((namespace, name))

    def list(self, resource: Resource, namespace: str = "") -> Items:
        with self.lock:
            found = sorted(self._objects[resource].items())
        return [item for (space, _), item in found if not namespace or space == namespace]

    def put(self, resource: Resource, obj: Json) -> Json:
        """Store `obj` under the next resourceVersion. The caller must not change it afterwards."""
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        with self.lock:
            old = self._objects[resource].get(key)
            self.version += 1
            obj = {**obj, "metadata": {**meta, "resourceVersion": str(self.version)}}
            self._objects[resource][key] = obj
            self._index(resource, key, old, obj)
            self._tell(Event(self.version, "MODIFIED" if old else "ADDED", resource, old, obj))
        return obj

    def remove(self, resource: Resource, namespace: str, name: str) -> Json | None:
        with self.lock:
            old = self._objects[resource].pop((namespace, name), None)
            if old is None:
                return None
            self._index(resource, (namespace, name), old, None)
            self.version += 1
            last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
            self._tell(Event(self.version, "DELETED", resource, old, last))
        return last

    def owned_by(self, uid: str) -> Owned:
        """Return the objects with an ownerReference to `uid`."""
        with self.lock:
            return [(resource, self._objects[resource][key]) for resource, key in self._owned.get(uid, ())]

    def all(self) -> Iterator[tuple[Resource, Json]]:
        for resource in RESOURCES:
            for obj in self.list(resource):
                yield resource, obj

    def list_at(self, resource: Resource, namespace: str, version: int) -> Items | None:
        """Return what `list` returned when `version` was the newest; None if that has been forgotten."""
        with self.lock:
            found = dict(self._objects[resource])
            events = self.since(version)
        if events is None:
            return None
        for event in reversed(events):
            key = (event.new["metadata"].get("namespace", ""), event.new["metadata"]["name"])
            if event.resource is not resource:
                continue
            if event.old is None:
                found.pop(key, None)
            else:
                found[key] = event.old
        return [item for (space, _), item in sorted(found.items()) if not namespace or space == namespace]

    @property
    def oldest(self) -> int:
        """The version since which every change is known."""
        return self.history[0].version - 1 if len(self.history) == HISTORY else self._loaded

    def since(self, version: int) -> Events | None:
        """Return the events after `version`; None if some of them have been forgotten."""
        with self.lock:
            if version < self.oldest:
                return None
            newest: Events = []
            for event in reversed(self.history):
                if event.version <= version:
                    break
                newest.append(event)
        return newest[::-1]

    def dump(self) -> Json:
        with self.lock:
            return {"version": self.version, "objects": [obj for _, obj in self.all()]}

    def load(self, state: Json) -> None:
        """Restore what `dump` returned, without notifying the listeners."""
        with self.lock:
            self.version = self._loaded = state["version"]
            for obj in state["objects"]:
                resource = BY_KIND[obj["apiVersion"], obj["kind"]]
                key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
                self._objects[resource][key] = obj
                self._index(resource, key, None, obj)

    def _index(self, resource: Resource, key: Name, old: Json | None, new: Json | None) -> None:
        for obj in (old, new):
            for owner in (obj or {}).get("metadata", {}).get("ownerReferences", ()):
                children = self._owned.setdefault(owner["uid"], {})
                if obj is new:
                    children[resource, key] = None
                else:
                    children.pop((resource, key), None)
                    if not children:
                        del self._owned[owner["uid"]]

    def _tell(self, event: Event) -> None:
        self.history.append(event)
        for listener in self.listeners:
            listener(event)
