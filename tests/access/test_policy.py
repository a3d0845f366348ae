from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import IntegrityError

from meshconsole.access.actor import Actor
from meshconsole.access.models import Binding
from meshconsole.access.policy import role_of, visible_scopes
from meshconsole.access.roles import Role

pytestmark = pytest.mark.django_db


def test_everybody_has_the_role_of_their_binding_and_no_other(vera, omar, ada, pia, mallory, scope) -> None:
    roles = [role_of(user, scope) for user in (vera, omar, ada, pia, mallory)]
    assert roles == [Role.VIEWER, Role.OPERATOR, Role.MESH_ADMIN, Role.PLATFORM_ADMIN, None]


def test_a_binding_on_one_scope_says_nothing_about_another(ada) -> None:
    assert role_of(ada, "elsewhere") is None
    assert "elsewhere" not in visible_scopes(ada)


def test_a_binding_on_the_platform_counts_in_every_scope(mallory) -> None:
    Binding.objects.create(user=mallory, role=Role.VIEWER)
    assert role_of(mallory, "anywhere") is Role.VIEWER
    assert "anywhere" in visible_scopes(mallory)


def test_a_group_gives_its_members_its_role(mallory, scope) -> None:
    group = Group.objects.create(name="network team")
    mallory.groups.add(group)
    Binding.objects.create(group=group, role=Role.OPERATOR, scope=scope)
    assert role_of(mallory, scope) is Role.OPERATOR
    assert visible_scopes(mallory).scopes == {scope}


def test_the_highest_of_several_roles_counts(vera, scope) -> None:
    group = Group.objects.create(name="admins")
    vera.groups.add(group)
    Binding.objects.create(group=group, role=Role.MESH_ADMIN, scope=scope)
    assert role_of(vera, scope) is Role.MESH_ADMIN


def test_a_superuser_is_platform_admin(admin_user) -> None:
    assert role_of(admin_user, "anywhere") is Role.PLATFORM_ADMIN
    assert visible_scopes(admin_user).everything


def test_who_has_been_deactivated_has_no_role(pia) -> None:
    pia.is_active = False
    pia.save()
    assert role_of(pia, "") is None
    assert not visible_scopes(pia).everything


def test_who_is_not_signed_in_has_no_role() -> None:
    assert role_of(AnonymousUser(), "") is None
    assert not visible_scopes(AnonymousUser()).scopes


def test_a_role_takes_one_query(ada, scope, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        role_of(ada, scope)


def test_an_actor_may_what_its_role_and_those_below_it_may(omar, scope) -> None:
    actor = Actor.for_user(omar, scope)
    assert [actor.may(role) for role in Role] == [True, True, False, False]
    assert (actor.name, actor.user_id) == ("omar", omar.pk)


def test_an_actor_without_a_binding_may_nothing(mallory, scope) -> None:
    assert not any(Actor.for_user(mallory, scope).may(role) for role in Role)


def test_the_command_line_has_all_rights() -> None:
    actor = Actor.for_cli("root")
    assert actor.name == "cli:root"
    assert all(actor.may(role) for role in Role)


@pytest.mark.parametrize("values", [{}, {"both": True}])
def test_a_binding_is_of_a_user_or_of_a_group(values, mallory) -> None:
    parties = {"user": mallory, "group": Group.objects.create(name="g")} if values else {}
    with pytest.raises(IntegrityError):
        Binding.objects.create(role=Role.VIEWER, scope="s", **parties)


def test_nobody_has_two_bindings_on_one_scope(vera, scope) -> None:
    with pytest.raises(IntegrityError):
        Binding.objects.create(user=vera, role=Role.OPERATOR, scope=scope)


def test_a_platform_admin_is_one_of_the_whole_platform(mallory) -> None:
    with pytest.raises(IntegrityError):
        Binding.objects.create(user=mallory, role=Role.PLATFORM_ADMIN, scope="somewhere")
