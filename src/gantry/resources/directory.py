"""Logging in by an LDAP directory, with AWX's settings AUTH_LDAP_*. ldap3 is imported only where a
directory is configured.

A person is found by a search, or named by a template, and then bound as with their password: only
the directory knows it. Who has a password of Gantry's own is never taken over by the directory.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ldap3
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from ldap3.core.exceptions import (
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPNoSuchObjectResult,
)
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, safe_dn

from gantry.base.config import settings
from gantry.base.errors import ConfigurationError
from gantry.resources.directory_groups import Groups
from gantry.resources.logins import DirectoryUnreachable
from gantry.resources.organizations import User
from gantry.resources.sign_on import LONGEST, apply_maps, by_groups, structure, take_over

WAIT = 10  # seconds for a connection, and for an answer
SCOPES = {
    "SCOPE_BASE": ldap3.BASE, "SCOPE_ONELEVEL": ldap3.LEVEL, "SCOPE_SUBTREE": ldap3.SUBTREE,
}  # fmt: skip
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    dn: str
    attributes: dict[str, list[str]] = field(default_factory=dict)


def authenticate(username: str, password: str) -> User | None:
    """None: the directory does not know them, or not with this password. Raises
    DirectoryUnreachable."""
    # An empty password would bind as nobody, which directories allow.
    if not password or not username or "\0" in username + password:
        return None
    known = User.objects.filter(username=username).first()
    if known is not None and not known.directory_dn:
        return None
    try:
        return _authenticate(username, password, known)
    except LDAPException as error:
        log.warning("The directory could not be asked: %s", error)
        raise DirectoryUnreachable(
            "The directory does not answer.", cure="Try again in a while, or tell an administrator."
        ) from error


def _authenticate(username: str, password: str, known: User | None) -> User | None:
    entry = find(username)
    if entry is None or not _bind_as(entry.dn, password):
        return None
    with connected() as connection:
        groups = Groups(connection, entry.dn, entry.attributes, _search_of("group_search"))
        if not _welcome(groups):
            log.info("The directory's groups keep %s out", username)
            return None
        user = known or User(username=username)
        if not user.is_active:
            return None
        take_over(user, {**_fields(entry), **_flags(user, groups), "directory_dn": entry.dn})
        maps = structure("auth_ldap_organization_map"), structure("auth_ldap_team_map")
        apply_maps(user, *maps, by_groups(groups.has))
    return user


@contextmanager
def connected(dn: str = "", password: str = "") -> Iterator[ldap3.Connection]:
    """Bound as Gantry itself, or as somebody; raises LDAPException."""
    s = settings()
    who = (dn, password) if dn else (s.auth_ldap_bind_dn, s.auth_ldap_bind_password)
    connection = _opened(*who)
    try:
        connection.bind()
        yield connection
    finally:
        connection.unbind()


def _opened(dn: str, password: str) -> ldap3.Connection:
    """A connection to the first server that takes one."""
    trouble: LDAPException = LDAPException("AUTH_LDAP_SERVER_URI names no server")
    for uri in filter(None, map(str.strip, settings().auth_ldap_server_uri.split(","))):
        connection = ldap3.Connection(
            _server(uri), user=dn or None, password=password or None, read_only=True,
            authentication=ldap3.SIMPLE if dn else ldap3.ANONYMOUS,
            receive_timeout=WAIT, raise_exceptions=True, auto_referrals=False,
        )  # fmt: skip
        try:
            connection.open()
            if settings().auth_ldap_start_tls:
                connection.start_tls()
            return connection
        except LDAPException as error:
            log.warning("%s cannot be reached: %s", uri, error)
            trouble = error
    raise trouble


def _server(uri: str) -> ldap3.Server:
    authorities = settings().auth_ldap_ca_file or None
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=authorities)
    return ldap3.Server(uri, connect_timeout=WAIT, get_info=ldap3.NONE, tls=tls)


def _bind_as(dn: str, password: str) -> bool:
    try:
        with connected(dn, password):
            return True
    except LDAPInvalidCredentialsResult:
        return False


def find(username: str) -> Entry | None:
    """Where a person is; None where there is nobody of that name, or more than one."""
    template = settings().auth_ldap_user_dn_template
    searches = structure("auth_ldap_user_search") or []
    searches = [searches] if searches and isinstance(searches[0], str) else searches
    if not template and not searches:
        raise ConfigurationError(
            "AUTH_LDAP_SERVER_URI is set, but neither AUTH_LDAP_USER_SEARCH nor "
            "AUTH_LDAP_USER_DN_TEMPLATE.", cure="Say where people are in the directory.",
        )  # fmt: skip
    with connected() as connection:
        if template:
            dn = template.replace("%(user)s", escape_rdn(username))
            searches = [[dn, "SCOPE_BASE", "(objectClass=*)"]]
        found: list[Entry] = []
        for search in searches:
            found += _search(connection, search, username)
    if len({entry.dn for entry in found}) > 1:
        log.warning("The directory has more than one entry for %s", username)
        return None
    return found[0] if found else None


def _search(connection: Any, search: list[str], username: str) -> list[Entry]:
    base, scope, wanted = search
    try:
        connection.search(
            base, wanted.replace("%(user)s", escape_filter_chars(username)), SCOPES[scope],
            attributes=[ldap3.ALL_ATTRIBUTES],
        )  # fmt: skip
    except LDAPNoSuchObjectResult:
        return []
    return [entry_of(one) for one in connection.response if one["type"] == "searchResEntry"]


def entry_of(one: dict[str, Any]) -> Entry:
    attributes = {
        name.casefold(): [v.decode(errors="replace") for v in values]
        for name, values in one["raw_attributes"].items()
    }
    return Entry(safe_dn(one["dn"]), attributes)


def _search_of(name: str) -> tuple[str, Any, str] | None:
    found = structure(f"auth_ldap_{name}")
    if not found:
        return None
    base, scope, wanted = found
    return base, SCOPES[scope], wanted


def _welcome(groups: Groups) -> bool:
    s = settings()
    if s.auth_ldap_require_group and not groups.has(s.auth_ldap_require_group):
        return False
    return not (s.auth_ldap_deny_group and groups.has(s.auth_ldap_deny_group))


def _fields(entry: Entry) -> dict[str, str]:
    """Our columns, of those that the map names and the entry has."""
    found = {}
    for name, attribute in (structure("auth_ldap_user_attr_map") or {}).items():
        values = entry.attributes.get(str(attribute).casefold(), [])
        if name in ("first_name", "last_name", "email") and values:
            found[name] = values[0].replace("\0", "")[: LONGEST[name]]
    try:
        validate_email(found.get("email", ""))
    except ValidationError:
        found.pop("email", None)
    return found


def _flags(user: User, groups: Groups) -> dict[str, bool]:
    found = {}
    for flag, dns in (structure("auth_ldap_user_flags_by_group") or {}).items():
        if flag in ("is_superuser", "is_system_auditor"):
            found[flag] = any(groups.has(dn) for dn in ([dns] if isinstance(dns, str) else dns))
    return found
