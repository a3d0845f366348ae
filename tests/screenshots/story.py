"""The story: scenes that can be looked at, in an order in which each finds the console as it needs it, and acts between
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver, get_resolver

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

CHAPTERS = ("beginnings", "groups", "joining", "storefront", "clusters", "entrance")

# What answers, and is nothing to look at.
NO_PAGE = {
    "home": "leads to the meshes",
    "set_language": "goes back to where it came from",
    "mesh-status": "tabs, alerts and the strip of a running rollout, on every page of the mesh",
    "mesh-networks": "a form of the settings page",
    "mesh-istiod-url": "a form of the settings page",
    "meshes-csv": "a file, of the list of meshes",
    "checks-csv": "a file, of the checks page",
    "account-file": "a file, of the account for a member",
    "mesh-account-file": "a file, of the account for a new mesh",
    "checks-run": "a button of the checks page",
    "silence-end": "a button of the checks page",
    "alerts-dismiss": "a button of the critical findings",
    "member-remove": "a button of the members page",
    "rollout-dismiss": "a button of the failed rollout's alert",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Something to look at. `play` brings the browser there and may be played again in another language; it changes
    nothing.

    `urls` are the names of the URLs that it shows, `person` who looks, `whole` whether all of the page belongs to it or
    what is in the window, `fresh` that it is set in a console in which nothing is registered yet.
    """

    name: str
    play: Callable[[Stage], None]
    urls: tuple[str, ...] = ()
    person: str = "admin"
    whole: bool = True
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does once, on the pages (in English) or behind their backs."""

    name: str
    play: Callable[[Stage], None]


STORY: list[Scene | Act] = []


def scene(*urls: str, **options: Any) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    def told(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        STORY.append(Scene(_name(play), play, urls, **options))
        return play

    return told


def act(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
    STORY.append(Act(_name(play), play))
    return play


def _name(play: Callable[[Stage], None]) -> str:
    return play.__name__.replace("_", "-")


def story() -> list[Scene | Act]:
    """The whole of it, in its order."""
    for chapter in CHAPTERS:
        import_module(f"tests.screenshots.{chapter}")
    return STORY


def url_names() -> set[str]:
    """Of the console's own URLs; Django's administration has one picture, of its front page."""
    return set(_names(get_resolver().url_patterns))


def _names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for entry in patterns:
        if isinstance(entry, URLPattern):
            yield str(entry.name)
        elif entry.namespace != "admin":
            yield from _names(entry.url_patterns)


def unseen() -> set[str]:
    """URLs that neither a scene shows nor NO_PAGE explains."""
    seen = {url for item in story() if isinstance(item, Scene) for url in item.urls}
    return url_names() - seen - set(NO_PAGE)
