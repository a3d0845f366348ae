"""Find meshes, clusters and rollouts by what a person types, and the actor that the command acts for."""

from __future__ import annotations

import getpass
import os
import uuid

from django.contrib.auth import get_user_model

from interconnect.domain.names import natural
from interconnect.domain.refusal import Refused
from interconnect.domain.topology import GatewayKey
from interconnect.models import Cluster, Gateway, Mesh, Rollout
from interconnect.scope import scope_of
from interconnect.state import pages
from meshconsole.access.actor import Actor


def mesh_named(name: str, user: str | None = None) -> Mesh:
    """Return the mesh of this name. For a user, a mesh on which they have no role doesn't exist."""
    mesh = Mesh.objects.select_related("control_plane", "config").filter(name=name).first()
    if mesh is None or not _sees(user, mesh):
        known = [each.name for each in Mesh.objects.order_by("name") if _sees(user, each)]
        raise Refused.because("cli.no-mesh", name=name, known=known or ["-"])
    return mesh


def require_sight(name: str, user: str | None) -> None:
    """Refuse a file that names a mesh its user isn't allowed to see. The mesh need not be registered yet."""
    if Mesh.objects.filter(name=name).exists():
        mesh_named(name, user)


def _sees(user: str | None, mesh: Mesh) -> bool:
    actor = actor_for(user, mesh)
    return actor.all_rights or actor.role is not None


def cluster_named(mesh: Mesh, name: str) -> Cluster:
    cluster = mesh.clusters.select_related("connection", "group", "mesh").filter(name=name).first()
    if cluster is None:
        raise Refused.because(
            "cli.no-cluster", name=name, mesh=mesh.name, known=sorted(mesh.clusters.values_list("name", flat=True))
        )
    return cluster


def gateway_named(mesh: Mesh, text: str) -> Gateway:
    """Return an east-west gateway by its key (`cluster/number`, as in a file) or its name."""
    rows = {_key(gateway): gateway for gateway in Gateway.objects.filter(cluster__mesh=mesh).select_related("cluster")}
    named = {gateway.name: gateway for gateway in rows.values()}
    found = pages.gateway_of(mesh, (rows | named)[text].id) if text in rows or text in named else None
    if found is None:
        known = sorted(rows, key=natural) or ["-"]
        raise Refused.because("cli.no-gateway", name=text, mesh=mesh.name, known=known)
    return found


def _key(gateway: Gateway) -> str:
    return str(GatewayKey(gateway.cluster.name, gateway.number))


def rollout_of(text: str, user: str | None = None) -> Rollout:
    """Return a rollout by its ID, or the newest rollout of a mesh by the mesh's name."""
    rows = Rollout.objects.select_related("mesh", "mesh__control_plane", "mesh__config")
    try:
        found = rows.filter(id=uuid.UUID(text)).first()
    except ValueError:
        found = rows.filter(mesh=mesh_named(text, user)).order_by("-created_at").first()
    if found is None or not _sees(user, found.mesh):
        raise Refused.because("cli.no-rollout", text=text)
    return found


def actor_for(user: str | None, mesh: Mesh | None) -> Actor:
    """Return the actor for `--user NAME`, with that user's rights.

    Without a name, it is the person running the command, who could read the database anyway.
    """
    if not user:
        return Actor.for_cli(_os_user())
    account = get_user_model().objects.filter(username=user, is_active=True).first()
    if account is None:
        raise Refused.because("cli.no-user", name=user)
    return Actor.for_user(account, scope_of(mesh.id) if mesh else "")


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
