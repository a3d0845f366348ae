"""The tables in the admin, read-only: only rollouts, services and workers write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin

from interconnect.models import (
    AppliedEntry,
    ChecksObservation,
    Cluster,
    ClusterObservation,
    Connection,
    Consent,
    Dismissal,
    Finding,
    Gateway,
    GatewayObservation,
    JoinDraft,
    Membership,
    MembershipAddress,
    Mesh,
    MeshObservation,
    NetworkGroup,
    Publication,
    ReplicaObservation,
    Rollout,
    Silence,
    Step,
)

if TYPE_CHECKING:
    from django.db import models
    from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Read-only: a row changed here would differ from the clusters without anybody noticing."""

    exclude: ClassVar[tuple[str, ...]] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Mesh)
class MeshAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "enabled", "revision", "system_namespace", "created_at")
    list_filter = ("kind", "enabled")
    search_fields = ("name",)


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("server", "uid", "fingerprint", "open_since", "open_code", "updated_at")
    search_fields = ("server", "uid")
    exclude = ("sealed",)


@admin.register(Cluster)
class ClusterAdmin(ReadOnlyAdmin):
    list_display = ("name", "mesh", "group", "uid", "registered_at")
    list_filter = ("mesh",)
    list_select_related = ("mesh", "group")
    search_fields = ("name", "uid")


@admin.register(NetworkGroup)
class NetworkGroupAdmin(ReadOnlyAdmin):
    list_display = ("name", "mesh", "created_at")
    list_filter = ("mesh",)
    list_select_related = ("mesh",)
    search_fields = ("name",)


@admin.register(Gateway)
class GatewayAdmin(ReadOnlyAdmin):
    list_display = ("name", "cluster", "replicas", "service_type", "created_at")
    list_select_related = ("cluster",)
    search_fields = ("name", "cluster__name")


class AddressInline(admin.TabularInline[MembershipAddress, Membership]):
    model = MembershipAddress
    can_delete = False
    extra = 0


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("group", "joined_at")
    list_select_related = ("group",)
    inlines = (AddressInline,)


class StepInline(admin.TabularInline[Step, Rollout]):
    model = Step
    fields = ("phase", "chain", "kind", "subject", "status", "attempts", "error_code", "started_at", "ended_at")
    can_delete = False
    extra = 0


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    list_display = ("id", "mesh", "kind", "status", "actor", "created_at", "ended_at")
    list_filter = ("status", "kind", "mesh")
    list_select_related = ("mesh",)
    search_fields = ("id", "actor")
    date_hierarchy = "created_at"
    inlines = (StepInline,)


@admin.register(AppliedEntry)
class AppliedEntryAdmin(ReadOnlyAdmin):
    list_display = ("kind", "namespace", "name", "field", "state", "cluster_uid", "archived", "updated_at")
    list_filter = ("mesh", "kind", "state", "archived")
    search_fields = ("name", "namespace", "cluster_uid")


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    list_display = ("token", "mesh", "actor", "given_at")
    list_filter = ("mesh",)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("code", "subject", "severity", "mesh", "source", "first_seen", "ended_at")
    list_filter = ("severity", "mesh", "source", "code")
    list_select_related = ("mesh",)
    search_fields = ("code", "subject")
    date_hierarchy = "first_seen"


@admin.register(Silence)
class SilenceAdmin(ReadOnlyAdmin):
    list_display = ("code", "mesh", "actor", "until", "ended_at", "reason")
    list_filter = ("mesh",)
    list_select_related = ("mesh",)
    search_fields = ("code", "reason")


admin.site.register(
    [
        ChecksObservation,
        ClusterObservation,
        Dismissal,
        GatewayObservation,
        JoinDraft,
        MeshObservation,
        Publication,
        ReplicaObservation,
    ],
    ReadOnlyAdmin,
)
