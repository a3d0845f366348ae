"""Watches: one JSON event per line, starting at a version, until the client leaves or the watch times out."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from simulator import errors
from simulator.api import Request, Route, partial, route, selection

if TYPE_CHECKING:
    from simulator.member import Member
    from simulator.resources import Json
    from simulator.store import Event

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


class Feed:
    """The part of the cluster's events that one watch gets to see."""

    def __init__(self, member: Member, request: Request, at: Route) -> None:
        self.store, self.at, self.matches, self.bare = (
            member.cluster.store,
            at,
            selection(request, at.resource),
            partial(request),
        )
        text = request.query.get("resourceVersion", "")
        self.version = int(text) if text.isdigit() else 0

    def begin(self) -> list[Json]:
        """Return everything there is, if no version was requested. Raise ApiError 410 for a version that is too old."""
        if self.version:
            if self.store.since(self.version) is None:
                raise errors.gone(self.version, self.store.oldest)
            return []
        with self.store.lock:
            self.version = self.store.version
            items = self.store.list(self.at.resource, self.at.namespace)
        return [self._event("ADDED", item) for item in items if self._shows(item)]

    def next(self) -> list[Json]:
        events = self.store.since(self.version)
        if events is None:
            return [{"type": "ERROR", "object": errors.gone(self.version, self.store.oldest).status}]
        if events:
            self.version = events[-1].version
        return [shown for event in events if (shown := self._translate(event)) is not None]

    def _translate(self, event: Event) -> Json | None:
        if event.resource is not self.at.resource:
            return None
        was = event.old is not None and self._shows(event.old)
        shown = event.type != "DELETED" and self._shows(event.new)
        if not was and not shown:
            return None
        kind = "MODIFIED" if was and shown else "ADDED" if shown else "DELETED"
        return self._event(kind, event.new)

    def _shows(self, obj: Json) -> bool:
        meta = obj["metadata"]
        if self.at.namespace and meta.get("namespace") != self.at.namespace:
            return False
        if self.at.name and meta["name"] != self.at.name:
            return False
        return self.matches is None or self.matches(obj)

    def _event(self, kind: str, obj: Json) -> Json:
        if self.bare:
            obj = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
        return {"type": kind, "object": obj}


def _chunk(events: list[Json]) -> bytes:
    data = b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


async def watch(member: Member, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve a watch. Raise ApiError only before the first byte."""
    at = route(request.path)
    member.api.authorize(request, at, "watch")
    feed = Feed(member, request, at)
    first = feed.begin()
    loop, wake = asyncio.get_running_loop(), asyncio.Event()

    def listen(event: Any) -> None:
        loop.call_soon_threadsafe(wake.set)

    member.cluster.store.listeners.append(listen)
    fault = member.fault
    try:
        writer.write(_HEAD + _chunk(first))
        until = loop.time() + float(request.query.get("timeoutSeconds") or 1800)
        while not reader.at_eof() and not writer.is_closing() and member.fault is fault:
            wake.clear()
            writer.write(_chunk(feed.next()))
            await writer.drain()
            left = until - loop.time()
            if left <= 0:
                writer.write(b"0\r\n\r\n")
                return await writer.drain()
            try:
                await asyncio.wait_for(wake.wait(), min(left, 0.5))
            except TimeoutError:
                continue
        raise ConnectionAbortedError
    finally:
        member.cluster.store.listeners.remove(listen)
