"""Giving and taking roles: who may, what AWX refuses and with which words.

The only way by which a request changes who holds what. AWX: RoleAccess, and the checks in
UserRolesList, TeamRolesList, RoleUsersList and RoleTeamsList.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from gantry.base.errors import Forbidden, InvalidInput
from gantry.resources.access import forget, holds, may, standing
from gantry.resources.access_people import may_take_in
from gantry.resources.organizations import Team, User
from gantry.resources.roles import FLAGS, Role, kind_of, role_on

Holder = User | Team


def give(by: User, role: Role, to: Holder) -> None:
    """Raises InvalidInput where AWX answers 400, Forbidden where it answers 403."""
    _change(by, role, to, taking=False)


def take(by: User, role: Role, of: Holder) -> None:
    _change(by, role, of, taking=True)


def _change(by: User, role: Role, holder: Holder, *, taking: bool) -> None:
    _refuse_nonsense(by, role, holder, taking=taking)
    if not may_give(by, role, holder):
        raise Forbidden("You do not have permission to perform this action.")
    if role.system and isinstance(holder, User):
        _set_flag(role, holder, not taking)
    else:
        held: Any = role.teams if isinstance(holder, Team) else role.members
        (held.remove if taking else held.add)(holder)
    forget(by)


def may_give(by: User | AnonymousUser, role: Role, to: Holder) -> bool:
    """To give and to take need the same: the object's administrator who sees whom it is about."""
    if standing(by).superuser:
        return True
    if not may(by, "read", to):
        return False
    # Who administers all organizations of a person administers that person.
    if role.user_only and not (isinstance(to, User) and may_take_in(standing(by), to)):
        return False
    return may(by, "change", role)


def give_to_creator(creator: User | AnonymousUser, row: Model) -> None:
    """Whoever made something administers it, unless they do so anyway."""
    if not isinstance(creator, User) or kind_of(type(row)) is None:
        return
    if not holds(creator, "admin_role", row):
        role_on(row, "admin_role").members.add(creator)
        forget(creator)


def roles_given_to(user: User) -> QuerySet[Role]:
    """The roles that a person holds themselves, the system's among them."""
    flagged = [name for name, flag in FLAGS.items() if getattr(user, flag)]
    system = Q(kind="", role_field__in=flagged)
    return Role.objects.filter(Q(members=user) | system).distinct()


def members_of(role: Role) -> QuerySet[User]:
    if role.system:
        return User.objects.filter(**{FLAGS[role.role_field]: True})
    members: QuerySet[User] = role.members.all()
    return members


def _refuse_nonsense(by: User, role: Role, to: Holder, *, taking: bool) -> None:
    if isinstance(to, Team):
        _refuse_to_a_team(role, to, taking)
    elif role.kind == "credential" and role.content_object is not None:
        organization = role.content_object.organization
        if organization is not None and not taking and not holds(to, "member_role", organization):
            raise _invalid(
                "You cannot grant credential access to a user not in the credentials' organization"
            )
        if organization is None and not by.is_superuser:
            raise _invalid("You cannot grant private credential access to another user")


def _refuse_to_a_team(role: Role, team: Team, taking: bool) -> None:
    if role.user_only:
        raise _invalid(
            "You cannot assign an Organization participation role as a child role for a Team."
        )
    if role.system and not taking:
        raise _invalid("You cannot grant system-level permissions to a team.")
    if role.kind == "credential" and role.content_object is not None:
        organization: Any = role.content_object.organization_id
        if organization is None or organization != team.organization_id:
            raise _invalid(
                "You cannot grant credential access to a team when the Organization field isn't "
                "set, or belongs to a different organization"
            )


def _set_flag(role: Role, user: User, value: bool) -> None:
    flag = FLAGS[role.role_field]
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if flag == "is_superuser" and user.is_superuser and not value and not others.exists():
        raise Forbidden("The last administrator cannot be demoted.")
    setattr(user, flag, value)
    user.save(update_fields=[flag, "modified"])


def _invalid(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="msg")
