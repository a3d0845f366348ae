"""Credentials are sealed at rest, and stay usable when the keys change."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone

from interconnect.clients import api_of
from interconnect.models import Connection
from interconnect.services.clusters import cluster_credential_replace
from tests.support.tokens import jwt, with_token
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


def ending(world: World, **ahead: float) -> datetime:
    """From now on member-a's credential ends so far ahead."""
    end = (timezone.now() + timedelta(**ahead)).replace(microsecond=0)
    kubeconfig = with_token(world.fleet.kubeconfig("member-a"), jwt(exp=end.timestamp()))
    cluster_credential_replace(actor=ROOT, cluster=world.row("member-a"), report=world.look_at("member-a", kubeconfig))
    return end


def test_a_look_warns_before_a_credential_ends(world: World) -> None:
    for ahead, expected in (({"days": 60}, []), ({"days": 3}, [("credential.ends-soon", "member-a", False)])):
        ending(world, **ahead)
        found = [finding for finding in world.found() if finding.code.startswith("credential.")]
        assert [(finding.code, finding.subject.name, finding.grave) for finding in found] == expected


def test_the_end_of_a_credential_stored_without_one_is_noted_at_its_next_use(world: World) -> None:
    end = ending(world, days=3)
    Connection.objects.update(ends_at=None)
    forget_clients()
    api_of(world.row("member-a").connection)
    assert world.row("member-a").connection.ends_at == end
