"""The role that somebody has in a scope, and the scopes that they see. One query each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet

from meshconsole.access.models import Binding
from meshconsole.access.roles import PLATFORM_SCOPE, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


@dataclass(frozen=True, slots=True)
class VisibleScopes:
    """The scopes that somebody sees: all of them, or those named."""

    everything: bool
    scopes: frozenset[str]

    def __contains__(self, scope: object) -> bool:
        return self.everything or scope in self.scopes


def role_of(user: AbstractBaseUser | AnonymousUser, scope: str) -> Role | None:
    """Return the highest role from bindings on the scope and on the platform, direct or by group; None without any."""
    if not user.is_active:
        return None
    if is_superuser(user):
        return Role.PLATFORM_ADMIN
    return highest(_bindings(user).filter(scope__in={scope, PLATFORM_SCOPE}).values_list("role", flat=True))


def roles_in(user: AbstractBaseUser | AnonymousUser, scopes: Collection[str]) -> dict[str, Role | None]:
    """Return the role in each of these scopes, as `role_of` does."""
    if not user.is_active:
        return dict.fromkeys(scopes)
    if is_superuser(user):
        return dict.fromkeys(scopes, Role.PLATFORM_ADMIN)
    rows = list(_bindings(user).filter(scope__in={*scopes, PLATFORM_SCOPE}).values_list("scope", "role"))
    return {scope: highest(role for of, role in rows if of in (scope, PLATFORM_SCOPE)) for scope in scopes}


def visible_scopes(user: AbstractBaseUser | AnonymousUser) -> VisibleScopes:
    if not user.is_active:
        return VisibleScopes(False, frozenset())
    if is_superuser(user):
        return VisibleScopes(True, frozenset())
    scopes = frozenset(_bindings(user).values_list("scope", flat=True))
    return VisibleScopes(PLATFORM_SCOPE in scopes, scopes - {PLATFORM_SCOPE})


def highest(roles: Iterable[int]) -> Role | None:
    return max((Role(role) for role in roles), default=None)


def is_superuser(user: Any) -> bool:
    return bool(getattr(user, "is_superuser", False))


def _bindings(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Binding]:
    return Binding.objects.filter(Q(user=user.pk) | Q(group__user=user.pk))
