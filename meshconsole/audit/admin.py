"""The audit in the admin, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from meshconsole.audit.models import Entry

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin[Entry]):
    list_display = ["time", "actor", "action", "outcome", "scope", "subject"]
    list_filter = ["outcome", "action"]
    search_fields = ["actor", "subject", "scope", "rollout_id"]
    date_hierarchy = "time"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
