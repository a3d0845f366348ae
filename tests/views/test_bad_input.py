"""Every form of the console against what no browser would send: refused in words or by a status, nothing is changed,
never a 500.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from interconnect.domain.changes import Remove
from interconnect.domain.findings import Finding, Severity, Subject, SubjectKind
from interconnect.domain.topology import Address, GatewayKey
from interconnect.models import (
    Cluster,
    Gateway,
    Inquiry,
    InquiryStatus,
    Mesh,
    Rollout,
    RolloutStatus,
    Silence,
    StepStatus,
)
from interconnect.scope import scope_of
from interconnect.services import drafts
from interconnect.services.inquiries import Kind, inquiry_start
from interconnect.state import desired
from interconnect.state.findings import LOOK, note_findings
from meshconsole.access.models import Binding
from meshconsole.access.roles import Role
from tests.access.test_matrix import TABLE, names
from tests.conftest import person
from tests.support import shop

if TYPE_CHECKING:
    from collections.abc import Mapping

# As they come in a body, percent-encoded where text could not hold them.
HOSTILE = {
    "a NUL": "a%00b",
    "no UTF-8": "%ff%fe",
    "markup": quote_plus("<b>bold</b>"),
    "far too long": "x" * 70_000,
    "a huge number": "9" * 400,
}
SAFE = {200, 204, 302, 400, 404, 405, 409, 413, 422, 429}
HTMX = {"HX-Request": "true", "HX-Target": "dialog-form"}
FORM = "application/x-www-form-urlencoded"

GATEWAY = {
    "replicas": "2",
    "autoscaling_min": "",
    "autoscaling_max": "",
    "service_type": "LoadBalancer",
    "load_balancer_ip": "",
    "annotations": "",
}
GATEWAY_TEXT = ("load_balancer_ip", "annotations", "replicas")
KUBECONFIG = {"kubeconfig": "kind: Config", "context": "", "kept": "", "do": "conclude"}
HUB = {**KUBECONFIG, "config": "", "config_context": ""}


@dataclass(frozen=True)
class Row:
    """What a form sends that would be accepted. `kept`: what a person types, and finds again beside the error.

    `free`: fields whose value decides nothing, so that with a hostile one the rest is carried out.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    query: str = ""


NOTHING = Row()
DECISION = {"plan": "", "step": "ask", "restart": "always", "phrase": "", "consent": "", "withdraw": "", "again": ""}
ROWS: dict[str, Row] = {
    "account_login": Row({"login": "ada", "password": "wrong", "next": "/"}, kept=("login",), free=("next",)),
    "account_logout": NOTHING,
    "set_language": Row({"language": "en", "next": "/"}, free=("language", "next")),
    "group-create": Row({"name": "new", "clusters": "free"}, kept=("name",)),
    "group-add-cluster": Row({"clusters": "free", "version": ""}),
    "group-delete": Row({"version": ""}),
    "group-create-gateway": Row({**GATEWAY, "cluster": "taiwan", "id": ""}, kept=GATEWAY_TEXT),
    "cluster-create-gateway": Row({**GATEWAY, "id": ""}, kept=GATEWAY_TEXT),
    "cluster-edit-gateway": Row({**GATEWAY, "version": ""}, kept=GATEWAY_TEXT),
    "gateway-edit": Row({**GATEWAY, "version": ""}, kept=GATEWAY_TEXT),
    "gateway-delete": Row({"version": ""}),
    "cluster-move": Row({"group": "1-onprem", "version": ""}),
    "cluster-remove-from-group": Row({"version": ""}),
    "cluster-unregister": Row({"version": ""}),
    "cluster-forget": Row({"confirmation": "taiwan"}, kept=("confirmation",)),
    "cluster-pod-cidrs": Row({"pod_cidrs": "10.77.0.0/16"}, kept=("pod_cidrs",)),
    "enable": Row({"version": ""}),
    "disable": Row({"phrase": "Close Basic Settings"}, kept=("phrase",)),
    "join": Row({"group": "asia"}),
    "join-addresses": Row(
        {"asia-chosen": "", "asia-hand": "|a.example|1", "asia-host": "b.example", "asia-port": "1", "add": "asia"},
        kept=("asia-host", "asia-port"),
        free=("asia-hand", "add"),
    ),
    "join-review": Row({"plan": "", "revision": "1", "restart": "always", "consent": "", "withdraw": "", "again": ""}),
    "addresses-update": Row(
        {"aws-chosen": "", "aws-hand": "|a.example|1", "aws-host": "b.example", "aws-port": "1", "aws-version": ""},
        kept=("aws-host", "aws-port"),
        free=("aws-hand",),
        query="?group=aws",
    ),
    "interconnect-remove": Row({"group": "aws", "step": "confirm", "restart": "always", "version": ""}),
    "rollout-retry": Row(DECISION, query="?decision=skip"),
    "rollout-cancel": NOTHING,
    "rollout-revert": Row(DECISION),
    "rollout-dismiss": NOTHING,
    "checks-run": NOTHING,
    "silence-add": Row(
        {"findings": "rule.missing rule/", "hours": "8", "reason": "known", "every": ""}, free=("every", "reason")
    ),
    "silence-end": NOTHING,
    "alerts-dismiss": Row({"seen": f"storefront:{'0' * 64}"}),
    "members": Row({"username": "tom", "role": "2"}, kept=("username",)),
    "member-remove": NOTHING,
    "mesh-settings": Row({"restart": "never"}),
    "mesh-delete": Row({"version": ""}),
    "mesh-networks": Row({"source": "hub-of-storefront", "config_map": "istio"}, kept=("config_map",)),
    "mesh-istiod-url": Row({"url": "http://istiod.example.com:15014"}, kept=("url",)),
    "rule": NOTHING,
    "restore": Row(DECISION),
    "restart-workloads": Row(DECISION, query="?cluster=taiwan"),
    "gateway-restart": Row(DECISION),
    "mesh-register": Row(
        {**HUB, "name": "new", "kind": "hosted", "system_namespace": "istio-system"}, kept=("name", "system_namespace")
    ),
    "mesh-register-check": Row({**HUB, "name": "new", "kind": "hosted", "system_namespace": "istio-system"}),
    "mesh-credential": Row(HUB),
    "mesh-credential-check": Row(HUB),
    "cluster-register": Row({**KUBECONFIG, "name": "new", "pod_cidrs": ""}, kept=("name", "pod_cidrs")),
    "cluster-register-check": Row({**KUBECONFIG, "name": "new", "pod_cidrs": ""}),
    "cluster-credential": Row(KUBECONFIG),
    "cluster-credential-check": Row(KUBECONFIG),
}
READ_ONLY = {
    *(
        "home",
        "meshes",
        "gallery",
        "interconnect",
        "mesh-status",
        "look",
        "clusters",
        "rollouts",
        "rollout",
        "checks",
        "activity",
        "help-finding",
        "help-findings",
        "meshes-csv",
        "checks-csv",
    ),
    *("topology", "account-file", "mesh-account-file"),
}
OF_DJANGO = {"account_login", "set_language"}


@pytest.fixture
def parts(mesh: Mesh, pia: Any) -> dict[str, Any]:
    """One existing thing of each kind that a URL may name; the wizard's draft is complete, and the last rollout has
    failed.
    """
    draft = drafts.draft_groups(mesh=mesh, user_id=pia.id, groups=["asia"])
    address = Address("203.0.113.8", gateway=GatewayKey("taiwan", 1))
    drafts.draft_addresses(draft=draft, addresses={"asia": [address]}, topology=desired.load(mesh))
    tom = person("tom", Role.VIEWER, scope_of(mesh.id))
    until = timezone.now() + timedelta(hours=1)
    silence = Silence.objects.create(mesh=mesh, code="rule.changed", until=until, reason="known", actor="omar")
    missing = Finding("rule.missing", Severity.CRITICAL, subject=Subject(SubjectKind.RULE))
    note_findings(mesh, LOOK, [missing], at=timezone.now())
    return {
        "name": mesh.name,
        "group": "asia",
        "cluster": "taiwan",
        "gateway": Gateway.objects.get(cluster__name="taiwan").id,
        "binding_id": Binding.objects.get(user=tom).id,
        "inquiry_id": uuid4(),
        "rollout_id": mesh.rollouts.latest("created_at").id,
        "silence_id": silence.id,
        "code": "rule.missing",
        "place": "member",
        "ending": "sh",
    }


def address_of(name: str, parts: Mapping[str, Any]) -> str:
    """Where the form goes; a check is one that has been made for just this form."""
    patterns = get_resolver().reverse_dict.getlist(name)
    wanted = next(params for possibilities in patterns for _template, params in possibilities[0])
    if name.endswith("-check") and parts["name"] == "storefront" and parts["cluster"] == "taiwan":
        parts = {**parts, "inquiry_id": check_of(name.removesuffix("-check")).id}
    return reverse(name, kwargs={part: parts[part] for part in wanted})


def check_of(name: str) -> Inquiry:
    cluster = Cluster.objects.get(name="taiwan")
    params = {"cluster": str(cluster.id)} if name == "cluster-credential" else {}
    mesh = None if name == "mesh-register" else cluster.mesh
    user = get_user_model().objects.get(username="pia")
    secret = json.dumps({"kubeconfig": "kind: Config"})
    kind = Kind(name.replace("-", ".", 1), check=True)
    asked = inquiry_start(user_id=user.id, kind=kind, mesh=mesh, params=params, secret=secret)
    Inquiry.objects.filter(id=asked.id).update(status=InquiryStatus.FAILED)
    return asked


@pytest.fixture
def browser(pia: Any, request: pytest.FixtureRequest) -> Client:
    """Of somebody who may do everything; nobody is signed in where they do that."""
    client = Client()
    if getattr(request.node, "callspec", None) is None or request.node.callspec.params.get("name") != "account_login":
        client.force_login(pia)
    return client


def body_of(fields: Mapping[str, str], **raw: str) -> str:
    """A form's body; `raw` are values that are percent-encoded already."""
    encoded = {name: quote_plus(value) for name, value in fields.items()} | raw
    return "&".join(f"{name}={value}" for name, value in encoded.items())


@contextmanager
def undone() -> Iterator[None]:
    """What the block stores is taken back, so that each attempt meets the same mesh."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def stored(mesh: Mesh) -> tuple[Any, ...]:
    """What a refused request leaves alone."""
    mesh.refresh_from_db()
    settings = (mesh.enabled, mesh.restart, mesh.istiod_url, mesh.networks_config_map, mesh.revision)
    people = sorted(Binding.objects.values_list("scope", "user__username", "role"))
    counts = (
        Mesh.objects.count(),
        Rollout.objects.count(),
        Inquiry.objects.exclude(kind__in=("kubeconfig.kept", "plan", "workloads", "gateway-pods")).count(),
    )
    clusters = sorted((name, tuple(cidrs)) for name, cidrs in mesh.clusters.values_list("name", "pod_cidrs"))
    return desired.load(mesh), settings, people, counts, clusters


def test_every_url_that_takes_a_form_has_a_row() -> None:
    assert set(names(get_resolver().url_patterns)) == set(ROWS) | READ_ONLY


@pytest.mark.parametrize("name", sorted(READ_ONLY))
def test_a_page_that_takes_no_form_refuses_one(
    browser: Client, parts: dict[str, Any], name: str, settings: Any
) -> None:
    settings.DEBUG = name == "gallery"
    response = browser.post(address_of(name, parts), {"name": "x"})
    assert (
        response.status_code == (405 if name not in ("home", "gallery") else response.status_code)
        and response.status_code < 500
    )


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.fields))
def test_hostile_values_are_refused_and_change_nothing(
    browser: Client, mesh: Mesh, parts: dict[str, Any], name: str
) -> None:
    row, url = ROWS[name], address_of(name, parts) + ROWS[name].query
    before = stored(mesh)
    for each, value in ((each, value) for each in row.fields for value in HOSTILE.values()):
        with undone():
            response = browser.generic("POST", url, body_of(row.fields, **{each: value}), FORM, headers=HTMX)
            assert response.status_code in SAFE, (each, value[:20], response.status_code)
            if each not in row.free:
                assert response.status_code != 204 or "bad" in response.headers.get("HX-Trigger", ""), (
                    each,
                    value[:20],
                )
                assert stored(mesh) == before, (each, value[:20])


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.kept))
def test_what_was_typed_stands_in_the_form_again_as_text(browser: Client, parts: dict[str, Any], name: str) -> None:
    row, url = ROWS[name], address_of(name, parts) + ROWS[name].query
    for each in row.kept:
        typed = '<b title="x">bold</b>'
        response = browser.post(url, {**row.fields, each: typed}, headers=HTMX)
        text = response.content.decode()
        assert response.status_code == 422, each
        assert escape(typed) in text and typed not in text, each
        assert 'aria-invalid="true"' in text or 'role="alert"' in text, each


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_form_that_is_empty_broken_or_endless_is_no_mistake_of_the_console(
    browser: Client, parts: dict[str, Any], name: str
) -> None:
    row, url = ROWS[name], address_of(name, parts) + ROWS[name].query
    bodies = [
        (FORM, b""),
        (FORM, "&".join(f"{each}=a" for each in row.fields for _ in range(200)).encode()),
        (FORM, "&".join(f"a{number}=1" for number in range(1001)).encode()),
        (f"{FORM}; charset=none-such", b"name=\xff"),
        ("application/json", b"{"),
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=name\r\n\r\n\x00\xff"),
    ]
    for kind, body in bodies:
        with undone():
            response = browser.generic("POST", url, body, kind, headers=HTMX)
            assert response.status_code in SAFE, (kind, body[:20], response.status_code)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_form_without_its_token_and_with_a_foreign_method_is_refused(
    pia: Any, mesh: Mesh, parts: dict[str, Any], name: str
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(pia)
    url, before = address_of(name, parts) + ROWS[name].query, stored(mesh)
    assert client.post(url, ROWS[name].fields).status_code == 403
    assert client.post(url, {**ROWS[name].fields, "csrfmiddlewaretoken": "x" * 64}).status_code == 403
    browser = Client()
    browser.force_login(pia)
    for method in ("put", "delete", "patch") if name not in OF_DJANGO else ():
        assert getattr(browser, method)(url).status_code == 405, method
    assert stored(mesh) == before


THINGS = {name: row[1] for name, row in TABLE.items() if name in ROWS and row[1]}

# "kind: Config" alone is refused beside its field.
BEGUN_ANEW = {name: 422 for name, parts in THINGS.items() if parts == ("inquiry_id",)}


@pytest.mark.parametrize("name", sorted(THINGS))
def test_a_thing_of_another_mesh_and_one_that_never_was_are_not_found(
    browser: Client, mesh: Mesh, parts: dict[str, Any], name: str
) -> None:
    other = shop.new_mesh("other")
    shop.add_cluster(other, "theirs")
    never = {
        "group": "none",
        "cluster": "none",
        "gateway": uuid4(),
        "rollout_id": uuid4(),
        "inquiry_id": uuid4(),
        "binding_id": 2**63,
        "silence_id": 2**63,
    }
    before = stored(mesh), stored(other)
    # A check that is not kept is no mistake: what was sent is checked, or refused beside its field, as if it were the
    # first.
    expected = BEGUN_ANEW.get(name, 404)
    for known in (parts | {"name": other.name}, parts | never):
        assert browser.post(address_of(name, known), ROWS[name].fields).status_code == expected, known["name"]
    assert (stored(mesh), stored(other)) == before


KNOWN_QUERIES = (
    "page",
    "members",
    "q",
    "group",
    "cluster",
    "gateway",
    "next",
    "state",
    "sort",
    "all",
    "decision",
    "accept",
    "plan",
)
PAGES = sorted({*ROWS, *READ_ONLY} - {"gallery", "account_logout", "set_language"})
QUERIES = ("abc", "99999", "-1", "0", "9" * 400, "%00", "%ff", quote_plus("<b>bold</b>"), "x" * 4000)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_with_a_query_that_it_does_not_know_is_shown_all_the_same(
    browser: Client, parts: dict[str, Any], name: str
) -> None:
    url = address_of(name, parts)
    for value in QUERIES:
        response = browser.get(f"{url}?{'&'.join(f'{each}={value}' for each in KNOWN_QUERIES)}")
        assert response.status_code in SAFE, value[:20]
        assert b"<b>bold" not in response.content


def test_a_body_larger_than_any_form_is_refused_before_it_is_read(browser: Client, parts: dict[str, Any]) -> None:
    url = address_of("cluster-register", parts)
    response = browser.generic("POST", url, body_of({}, kubeconfig="x" * 3_000_000), FORM)
    assert response.status_code == 413 and "256 KiB" in response.content.decode()


def test_a_rollout_that_failed_is_retried_once_however_often_it_is_asked_for(
    browser: Client, mesh: Mesh, parts: dict[str, Any]
) -> None:
    failed = shop.started(mesh, Remove("aws"))
    shop.end(failed, RolloutStatus.FAILED, StepStatus.FAILED)
    url = address_of("rollout-retry", parts | {"rollout_id": failed.id})
    for _dialog in range(2):
        browser.get(url, headers=HTMX)
        Inquiry.objects.update(status=InquiryStatus.DONE)
    quick, slow = Inquiry.objects.filter(kind="plan").order_by("asked_at")
    for _press in range(2):
        assert "HX-Redirect" in browser.post(url, {"plan": str(quick.id), "step": "confirm"}, headers=HTMX).headers
    late = browser.post(url, {"plan": str(slow.id), "step": "confirm"}, headers=HTMX)
    assert "Only a failed or cancelled rollout" in late.headers["HX-Trigger"]
