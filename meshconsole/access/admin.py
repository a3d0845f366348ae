"""Role bindings in the admin."""

from __future__ import annotations

from django.contrib import admin

from meshconsole.access.models import Binding


@admin.register(Binding)
class BindingAdmin(admin.ModelAdmin[Binding]):
    list_display = ["scope", "role", "user", "group", "created_at"]
    list_filter = ["role", "scope"]
    list_select_related = ["user", "group"]
    search_fields = ["scope", "user__username", "group__name"]
    autocomplete_fields = ["user", "group"]
