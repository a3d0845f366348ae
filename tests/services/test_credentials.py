"""Credentials are sealed at rest, and stay usable when the keys change."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from django.core.management import call_command

from interconnect.clients import api_of
from interconnect.models import Connection
from interconnect.services.clusters import cluster_credential_replace
from tests.support.world import ROOT
from tests.support.worlds import forget_clients

if TYPE_CHECKING:
    from tests.support.world import World


def test_connections_open_with_the_new_key_alone_after_a_rotation(world: World, settings: Any) -> None:
    new, old = Fernet.generate_key().decode(), settings.MESHCONSOLE_CREDENTIAL_KEYS
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [new, *old]
    said = StringIO()
    call_command("rotate_credentials", stdout=said)
    assert said.getvalue().startswith("4 rotated")
    settings.MESHCONSOLE_CREDENTIAL_KEYS = [new]
    forget_clients()
    assert {api_of(row).version() for row in Connection.objects.all()}


def test_a_replaced_credential_is_the_one_that_is_used_next(world: World) -> None:
    cluster = world.row("member-a")
    before = api_of(cluster.connection)
    kubeconfig = world.fleet.kubeconfig("member-a").replace("127.0.0.1", "localhost")
    cluster_credential_replace(actor=ROOT, cluster=cluster, report=world.look_at("member-a", kubeconfig))
    after = api_of(world.row("member-a").connection)
    assert after.transport is not before.transport
    assert after.version() == before.version()


def test_no_credential_is_readable_in_its_row(world: World) -> None:
    for row in Connection.objects.all():
        assert "simulator" not in row.sealed
        assert row.server.startswith("https://127.0.0.1")
