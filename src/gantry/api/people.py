"""Lists of who belongs to an organization or a team: its member role and its admin role."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet

from gantry.api.users import UserSerializer
from gantry.api.views import AttachView, person_of
from gantry.resources.granting import give, take
from gantry.resources.models import Organization, Team, User
from gantry.resources.roles import role_on


class _People(AttachView):
    """POST with an id gives the role, with `disassociate` takes it, with a whole person makes
    them and gives it."""

    model = User
    serializer_class = UserSerializer
    role: ClassVar[str] = "member_role"
    ordering: ClassVar[tuple[str, ...] | None] = ("username",)

    def children(self, parent: Any) -> QuerySet[Any]:
        members: QuerySet[Any] = role_on(parent, self.role).members.all()
        return members

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        if created:
            role_on(parent, self.role).members.add(row)
        else:
            give(person_of(self.request), role_on(parent, self.role), row)
        return None

    def detach(self, parent: Any, row: Any) -> Any:
        take(person_of(self.request), role_on(parent, self.role), row)
        return None


class OrganizationUsersList(_People):
    parent_model = Organization


class OrganizationAdminsList(_People):
    parent_model = Organization
    role = "admin_role"


class TeamUsersList(_People):
    parent_model = Team
