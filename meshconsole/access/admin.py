"""Accounts and role bindings in the admin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from meshconsole.access import users
from meshconsole.access.models import Binding

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

admin.site.unregister(User)


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    def clean_username(self) -> str:
        name: str = super().clean_username()
        users.check_name(name)
        return name


class ChangedUserForm(UserChangeForm):  # type: ignore[type-arg]
    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if name != self.instance.username:
            users.check_name(name, besides=self.instance.pk)
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kept = all(cleaned.get(name, getattr(self.instance, name)) for name in users.KEYS)
        if not kept and users.takes_last_superuser([self.instance]):
            raise ValidationError(users.LAST_SUPERUSER, code="last-superuser")
        return cleaned


@admin.register(User)
class AccountAdmin(UserAdmin[User]):
    add_form = NewUserForm
    form = ChangedUserForm

    def get_deleted_objects(
        self, objs: QuerySet[User] | Iterable[User], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Return what deleting one object or several would involve.

        If an account is protected, the admin shows why and offers no way to continue.
        """
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)  # type: ignore[arg-type]
        if users.takes_last_superuser(objs):
            protected = [*protected, str(users.LAST_SUPERUSER)]
        return deleted, counts, missing, protected


@admin.register(Binding)
class BindingAdmin(admin.ModelAdmin[Binding]):
    list_display = ["scope", "role", "user", "group", "created_at"]
    list_filter = ["role", "scope"]
    list_select_related = ["user", "group"]
    search_fields = ["scope", "user__username", "group__name"]
    autocomplete_fields = ["user", "group"]
