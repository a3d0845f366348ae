"""What a running console says of a mesh in three places: its pages, `status`, and the findings in its database."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from contextlib import closing
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple

from interconnect.wording.diagnosis import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interconnect.domain.json_types import Json
    from tests.browser.installation import Installation
    from tests.live.support.console import Console

CRITICAL = 5
PATIENCE_SECONDS = 120.0
VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "use"}
RULE = re.compile(r'cross-network-gateway</code>\s*<span class="state[^>]*>(?:<svg.*?</svg>)?([^<]*)<', re.DOTALL)
# A gateway is called as its objects are; its subject is its cluster and number.
NAME = "CASE subject_kind WHEN 'gateway' THEN json_extract(params, '$.gateway') ELSE subject END"
OPEN = f"SELECT code, subject_kind, {NAME}, severity FROM interconnect_finding WHERE ended_at IS NULL"

Key = tuple[str, str]


class Told(NamedTuple):
    """Open findings as (code, subject, severity), and the label of each thing by its kind and name."""

    findings: list[tuple[str, str, str]]
    states: dict[Key, str]
    critical: int

    @property
    def severities(self) -> dict[Key, str]:
        return {(code, subject): severity for code, subject, severity in self.findings}


class Row(NamedTuple):
    """A row of a table: the texts of its elements by tag and class."""

    id: str
    texts: dict[str, list[str]]

    def text(self, name: str) -> str:
        return next(iter(self.texts.get(name, ())), "")


class Rows(HTMLParser):
    """The rows of a page. `critical` is the number of findings in the alert, `rule` the state of the gateway rule."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Row] = []
        self.within: list[tuple[str, list[str], list[str]]] = []
        self.critical = 0
        self.feed(page)
        found = RULE.search(page)
        self.rule = html.unescape(found[1]) if found else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.critical = int(given.get("data-critical") or self.critical)
        if tag == "tr":
            self.found.append(Row(given.get("id") or "", {}))
        if tag not in VOID:
            self.within.append((tag, [tag, *(given.get("class") or "").split()], []))

    def handle_data(self, data: str) -> None:
        for _tag, _names, parts in self.within:
            parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        while any(each[0] == tag for each in self.within):
            closed, names, parts = self.within.pop()
            for name in names if any(each[0] == "tr" for each in self.within) else ():
                self.found[-1].texts.setdefault(name, []).append(" ".join("".join(parts).split()))
            if closed == tag:
                break


class Surfaces:
    """One mesh of an installation; `console` runs commands on the same data. Somebody has signed in."""

    def __init__(self, installation: Installation, console: Console, mesh: str) -> None:
        self.installation, self.console, self.mesh = installation, console, mesh

    def rows(self) -> list[tuple[str, str, str]]:
        """The open findings in the database."""
        path = f"file:{self.installation.data / 'meshconsole.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(path, uri=True, timeout=20)) as database:
            found = database.execute(OPEN).fetchall()
        return sorted((code, name or str(SUBJECTS[kind]), severity) for code, kind, name, severity in found)

    def status(self) -> Told:
        outcome = self.console("status", self.mesh, "--json")
        document = outcome.json()
        found = [(each["code"], _named(each["subject"]), each["severity"]) for each in document["findings"]]
        grave = {code for code, _subject, severity in found if severity == "critical"}
        outcome.ended(CRITICAL if grave else 0)
        return Told(sorted(found), _states(document), len(grave))

    def pages(self) -> Told:
        """*Checks* and *Interconnect*, asked for as a browser does."""
        checks, interconnect = (Rows(self._page(path)) for path in ("checks/?by=cluster", ""))
        found = [
            (row.text("mono"), row.text("chip"), row.text("td").lower())
            for row in checks.found
            if "." in row.text("mono") and row.text("chip")
        ]
        states = {key: row.text("state") for row in interconnect.found if (key := _thing(row))}
        states["rule", ""] = interconnect.rule
        return Told(sorted(found), states, interconnect.critical)

    def _page(self, path: str) -> str:
        return self.installation.page(f"/meshes/{self.mesh}/{path}")[2]

    def agreed(self) -> Told:
        """What all three say; looks go on meanwhile, so they are asked again when something has changed in between."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            before, rows = self.status(), self.rows()
            shown = self.pages()
            if (self.status(), self.rows()) != (before, rows):
                continue
            assert shown.findings == before.findings == rows
            assert shown.states == before.states
            assert shown.critical == before.critical
            return shown
        raise AssertionError("the mesh does not come to rest")

    def expect(self, wanted: Mapping[Key, str], *, apart: tuple[str, ...] = ()) -> Told:
        """Wait until the open findings are exactly these, by code and subject, and all surfaces say so.

        Left out are those about workloads, those that the joins have left, which depend on what runs there besides, and
        those about the subjects `apart`.
        """
        until, seen = time.monotonic() + PATIENCE_SECONDS, {}
        while time.monotonic() < until:
            seen = _of_interest(Told(self.rows(), {}, 0), apart)
            if seen == wanted:
                told = self.agreed()
                if _of_interest(told, apart) == wanted:
                    return told
            time.sleep(0.1)
        raise AssertionError(f"{seen} instead of {dict(wanted)}")


def _of_interest(told: Told, apart: tuple[str, ...]) -> dict[Key, str]:
    return {
        key: severity
        for key, severity in told.severities.items()
        if not key[0].startswith(("pods.", "preflight.")) and key[1] not in apart
    }


def _named(subject: Json) -> str:
    return subject["name"] or str(SUBJECTS[subject["kind"]])


def _thing(row: Row) -> Key | None:
    """What a row of *Interconnect* is about."""
    kind = row.id.partition("-")[0]
    if kind in ("group", "cluster", "gateway"):
        return (kind, row.text("name").split()[0])
    return ("member", row.text("th")) if kind == "member" else None


def _states(document: Json) -> dict[Key, str]:
    found = {("rule", ""): document["rule"]["label"]}
    for name, group in document["groups"].items():
        found["group", name] = group["state"]["label"]
        if group["interconnect"]:
            found["member", name] = group["interconnect"]["label"]
        for cluster in group["clusters"]:
            found["cluster", cluster] = document["clusters"][cluster]["state"]["label"]
        for gateway in group["gateways"].values():
            found["gateway", gateway["name"]] = gateway["state"]["label"]
    return found
