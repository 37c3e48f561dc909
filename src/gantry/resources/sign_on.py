"""What a login by a directory or a provider says about a person: their row, flags, organizations
and teams, as AWX's maps tell.

People made here are not changed by a person, so the activity stream names nobody for it. AWX:
awx/sso/backends.py, awx/sso/social_pipeline.py, awx/sso/common.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.db import transaction

from gantry.base.config import env_name, setting_field, settings
from gantry.base.errors import ConfigurationError
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.roles import role_on

# Whether a person is one of those that an entry of a map names; None: leave it as it is.
Matches = Callable[[Any], bool | None]
LONGEST = {"first_name": 150, "last_name": 150, "email": 254}  # characters, of Django's columns
ROLES = {"admins": "admin_role", "auditors": "auditor_role", "users": "member_role"}


def structure(name: str) -> Any:
    """A setting that is JSON, read; None where it is empty."""
    text = getattr(settings(), name)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        variable = env_name(setting_field(name))
        raise ConfigurationError(
            f"{variable} is no JSON: {error}.", cure=f"Mend {variable}; see docs/authentication.md."
        ) from error


@transaction.atomic
def take_over(user: User, fields: dict[str, Any]) -> None:
    """Write what changed, so that a login that tells nothing new is no change."""
    changed = [name for name, value in fields.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, fields[name])
    if user.pk is None:
        user.set_unusable_password()
        user.save()
    elif changed:
        user.save(update_fields=[*changed, "modified"])


@transaction.atomic
def apply_maps(user: User, organizations: Any, teams: Any, matches: Matches) -> None:
    """Organizations and teams of the maps are made where they are missing."""
    for name, options in (organizations or {}).items():
        organization = _organization(str(options.get("organization_alias") or name))
        remove = bool(options.get("remove", True))
        for key, role in ROLES.items():
            also = bool(options.get(f"remove_{key}", remove))
            _belong(user, organization, role, matches(options.get(key)), also)
    for name, options in (teams or {}).items():
        if not options.get("organization"):
            continue
        owner = _organization(str(options["organization"]))
        team, _made = Team.objects.get_or_create(name=name, organization=owner)
        remove = bool(options.get("remove", True))
        _belong(user, team, "member_role", matches(options.get("users")), remove)


def _organization(name: str) -> Organization:
    return Organization.objects.get_or_create(name=name)[0]


def _belong(user: User, row: Any, role: str, wanted: bool | None, remove: bool) -> None:
    if wanted is None or (not wanted and not remove):
        return
    members = role_on(row, role).members
    there = members.filter(pk=user.pk).exists()
    if wanted and not there:
        members.add(user)
    elif there and not wanted:
        members.remove(user)


def by_groups(is_in: Callable[[str], bool]) -> Matches:
    """Entries are true, false, or the DNs of groups."""

    def matches(entry: Any) -> bool | None:
        if entry is None or isinstance(entry, bool):
            return entry
        return any(is_in(dn) for dn in _several(entry) if isinstance(dn, str))

    return matches


def by_name(user: User) -> Matches:
    """Entries are true, false, or user names, emails and `/patterns/` of either."""

    def matches(entry: Any) -> bool | None:
        if entry is None or isinstance(entry, bool):
            return entry
        return any(_names(one, user) for one in _several(entry) if isinstance(one, str))

    return matches


def _several(entry: Any) -> list[Any]:
    return [entry] if isinstance(entry, str) else list(entry)


def _names(entry: str, user: User) -> bool:
    pattern = re.fullmatch(r"/(.*)/([ims]*)", entry, re.S)
    if pattern is None:
        return entry in (user.username, user.email)
    flags = 0
    for letter in pattern[2]:
        flags |= {"i": re.I, "m": re.M, "s": re.S}[letter]
    try:
        found = re.compile(pattern[1], flags)
    except re.error as error:
        raise ConfigurationError(
            f"{entry} in a map of SOCIAL_AUTH is no pattern: {error}.", cure="Mend the map."
        ) from error
    return bool(found.match(user.username) or found.match(user.email))
