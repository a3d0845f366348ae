"""Who may restart a gateway and when, and what the request leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from interconnect.domain.changes import DeleteGateway, DeleteGroup, MoveCluster
from interconnect.services.rollouts import rollout_cancel
from interconnect.services.workloads import gateway_restart, workloads_restart
from interconnect.state import pages
from interconnect.wording.phrases import rollout_title
from meshconsole.access.actor import Actor
from meshconsole.access.roles import Role
from meshconsole.audit.models import Entry
from tests.support.world import GATEWAY_IDS, A, B, C, World, refused, step

if TYPE_CHECKING:
    from interconnect.domain.topology import GatewayKey
    from interconnect.models import Gateway

VIEWER, OPERATOR, ADMIN = (Actor(role.slug, role) for role in (Role.VIEWER, Role.OPERATOR, Role.MESH_ADMIN))


def gateway_of(world: World, key: GatewayKey) -> Gateway:
    found = pages.gateway_of(world.mesh, UUID(GATEWAY_IDS[key]))
    assert found is not None
    return found


def test_a_gateway_of_a_joined_group_is_restarted_by_a_mesh_admin(joined: World) -> None:
    with refused("workloads.joined"):
        gateway_restart(actor=OPERATOR, gateway=gateway_of(joined, B))
    rollout = gateway_restart(actor=ADMIN, gateway=gateway_of(joined, B))
    with refused("role.missing"):
        rollout_cancel(actor=OPERATOR, rollout=rollout)
    joined.finish(rollout)
    entry = Entry.objects.get(action="gateway.restart", outcome="accepted")
    assert (entry.subject, entry.params["cluster"]) == ("eastwest-member-b-1", "member-b")
    assert entry.rollout_id == str(rollout.id)
    assert Entry.objects.filter(action="gateway.restart", outcome="refused").count() == 1
    assert rollout_title(rollout) == "Restart gateway eastwest-member-b-1"


def test_a_viewer_restarts_no_gateway(prepared: World) -> None:
    with refused("role.missing"):
        gateway_restart(actor=VIEWER, gateway=gateway_of(prepared, A))


def test_a_restart_excludes_only_changes_of_its_clusters_group(prepared: World) -> None:
    restart = gateway_restart(actor=OPERATOR, gateway=gateway_of(prepared, C))
    with refused("rollout.workloads-running"):
        prepared.start(MoveCluster("member-c", "blue"), DeleteGroup("red"))
    with refused("rollout.running"):
        workloads_restart(actor=OPERATOR, mesh=prepared.mesh, cluster="member-c")
    with refused("rollout.running"):
        gateway_restart(actor=OPERATOR, gateway=gateway_of(prepared, C))
    beside = gateway_restart(actor=OPERATOR, gateway=gateway_of(prepared, A))
    prepared.do(DeleteGateway(A))
    assert step(prepared.finish(beside), "gateway-restart").status == "skipped"
    prepared.finish(restart)
